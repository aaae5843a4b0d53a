"""Full-catalogue ranking, with hits and other metrics per user."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from recx.recommenders.devices import score
from recx.recommenders.protocol import Scorer, mask_seen, pad_histories
from recx.recommenders.tie_order import best_first, places


@dataclass(frozen=True)
class Ranked:
    """Ranks that a scorer gives to the next item of each of U users.

    Attributes:
        ranks: (U,) rank among items not in the history; 0 is the best.
        top: (U, k) the best items not in the history; 0 where there are fewer than k.
        tied: (U,) number of other unseen items with the same score as the next item; ties are broken at random.
    """

    ranks: np.ndarray
    top: np.ndarray
    tied: np.ndarray

    def hits(self, k: int) -> np.ndarray:
        """(U,) HR@k of each user, 0 or 1."""
        return (self.ranks < k).astype(float)

    def ndcg(self, k: int) -> np.ndarray:
        """(U,) NDCG@k: with one relevant item the ideal DCG is 1, so 1 / log2(rank + 2), ranks from 0."""
        return np.where(self.ranks < k, 1.0 / np.log2(self.ranks + 2.0), 0.0)

    def tied_share(self) -> float:
        """Fraction of users whose next item has the same score as another, so that its rank is random."""
        return float((self.tied > 0).mean())

    def coverage(self, items: int, k: int) -> float:
        """Fraction of the catalogue that is in at least one user's top k."""
        return np.unique(self.top[:, :k][self.top[:, :k] > 0]).size / items

    def top1_share(self) -> float:
        """Fraction of users whose top item is the most common top item."""
        return float(np.bincount(self.top[:, 0]).max() / len(self.top))

    def most_common_top1(self, k: int) -> np.ndarray:
        """(k,) items most often ranked first, or all that ever are: the output of a constant predictor."""
        counts = np.bincount(self.top[:, 0])
        order = np.argsort(-counts, kind="stable")[:k]
        return order[counts[order] > 0]


BATCH = 1024  # users scored at once


@torch.inference_mode()
def rank(scorer: Scorer, histories: Sequence[np.ndarray], targets: np.ndarray, length: int, k: int = 10) -> Ranked:
    """Rank all items not in the history.

    Ties are in the random order of their history (`tie_order`), so constant scores perform at chance level.

    Args:
        scorer: not modified; a module must be in eval mode.
        histories: U complete histories; the latest `length` items are read, but all count as seen.
        targets: (U,) the next item, not in the history.
        length: number of most recent items that are read.
        k: number of top items to keep.
    """
    parts = []
    for start in range(0, len(histories), BATCH):
        chunk = histories[start : start + BATCH]
        scores = mask_seen(score(scorer, pad_histories(chunk, length)), chunk)
        place, _, tied = places(scores, chunk, torch.from_numpy(targets[start : start + BATCH]))
        values, best = best_first(scores, chunk, min(k, scores.shape[1] - 1))
        parts.append((place, best.masked_fill(values == -torch.inf, 0), tied))
    return Ranked(*(torch.cat(column).numpy() for column in zip(*parts, strict=True)))
