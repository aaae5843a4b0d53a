"""The alignment effect (paper Table 1): the target's answers against those of language models."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from recx.evaluation import alignment_metrics as metrics
from recx.evaluation.methods import Method
from recx.evaluation.test_set import TestSet
from recx.explaining.aligned import AlignedExplainer
from recx.explaining.records import NO_ANSWER
from recx.recommenders import devices
from recx.recommenders.protocol import TwoTower

Records = list[dict[str, Any]]


def measure(method: Method, test_set: TestSet, control: str = "", show_progress: bool = True) -> Records:
    """All tasks of Table 1 for one method.

    Titles are decoded along the catalogue's trie without those of the history, which the target never recommends
    either; a chat model's titles are as it writes them. Missing answers count in no metric. Who explains only has no
    records.

    Args:
        method: who is asked.
        test_set: what is asked.
        control: what was changed on purpose, for the records.
        show_progress: show bars.
    """
    explainer, histories = method.explainer, test_set.histories
    if explainer.explains_only:
        return []
    answers = explainer.recommend(histories, show_progress=show_progress)
    said = explainer.predict(histories, test_set.items.tolist(), show_progress=show_progress)
    right = [np.nan if p.like is None else p.like == liked for p, liked in zip(said, test_set.liked, strict=True)]
    first = test_set.ranking_users
    order = explainer.rank(histories[:first], test_set.candidates[:first], show_progress=show_progress)
    items = np.array([a.items for a in answers])
    columns = _answered(metrics.retrieval(items, test_set.labels.top[:, 0]), items)
    columns |= _answered(metrics.ranking(order, test_set.labels.ranked[:first]), order)
    columns["accuracy"] = np.array(right, dtype=float)
    if explainer.reads_vectors:
        recent = [h[-explainer.max_history :] for h in histories]
        columns["history_coverage"] = metrics.history_coverage(explainer.reconstruct(histories, show_progress), recent)
    return method.records(columns, control=control)


def _answered(columns: dict[str, np.ndarray], items: np.ndarray) -> dict[str, np.ndarray]:
    """Numbers (U,) of answers (U, K), NaN where no answer came."""
    missing = (items == NO_ANSWER).all(1)
    return {metric: np.where(missing, np.nan, values) for metric, values in columns.items()}


def measure_free(
    method: Method[AlignedExplainer], test_set: TestSet, beams: int, show_progress: bool = True
) -> Records:
    """Task 1 unconstrained, as the paper decodes it: greedy (its text) or with five beams (its code).

    The greedy answer gives `exact_match`: whether it is, letter by letter, the title of the target's first item.
    `outside_catalogue` is the share of answers that are no title of the catalogue.

    Args:
        method: an aligned model, or its unaligned backbone.
        test_set: what is asked: all of it with one beam, the first `free_users` with more, which cost several times as
            much.
        beams: 1 is greedy.
        show_progress: show a bar.
    """
    users = len(test_set.histories) if beams == 1 else test_set.free_users
    if not users:
        return []
    histories = test_set.histories[:users]
    answers = method.explainer.recommend_freely(histories, beams=beams, show_progress=show_progress)
    hits, outside = metrics.hit_rate(answers, test_set.labels.top[:users, 0]), (answers == 0).mean(1)
    if beams == 1:
        match = method.records({"exact_match": hits})
        return match + method.records({"outside_catalogue": outside}, decoding="free greedy")
    return method.records({f"hr@{beams}": hits, "outside_catalogue": outside}, decoding=f"free {beams}-beam")


def measure_unmasked(method: Method[AlignedExplainer], test_set: TestSet, show_progress: bool = True) -> Records:
    """Task 1 along the whole catalogue's trie: the model may answer with an item of the history, the target never."""
    answers = method.explainer.recommend(test_set.histories, show_progress=show_progress, seen=True)
    columns = metrics.retrieval(np.array([a.items for a in answers]), test_set.labels.top[:, 0])
    return method.records(columns, decoding="history not masked")


def measure_by_preference(method: Method[AlignedExplainer], test_set: TestSet, show_progress: bool = True) -> Records:
    """Task 2 answered through task 3: five items by the probability of "Yes", instead of a list that is written."""
    first = test_set.ranking_users
    histories, candidates = test_set.histories[:first], test_set.candidates[:first]
    order = method.explainer.rank_by_preference(histories, candidates, show_progress)
    return method.records(metrics.ranking(order, test_set.labels.ranked[:first]), decoding="by preference")


class ShuffledUsers:
    """A target that hands out somebody else's user vector: a control that must fall to chance."""

    def __init__(self, target: TwoTower, seed: int = 0) -> None:
        self.target, self.seed = target, seed

    def encode_users(self, histories: Tensor) -> Tensor:
        """(B, L) -> (B, d), rows rotated among the B users by a random order without fixed points."""
        vectors = devices.encode_users(self.target, histories)
        order = torch.randperm(len(vectors), generator=torch.Generator().manual_seed(self.seed))
        shuffled = torch.empty_like(vectors)
        shuffled[order] = vectors[order.roll(1)]
        return shuffled

    def item_vectors(self) -> Tensor:
        """(N + 1, d)."""
        return devices.item_vectors(self.target)

    def score(self, histories: Tensor) -> Tensor:
        """(B, L) -> (B, N + 1)."""
        return self.encode_users(histories) @ self.item_vectors().T
