"""Rewards of texts, measured on the target: what language models are tuned on by preferences and by reinforcement.

A reward is not a metric: a model that is tuned on it may raise it by other means than those intended. What reveals this
is measured separately, see `recx.evaluation.reward_study`.
"""

from collections.abc import Sequence

import numpy as np
import torch

from recx.data.catalogue import Catalogue
from recx.evaluation.alignment_metrics import ranking_ndcg
from recx.evaluation.faithfulness import cited_places, erasure
from recx.evaluation.pair_effects import PairEffects
from recx.explaining.records import Explanation
from recx.parsing.quotation_marks import QUOTED
from recx.prompts.pieces import Piece, Title, quoted_pieces
from recx.recommenders.devices import score
from recx.recommenders.protocol import Scorer, mask_seen, pad_histories
from recx.recommenders.tie_order import best_first

LOWEST = -1.0
TOP = 10  # items of the target's list that a summary is held against
SUMMARY = 3  # titles of a summary that are read


def is_true(explanation: Explanation, liked: bool) -> bool:
    """Whether the decision is the target's, all titles cited are in the history, and all that is stated is true."""
    return (
        explanation.decision == liked
        and all(c.in_history for c in explanation.citations)
        and all(s.true for s in explanation.statements)
        and all(n.measured is not False for n in explanation.numbers)
    )


def effect_reward(effects: PairEffects, explanation: Explanation) -> float:
    """How far the cited causes move the target, in [-1, 1], less 1 where anything in the text is not true.

    0 is the mean of all sets of as many titles, 1 the best set (`recx.evaluation.faithfulness.erasure`). A text that
    cites nothing has an effect of -1. One that cites the whole history has an effect of 0, and so has one about a
    history in which all sets do the same.
    """
    cited = cited_places(effects, explanation)
    erased = erasure(effects, cited)
    if erased is None:
        effect = 0.0 if cited else LOWEST
    else:
        effect = 0.0 if np.isnan(erased.normalised) else max(LOWEST, erased.normalised)
    return effect - (not is_true(explanation, effects.liked))


def listed_items(text: str, catalogue: Catalogue) -> list[int]:
    """The items of a list of quoted titles in its order, each once; 0 for every other title that is not known."""
    named = [catalogue.index_of_label.get(title, 0) for title in QUOTED.findall(text)]
    return [item for n, item in enumerate(named) if item == 0 or item not in named[:n]]


def ranking_reward(text: str, ideal: np.ndarray, catalogue: Catalogue) -> float:
    """NDCG (Rec-R1: Lin et al. 2025, arXiv 2503.24289) of a written ranking against the target's, in [0, 1].

    Of a title that is written twice, only the first place counts: otherwise the best one, again and again, would earn
    more than the right order.

    Args:
        text: quoted titles.
        ideal: (C,) candidates in the target's order.
        catalogue: titles.
    """
    listed = [*listed_items(text, catalogue), *[0] * len(ideal)][: len(ideal)]
    return float(ranking_ndcg(np.array([listed]), np.array([ideal]))[0])


@torch.inference_mode()
def top_unseen(target: Scorer, read: Sequence[np.ndarray], seen: Sequence[np.ndarray], length: int) -> np.ndarray:
    """The target's ranking (R, N + 1) of all items after reading R histories; `seen` items and padding come last.

    Args:
        target: not modified.
        read: R histories that it reads; an empty one gives a ranking of zeros; (R, 1) if all are empty.
        seen: R sets of items that are not recommended.
        length: number of most recent items that it reads.
    """
    some = [n for n, own in enumerate(read) if len(own)]
    if not some:
        return np.zeros((len(read), 1), dtype=np.int64)
    scores = mask_seen(score(target, pad_histories([read[n] for n in some], length)), [seen[n] for n in some])
    order = best_first(scores, [seen[n] for n in some])[1].numpy()
    ranked = np.zeros((len(read), order.shape[1]), dtype=np.int64)
    ranked[some] = order
    return ranked


def summary_rewards(
    target: Scorer, summaries: Sequence[Sequence[int]], histories: Sequence[np.ndarray], length: int
) -> np.ndarray:
    """Overlap (R,) of the target's top ten, read from a summary instead of the history, with its own, in [0, 1].

    The top of a history that leaves fewer than ten items unseen is all of these.

    After ReLSum (Yadav et al. 2025, arXiv 2508.08404), which rewards summaries of product descriptions by the relevance
    scores that they lead to. Here the summary is the first three titles that a text names, which the target reads as if
    they were the history.

    Args:
        target: not modified.
        summaries: R lists of items; what is 0 is left out.
        histories: R whole histories; none of their items is recommended.
        length: number of most recent items that the target reads.
    """
    read = [np.array([i for i in own[:SUMMARY] if i], dtype=np.int64) for own in summaries]
    own = top_unseen(target, histories, histories, length)
    got = top_unseen(target, read, histories, length)
    tops = [min(TOP, own.shape[1] - 1 - len(np.unique(history))) for history in histories]
    return np.array([len(np.intersect1d(a[:k], b[:k])) / max(1, k) for a, b, k in zip(own, got, tops, strict=True)])


def rewritten(explanation: Explanation, effects: PairEffects, catalogue: Catalogue) -> list[Piece]:
    """A text with its causes replaced by the measured ones: the first by the strongest, and so on.

    Titles that pull the other way are replaced by the items with the strongest opposite effects. What is said of a
    title besides may have become false, so the result has to be read again.
    """
    order = effects.players[np.argsort(-effects.shapley, kind="stable")].tolist()
    cited = [(c.item, c.against) for c in explanation.citations if c.item is not None]
    causes = list(dict.fromkeys(item for item, against in cited if not against))
    others = list(dict.fromkeys(item for item, against in cited if against and item not in causes))
    instead = dict(zip(causes, order, strict=False)) | dict(zip(others, order[::-1], strict=False))
    pieces = quoted_pieces(explanation.text, catalogue.index_of_label)
    return [Title(instead.get(piece.item, piece.item)) if isinstance(piece, Title) else piece for piece in pieces]
