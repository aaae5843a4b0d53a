"""The alignment effect (paper Table 1): agreement of language models with the target."""

from dataclasses import replace
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
    """Measure one method on all tasks of Table 1.

    Titles are decoded along the catalogue's trie, excluding those of the history, which the target never recommends
    either; a chat model writes titles freely. Missing answers are ignored by all metrics. A method that only explains
    has no records.

    Args:
        method: the method to measure.
        test_set: the test histories and the target's answers.
        control: what was deliberately changed, for the records.
        show_progress: show progress bars.
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
    """Replace values (U,) by NaN where the answers (U, K) are missing."""
    missing = (items == NO_ANSWER).all(1)
    return {metric: np.where(missing, np.nan, values) for metric, values in columns.items()}


def measure_free(method: Method[AlignedExplainer], test_set: TestSet, beams: int) -> Records:
    """Measure task 1 with unconstrained decoding, as in the paper: greedy (its text) or five beams (its code).

    The greedy answer gives `exact_match`: whether it equals the title of the target's first item exactly.
    `outside_catalogue` is the share of answers that are not titles of the catalogue.

    Args:
        method: an aligned model, or its unaligned backbone.
        test_set: the test histories; all are used with one beam, and the first `free_users` with more beams, which
            cost several times as much.
        beams: number of beams; 1 means greedy decoding.
    """
    users = len(test_set.histories) if beams == 1 else test_set.free_users
    if not users:
        return []
    histories = test_set.histories[:users]
    answers = method.explainer.recommend_freely(histories, beams=beams, show_progress=True)
    hits, outside = metrics.hit_rate(answers, test_set.labels.top[:users, 0]), (answers == 0).mean(1)
    if beams == 1:
        match = method.records({"exact_match": hits})
        return match + method.records({"outside_catalogue": outside}, decoding="free greedy")
    return method.records({f"hr@{beams}": hits, "outside_catalogue": outside}, decoding=f"free {beams}-beam")


def measure_unmasked(method: Method[AlignedExplainer], test_set: TestSet) -> Records:
    """Measure task 1 with items of the history allowed, although the target never recommends them."""
    answers = method.explainer.recommend(test_set.histories, show_progress=True, seen=True)
    columns = metrics.retrieval(np.array([a.items for a in answers]), test_set.labels.top[:, 0])
    return method.records(columns, decoding="history not masked")


def measure_by_preference(method: Method[AlignedExplainer], test_set: TestSet) -> Records:
    """Measure task 2 solved through task 3: items ordered by the probability of "Yes" instead of a generated list."""
    first = test_set.ranking_users
    histories, candidates = test_set.histories[:first], test_set.candidates[:first]
    order = method.explainer.rank_by_preference(histories, candidates, show_progress=True)
    return method.records(metrics.ranking(order, test_set.labels.ranked[:first]), decoding="by preference")


def measure_otherwise(method: Method[AlignedExplainer], test_set: TestSet) -> Records:
    """Measure answers decoded in the other ways: five free beams, the history not masked, and task 2 by preference."""
    ways = measure_free(method, test_set, beams=5), measure_unmasked(method, test_set)
    return [record for records in (*ways, measure_by_preference(method, test_set)) for record in records]


def measure_shuffled(method: Method[AlignedExplainer], test_set: TestSet) -> Records:
    """Measure a model that is given other people's vectors: a control that must lose what it knew of the person.

    The metrics of tasks 1 and 2 must fall to chance or to popularity, and accuracy to the constant predictor's at most,
    since some items are liked by nearly everybody. A single user has nobody to exchange vectors with, so there are no
    records then.
    """
    if min(len(test_set.histories), test_set.ranking_users) < 2:
        return []
    explainer = method.explainer.with_target(ShuffledUsers(method.explainer.target))
    return measure(replace(method, explainer=explainer), test_set, "other people's vectors")


class ShuffledUsers:
    """A target that returns other users' vectors, see `measure_shuffled`."""

    def __init__(self, target: TwoTower, seed: int = 0) -> None:
        self.target, self.seed = target, seed

    def encode_users(self, histories: Tensor) -> Tensor:
        """(B, L) -> (B, d), with the rows exchanged among the B users so that nobody keeps their own."""
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
