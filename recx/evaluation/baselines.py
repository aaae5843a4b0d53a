"""Baselines of Table 1 that are not language models, measured by their agreement with the target."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from recx.data.split import Split, prefixes
from recx.evaluation import alignment_metrics as metrics
from recx.evaluation.metric_records import metric_record
from recx.evaluation.test_set import TestSet
from recx.recommenders.devices import score
from recx.recommenders.distillation import distil
from recx.recommenders.popularity import PopularityRecommender, RandomRecommender
from recx.recommenders.protocol import Scorer, mask_seen, pad_histories
from recx.recommenders.ranking import BATCH, rank
from recx.recommenders.tie_order import best_first
from recx.settings import TargetSettings

MEAN_USERS = 2000  # people of training over whom a place is averaged
TIES = 21  # seed of the order of equal scores, another one than the target's


class SampledPopularity:
    """Samples items without replacement with probability proportional to their popularity (as in the paper).

    Scores are log counts plus Gumbel noise; ranking by them is such a sample (Kool, van Hoof & Welling, ICML 2019).

    Args:
        sequences: training sequences of item indices.
        items: number N of items.
        seed: random seed of the samples.
    """

    def __init__(self, sequences: Sequence[np.ndarray], items: int, seed: int = 0) -> None:
        counts = np.bincount(np.concatenate(sequences), minlength=items + 1)
        self._logits = np.log(np.maximum(counts, 1e-9))  # items that nobody chose come last
        self._seed = seed

    def score(self, histories: Tensor) -> Tensor:
        """(B, L) -> (B, N + 1); each of the B rows is sampled independently."""
        noise = np.random.default_rng(self._seed).gumbel(size=(len(histories), len(self._logits)))
        return torch.from_numpy(self._logits + noise).float()


def measure_baselines(
    target: Scorer, split: Split, test_set: TestSet, items: int, settings: TargetSettings
) -> list[dict[str, Any]]:
    """Measure chance, popularity (deterministic and sampled), the target's answers without a history, and distillation.

    The distilled recommender learns from scores over the whole catalogue, which no language model sees: it is the best
    result that can be expected without language.
    """
    length = target.length
    student, _ = distil(target, prefixes(split.train), items, settings, show_progress=True)
    records = measure_scorer(RandomRecommender(items), test_set, length, "random", decides=True)
    records += measure_scorer(PopularityRecommender(split.train, items), test_set, length, "popularity")
    records += measure_scorer(SampledPopularity(split.train, items), test_set, length, "popularity, sampled")
    common = rank(target, split.train, split.validation, length).most_common_top1(5)
    places = mean_places(target, split.train[:MEAN_USERS], length)
    others = [i for i in (1 + np.argsort(-places, kind="stable")).tolist() if i not in common]
    records += measure_constant(np.array([*common.tolist(), *others])[:5], places, test_set)
    return records + measure_scorer(student, test_set, length, "distilled", decides=True)


def measure_scorer(
    scorer: Scorer, test_set: TestSet, length: int, method: str, decides: bool = False
) -> list[dict[str, Any]]:
    """Measure how far a recommender's ranking agrees with the target's (tasks 1 and 2).

    Args:
        scorer: the recommender, e.g. popularity.
        test_set: the test histories and the target's answers.
        length: how many of the latest items it reads.
        method: name in the records.
        decides: also answer task 3 by comparing the item's score with the median score of unseen items.
    """
    scores = mask_seen(score(scorer, pad_histories(test_set.histories, length)), test_set.histories)
    order = _by_score(scores, test_set.candidates)
    best = best_first(scores, test_set.histories, 5, TIES)[1].numpy()
    columns = metrics.retrieval(best, test_set.labels.top[:, 0])
    first = test_set.ranking_users  # of whom language models rank candidates, too
    columns |= metrics.ranking(order[:first], test_set.labels.ranked[:first])
    if decides:
        own = scores[torch.arange(len(order)), torch.from_numpy(test_set.items)]
        middle = torch.stack([row[row > -torch.inf].median() for row in scores])
        columns["accuracy"] = ((own > middle).numpy() == test_set.liked).astype(float)
    return [metric_record(method, metric, values) for metric, values in columns.items()]


def measure_constant(common: np.ndarray, places: np.ndarray, test_set: TestSet) -> list[dict[str, Any]]:
    """Measure tasks 1 and 3 for a constant predictor, which gives the same answers whatever the history.

    Args:
        common: the target's five most common first items for the histories of training, which are always named; where
            fewer are ever first, those that rank highest on average follow.
        places: (N,) place of each item for an average person (`mean_places`); those of the upper half are liked.
        test_set: the test histories and the target's answers.
    """
    answer = np.tile(common, (len(test_set.histories), 1))
    columns = metrics.retrieval(answer, test_set.labels.top[:, 0])
    likes = places[test_set.items - 1] > np.median(places)
    columns["accuracy"] = (likes == test_set.liked).astype(float)
    return [metric_record("constant", metric, values) for metric, values in columns.items()]


@torch.inference_mode()
def mean_places(target: Scorer, histories: Sequence[np.ndarray], length: int) -> np.ndarray:
    """The mean fraction (N,) of the catalogue that the target scores lower than each item, over some histories."""
    places = []
    for start in range(0, len(histories), BATCH):
        scores = score(target, pad_histories(histories[start : start + BATCH], length))[:, 1:]
        lower = torch.searchsorted(scores.sort(1).values, scores.contiguous())
        places.append(lower.double().sum(0) / max(1, scores.shape[1] - 1))
    return (torch.stack(places).sum(0) / len(histories)).cpu().numpy()


def _by_score(scores: Tensor, candidates: np.ndarray) -> np.ndarray:
    # The candidates are in random order, which a stable sort keeps for equal scores.
    own = scores.gather(1, torch.from_numpy(candidates))
    return np.take_along_axis(candidates, own.argsort(dim=1, descending=True, stable=True).numpy(), axis=1)
