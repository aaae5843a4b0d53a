"""Nearest neighbours of items by the target's item vectors."""

import torch

from recx.recommenders.tie_order import best_first

BATCH = 1024  # items compared with all others at once


def neighbours(vectors: torch.Tensor, k: int) -> torch.Tensor:
    """The k nearest other items of each item by cosine similarity: (N + 1, d) -> (N + 1, k); ignore row 0.

    Ties (equal or zero vectors) are in random order.
    """
    unit, parts = torch.nn.functional.normalize(vectors, dim=1), []
    for rows in torch.arange(len(unit), device=unit.device).split(BATCH):
        likeness = unit[rows] @ unit.T
        likeness[:, 0] = -torch.inf
        likeness[torch.arange(len(rows)), rows] = -torch.inf
        parts.append(best_first(likeness, rows.cpu().numpy()[:, None], k)[1])
    return torch.cat(parts)
