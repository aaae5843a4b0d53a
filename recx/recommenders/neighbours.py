"""Nearest neighbours of items by the target's item vectors."""

import numpy as np
import torch

from recx.recommenders.tie_order import best_first


def neighbours(vectors: torch.Tensor, k: int) -> torch.Tensor:
    """The k nearest other items of each item by cosine similarity: (N + 1, d) -> (N + 1, k); ignore row 0.

    Ties (equal or zero vectors) are in random order.
    """
    unit = torch.nn.functional.normalize(vectors, dim=1)
    likeness = unit @ unit.T
    likeness[:, 0] = -torch.inf
    likeness.fill_diagonal_(-torch.inf)
    return best_first(likeness, np.arange(len(vectors))[:, None], k)[1]
