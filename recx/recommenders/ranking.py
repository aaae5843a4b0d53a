"""Ranking the whole catalogue and counting hits, user by user."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from recx.recommenders.devices import score
from recx.recommenders.protocol import Scorer, mask_seen, pad_histories
from recx.recommenders.tie_order import best_first, places


@dataclass(frozen=True)
class Ranked:
    """How a scorer ranked the item each of U users chose next.

    Attributes:
        ranks: (U,) 0 for the first place, among items not in the history.
        top: (U, k) the best items.
        tied: (U,) how many other unseen items have the score of the item chosen; its place among them is drawn.
    """

    ranks: np.ndarray
    top: np.ndarray
    tied: np.ndarray

    def hits(self, k: int) -> np.ndarray:
        """HR@k of each user, 0 or 1."""
        return (self.ranks < k).astype(float)

    def ndcg(self, k: int) -> np.ndarray:
        """NDCG@k of each user: with one relevant item the ideal is 1, so 1 / log2(rank + 2)."""
        return np.where(self.ranks < k, 1.0 / np.log2(self.ranks + 2.0), 0.0)

    def tied_share(self) -> float:
        """Share of users whose next item has the score of another, so that its place is a draw."""
        return float((self.tied > 0).mean())

    def coverage(self, items: int, k: int) -> float:
        """Share of the catalogue that stands in somebody's top k."""
        return np.unique(self.top[:, :k]).size / items

    def top1_share(self) -> float:
        """Share of users whose first item is the most common first item."""
        return float(np.bincount(self.top[:, 0]).max() / len(self.top))

    def most_common_top1(self, k: int) -> np.ndarray:
        """The k items that stand first most often: what a constant predictor says."""
        return np.argsort(-np.bincount(self.top[:, 0]), kind="stable")[:k]


BATCH = 1024  # users scored at once


@torch.inference_mode()
def rank(scorer: Scorer, histories: Sequence[np.ndarray], targets: np.ndarray, length: int, k: int = 10) -> Ranked:
    """Rank all items not in the history.

    Equal scores stand in the random order of their history (`tie_order`), so a constant score earns what chance does.

    Args:
        scorer: read only; a module must be in eval mode.
        histories: U whole histories; the latest `length` items are read, all count as seen.
        targets: (U,) the item chosen next, not in the history.
        length: items read.
        k: how many best items to keep.
    """
    parts = []
    for start in range(0, len(histories), BATCH):
        chunk = histories[start : start + BATCH]
        scores = mask_seen(score(scorer, pad_histories(chunk, length)).float(), chunk)
        place, _, tied = places(scores, chunk, torch.from_numpy(targets[start : start + BATCH]))
        parts.append((place, best_first(scores, chunk, min(k, scores.shape[1] - 1))[1], tied))
    return Ranked(*(torch.cat(column).numpy() for column in zip(*parts, strict=True)))
