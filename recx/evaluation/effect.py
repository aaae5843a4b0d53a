"""The alignment effect (paper Table 1): the target's answers against those of models and baselines."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from recx.alignment.labels import Labels, label
from recx.data.split import Split
from recx.evaluation import alignment as metrics
from recx.evaluation.targets import estimate
from recx.explaining.explainer import Explainer
from recx.recommenders.protocol import Scorer, TwoTower, mask_seen, pad_histories
from recx.recommenders.ranking import Ranked
from recx.settings import EvaluateSettings


@dataclass(frozen=True)
class Cases:
    """Test histories with the target's answers; no model was trained on any of them.

    Attributes:
        histories: U test histories (all but a user's last item).
        labels: the target's answers.
        shown: (U, 5) ranking candidates in random order.
        asked: (U,) an item liked or disliked by the target, half and half.
        liked: (U,) which.
        ranking: how many of the first histories are used for the ranking task.
        free: how many of them for unconstrained decoding.
    """

    histories: list[np.ndarray]
    labels: Labels
    shown: np.ndarray
    asked: np.ndarray
    liked: np.ndarray
    ranking: int
    free: int


def draw_cases(split: Split, target: Scorer, length: int, settings: EvaluateSettings) -> Cases:
    """Choose users at random and ask the target about their test histories."""
    rng = np.random.default_rng(settings.seed)
    total = len(split.test_histories)
    users = rng.permutation(total)[: settings.users or total]
    histories = [split.test_histories[u] for u in users]
    labels = label(target, histories, length, rng)
    liked = rng.permutation(len(histories)) % 2 == 0
    return Cases(
        histories,
        labels,
        rng.permuted(labels.ranked, axis=1),
        np.where(liked, labels.liked[:, 0], labels.disliked[:, 0]),
        liked,
        min(settings.ranking_users or total, len(histories)),
        min(settings.free_users, len(histories)),
    )


def measure(
    explainer: Explainer, cases: Cases, mode: str, method: str, show_progress: bool = True
) -> list[dict[str, Any]]:
    """All tasks of Table 1 for one model; titles are decoded along the catalogue's trie."""
    wanted = cases.labels.top[:, 0]
    found = np.array([r.items for r in explainer.recommend(cases.histories, show_progress=show_progress)])
    order = explainer.rank(cases.histories[: cases.ranking], cases.shown[: cases.ranking], show_progress)
    likes = np.array([p.like for p in explainer.predict(cases.histories, cases.asked.tolist(), show_progress)])
    ideal = cases.labels.ranked[: cases.ranking]
    columns = {
        "hr@5": metrics.hit_rate(found, wanted),
        "ndcg@5": metrics.retrieval_ndcg(found, wanted),
        "ranking_ndcg@5": metrics.ranking_ndcg(order, ideal),
        "ranking_ndcg@5_reference": metrics.ranking_ndcg(order, ideal, metrics.REFERENCE_GAINS),
        "accuracy": (likes == cases.liked).astype(float),
    }
    if explainer.mode != "behavior":
        read = explainer.reconstruct(cases.histories, show_progress)
        columns["history_coverage"] = metrics.history_coverage(read, [h[-explainer.longest :] for h in cases.histories])
    return [estimate(method, metric, values, mode) for metric, values in columns.items()]


def measure_free(explainer: Explainer, cases: Cases, mode: str, show_progress: bool = True) -> list[dict[str, Any]]:
    """Task 1 as the paper decodes it: unconstrained, greedy (its text) and with five beams (its code)."""
    histories, wanted = cases.histories[: cases.free], cases.labels.top[: cases.free, 0]
    records = []
    for width in (1, 5):
        found = explainer.recommend_freely(histories, beams=width, show_progress=show_progress)
        method = "aligned (free greedy)" if width == 1 else "aligned (free 5-beam)"
        records.append(estimate(method, f"hr@{width}", metrics.hit_rate(found, wanted), mode))
        records.append(estimate(method, "outside_catalogue", (found == 0).mean(1), mode))
    return records


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


class ShuffledUsers:
    """A target that hands out somebody else's user vector: a control that must fall to chance."""

    def __init__(self, target: TwoTower, seed: int = 0) -> None:
        self.target, self.seed = target, seed

    def encode_users(self, histories: Tensor) -> Tensor:
        """(B, L) -> (B, d), rows rotated among the B persons by a random order without fixed points."""
        vectors = self.target.encode_users(histories)
        order = torch.randperm(len(vectors), generator=torch.Generator().manual_seed(self.seed))
        shuffled = torch.empty_like(vectors)
        shuffled[order] = vectors[order.roll(1)]
        return shuffled

    def item_vectors(self) -> Tensor:
        """(N + 1, d)."""
        return self.target.item_vectors()

    def score(self, histories: Tensor) -> Tensor:
        """(B, L) -> (B, N + 1)."""
        return self.encode_users(histories) @ self.item_vectors().T


def _by_score(scores: Tensor, candidates: np.ndarray) -> np.ndarray:
    own = scores.gather(1, torch.from_numpy(candidates))
    return np.take_along_axis(candidates, own.argsort(1, descending=True).numpy(), axis=1)


def pairs_of(cases: Cases, count: int) -> tuple[Sequence[np.ndarray], np.ndarray, np.ndarray]:
    """The first `count` cases as pairs to explain, half liked: histories, items, liked."""
    yes, no = np.flatnonzero(cases.liked), np.flatnonzero(~cases.liked)
    half = min(count // 2, len(yes), len(no))
    chosen = np.sort(np.concatenate([yes[:half], no[:half]]))
    return [cases.histories[c] for c in chosen], cases.asked[chosen], cases.liked[chosen]
