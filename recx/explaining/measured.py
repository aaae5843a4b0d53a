"""Explanations based on measurements of the target: evidence for a model to verbalise, or a plain template."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from recx.attribution.effect_labels import shares_without
from recx.attribution.removal import ValueFunction
from recx.attribution.shapley import shapley_values
from recx.data.catalogue import Catalogue
from recx.explaining.records import Explanation, explanation_of
from recx.parsing.explanation_parser import ExplanationParser
from recx.prompts.controls import Control
from recx.prompts.evidence import Evidence, evidence_of, explain_evidence, tell
from recx.prompts.pieces import as_text
from recx.prompts.requests import Request
from recx.recommenders.item_rank import item_ranks


def measure_evidence(value: ValueFunction, history: np.ndarray, item: int) -> Evidence:
    """Measure by Shapley values what the target's decision about an item rests on.

    Args:
        value: value function of log-probabilities.
        history: item indices of the whole history, oldest first, including items too old for the target to read.
        item: the item in question.
    """
    history = np.asarray(history, dtype=np.int64)
    liked = is_liked(value, history, item)
    measured = shapley_values(value, history, [item])
    below = replace(value, score="share_below")
    without = shares_without(below, history, [item])[:, 0]
    share_below = float(below.full(history, [item])[0])
    return evidence_of(measured.players, measured.values[:, 0], item, liked, share_below, without)


def is_liked(value: ValueFunction, history: np.ndarray, item: int) -> bool:
    """The target's decision; an item that it neither likes nor dislikes counts as liked in the better half."""
    rank = item_ranks(value.target, [history], item, value.length)[0]
    return rank.decision == "yes" or (rank.decision == "between" and 2 * rank.rank <= rank.unseen)


def template_explanations(
    value: ValueFunction,
    catalogue: Catalogue,
    histories: Sequence[np.ndarray],
    items: Sequence[int],
    seed: int = 0,
) -> list[Explanation]:
    """Fill a plain template with the measured evidence: the baseline that a language model's text has to beat.

    Args:
        value: value function of log-probabilities.
        catalogue: titles and attributes.
        histories: P histories.
        items: (P,) the items in question.
        seed: random seed of the wordings.
    """
    rng, parser, out = np.random.default_rng(seed), ExplanationParser(catalogue), []
    for history, item in zip(histories, items, strict=True):
        whole = np.asarray(history, dtype=np.int64)
        older, shown = whole[: -value.length], whole[-value.length :]
        evidence = measure_evidence(value, history, int(item))
        text = as_text(explain_evidence(rng, catalogue, evidence, Control(), numbers=True), catalogue)
        request = Request("explanation", shown, (int(item),), "", tuple(tell(evidence)), older)
        out.append(explanation_of(text, request, catalogue, parser))
    return out
