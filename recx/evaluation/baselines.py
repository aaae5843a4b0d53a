"""Baselines of Table 1 that are no language models: how far they agree with the target."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from recx.data.split import Split, prefixes
from recx.evaluation import alignment_metrics as metrics
from recx.evaluation.alignment_effect import Cases
from recx.evaluation.recommendation_quality import estimate
from recx.recommenders.distillation import distil
from recx.recommenders.popularity import PopularityRecommender, RandomRecommender
from recx.recommenders.protocol import Scorer, mask_seen, pad_histories
from recx.recommenders.ranking import Ranked, rank
from recx.settings import TargetSettings


def measure_baselines(
    target: Scorer, split: Split, cases: Cases, items: int, settings: TargetSettings, show_progress: bool = True
) -> list[dict[str, Any]]:
    """Chance, popularity, the target's most common answers, and a recommender distilled from the target.

    The last one learns from scores over the whole catalogue, which no language model is told: the most to be had
    without words.
    """
    length = target.length
    student, _ = distil(target, prefixes(split.train), items, settings, show_progress=show_progress)
    records = measure_scorer(RandomRecommender(items), cases, length, "random", coin=True)
    records += measure_scorer(PopularityRecommender(split.train, items), cases, length, "popularity")
    records += measure_constant(rank(target, split.test_histories, split.test, length), cases)
    return records + measure_scorer(student, cases, length, "distilled", coin=True)


def measure_scorer(scorer: Scorer, cases: Cases, length: int, method: str, coin: bool = False) -> list[dict[str, Any]]:
    """Tasks 1 and 2 for a recommender: how far its own ranking agrees with the target's.

    Args:
        scorer: e.g. popularity.
        cases: what to ask.
        length: items read.
        method: name in the records.
        coin: also answer task 3 by comparing the item's score with the median score of unseen items.
    """
    scores = mask_seen(scorer.score(pad_histories(cases.histories, length)).clone(), cases.histories)
    top = scores.topk(5, dim=1).indices.numpy()
    order = _by_score(scores, cases.shown)
    wanted = cases.labels.top[:, 0]
    columns = {
        "hr@5": metrics.hit_rate(top, wanted),
        "ndcg@5": metrics.retrieval_ndcg(top, wanted),
        "ranking_ndcg@5": metrics.ranking_ndcg(order, cases.labels.ranked),
        "ranking_ndcg@5_reference": metrics.ranking_ndcg(order, cases.labels.ranked, metrics.REFERENCE_GAINS),
    }
    if coin:
        own = scores[torch.arange(len(order)), torch.from_numpy(cases.asked)]
        middle = torch.stack([row[row > -torch.inf].median() for row in scores])
        columns["accuracy"] = ((own > middle).numpy() == cases.liked).astype(float)
    return [estimate(method, metric, values) for metric, values in columns.items()]


def measure_constant(ranked: Ranked, cases: Cases) -> list[dict[str, Any]]:
    """Task 1 for whoever always names the target's most common first items.

    Args:
        ranked: the target's rankings of all test histories.
        cases: what to ask.
    """
    answer = np.tile(ranked.most_common_top1(5), (len(cases.histories), 1))
    wanted = cases.labels.top[:, 0]
    return [
        estimate("constant", "hr@5", metrics.hit_rate(answer, wanted)),
        estimate("constant", "ndcg@5", metrics.retrieval_ndcg(answer, wanted)),
    ]


def _by_score(scores: Tensor, candidates: np.ndarray) -> np.ndarray:
    own = scores.gather(1, torch.from_numpy(candidates))
    return np.take_along_axis(candidates, own.argsort(1, descending=True).numpy(), axis=1)
