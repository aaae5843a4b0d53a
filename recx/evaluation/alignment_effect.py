"""The alignment effect (paper Table 1): the target's answers against those of models and baselines."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from recx.data.split import Split
from recx.evaluation import alignment_metrics as metrics
from recx.evaluation.recommendation_quality import estimate
from recx.explaining.aligned import Explainer
from recx.explaining.chat_explainer import ChatExplainer
from recx.recommenders.labels import Labels, label
from recx.recommenders.protocol import Scorer, TwoTower, pad_histories
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
    explainer: Explainer | ChatExplainer, cases: Cases, mode: str, method: str, show_progress: bool = True
) -> list[dict[str, Any]]:
    """All tasks of Table 1 for one model.

    Titles are decoded along the catalogue's trie without those of the history, which the target never recommends
    either; a chat model's titles are as it writes them.
    """
    wanted = cases.labels.top[:, 0]
    found = np.array([r.items for r in explainer.recommend(cases.histories, show_progress=show_progress)])
    order = explainer.rank(cases.histories[: cases.ranking], cases.shown[: cases.ranking], show_progress=show_progress)
    said = explainer.predict(cases.histories, cases.asked.tolist(), show_progress=show_progress)
    right = [p.like is not None and p.like == liked for p, liked in zip(said, cases.liked, strict=True)]
    ideal = cases.labels.ranked[: cases.ranking]
    columns = {
        "hr@5": metrics.hit_rate(found, wanted),
        "ndcg@5": metrics.retrieval_ndcg(found, wanted),
        "ranking_ndcg@5": metrics.ranking_ndcg(order, ideal),
        "ranking_ndcg@5_reference": metrics.ranking_ndcg(order, ideal, metrics.REFERENCE_GAINS),
        "accuracy": np.array(right, dtype=float),
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


def measure_unmasked(explainer: Explainer, cases: Cases, mode: str, show_progress: bool = True) -> list[dict[str, Any]]:
    """Task 1 along the whole catalogue's trie: the model may answer with an item of the history, the target never."""
    wanted = cases.labels.top[:, 0]
    found = np.array([r.items for r in explainer.recommend(cases.histories, show_progress=show_progress, seen=True)])
    columns = {"hr@5": metrics.hit_rate(found, wanted), "ndcg@5": metrics.retrieval_ndcg(found, wanted)}
    return [estimate("aligned (history not masked)", metric, values, mode) for metric, values in columns.items()]


def measure_by_preference(
    explainer: Explainer, cases: Cases, mode: str, show_progress: bool = True
) -> list[dict[str, Any]]:
    """Task 2 answered through task 3: five items by the probability of "Yes", instead of a list that is written."""
    histories, ideal = cases.histories[: cases.ranking], cases.labels.ranked[: cases.ranking]
    order = explainer.rank_by_preference(histories, cases.shown[: cases.ranking], show_progress)
    columns = {
        "ranking_ndcg@5": metrics.ranking_ndcg(order, ideal),
        "ranking_ndcg@5_reference": metrics.ranking_ndcg(order, ideal, metrics.REFERENCE_GAINS),
    }
    return [estimate("aligned (by preference)", metric, values, mode) for metric, values in columns.items()]


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


@dataclass(frozen=True)
class Pairs:
    """Persons and items to explain, half of the items liked by the target.

    Attributes:
        histories: P histories.
        items: (P,) an item of each.
        liked: (P,) whether the target likes it.
        users: (P,) number of the person among the cases.
    """

    histories: list[np.ndarray]
    items: np.ndarray
    liked: np.ndarray
    users: np.ndarray

    def __len__(self) -> int:
        return len(self.items)


def pairs_of(cases: Cases, count: int) -> Pairs:
    """Pairs to explain, as many liked as disliked; every person once before anyone comes again.

    The first ones are those of `cases.asked`. A person gives at most eight pairs, and never the same item twice.
    """
    yes, no, users, total = [], [], np.arange(len(cases.histories)), len(cases.histories)
    pools = {True: cases.labels.liked, False: cases.labels.disliked}
    for turn in range(2 * cases.labels.liked.shape[1]):
        liked = cases.liked ^ bool(turn % 2)
        for u in users:
            pool, n = pools[bool(liked[u])][u], turn // 2
            if pool[n] not in pool[:n]:
                (yes if liked[u] else no).append((turn * total + u, int(pool[n])))
    half = min(count // 2, len(yes), len(no))
    chosen = sorted([(place, item, True) for place, item in yes[:half]] + [(p, i, False) for p, i in no[:half]])
    who = np.array([place % total for place, _, _ in chosen], dtype=int)
    return Pairs(
        [cases.histories[u] for u in who],
        np.array([item for _, item, _ in chosen], dtype=int),
        np.array([liked for _, _, liked in chosen], dtype=bool),
        who,
    )


def target_scores(target: Scorer, pairs: Pairs, length: int) -> np.ndarray:
    """The target's own score (P,) of each pair."""
    scores = target.score(pad_histories(pairs.histories, length)).detach().numpy()
    return scores[np.arange(len(pairs)), pairs.items].astype(float)
