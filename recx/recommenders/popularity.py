"""Non-personalised baselines: random scores and popularity."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor


class RandomRecommender:
    """Random scores, reproducible for the same history.

    Args:
        items: N.
        seed: random seed of the scores.
    """

    def __init__(self, items: int, seed: int = 0) -> None:
        self.items, self.seed = items, seed

    def score(self, histories: Tensor) -> Tensor:
        """(B, L) -> (B, N + 1), uniform."""
        rows = []
        for history in histories.numpy():
            rng = np.random.default_rng([self.seed, *history.tolist()])
            rows.append(rng.random(self.items + 1, dtype=np.float32))
        return torch.from_numpy(np.stack(rows))


class PopularityRecommender:
    """Scores an item by its frequency in the training sequences.

    Args:
        sequences: training sequences of item indices.
        items: N.
    """

    def __init__(self, sequences: Sequence[np.ndarray], items: int) -> None:
        counts = np.bincount(np.concatenate(sequences), minlength=items + 1).astype(np.float32)
        self._scores = torch.from_numpy(counts)

    def score(self, histories: Tensor) -> Tensor:
        """(B, L) -> (B, N + 1), the counts."""
        return self._scores.expand(len(histories), -1).clone()
