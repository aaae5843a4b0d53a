"""Items near each other by the target's own item vectors."""

import torch


def neighbours(vectors: torch.Tensor, k: int) -> torch.Tensor:
    """The k nearest other items of each item by cosine: (N + 1, d) -> (N + 1, k); row 0 is meaningless."""
    unit = torch.nn.functional.normalize(vectors, dim=1)
    likeness = unit @ unit.T
    likeness[:, 0] = -2.0
    likeness.fill_diagonal_(-2.0)
    return likeness.topk(k, dim=1).indices
