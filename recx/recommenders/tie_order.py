"""Tie-breaking: items with equal scores are put in a random order that depends only on the history.

Breaking ties by item number would teach an explainer how the data set is numbered. Counting ties for or against an
item would make a recommender without preferences look better or worse than chance.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

SEED = 20
ROWS = 1024  # tied rows sorted at once; their orders take twice the memory of their scores


def random_orders(histories: Sequence[np.ndarray], size: int, seed: int = SEED) -> Tensor:
    """A permutation of the numbers below `size` for each of B histories (B, size), seeded by the history's items.

    It depends neither on the ranked items nor on the other histories in the batch.
    """
    draws = (np.random.default_rng([seed, *np.asarray(h).tolist()]).permutation(size) for h in histories)
    return torch.from_numpy(np.stack(list(draws)))


def best_first(
    scores: Tensor, histories: Sequence[np.ndarray], k: int | None = None, seed: int = SEED
) -> tuple[Tensor, Tensor]:
    """The k best columns of each row with their scores, best first, with ties in the history's random order.

    Rows without ties are only sorted; nothing is drawn for them.

    Args:
        scores: (B, N + 1); masked columns are minus infinity and come last, in any order.
        histories: B histories, whose items determine the order of ties.
        k: number of columns; all by default.
        seed: of the order of ties. Whoever is compared with the target needs another one: two recommenders that cannot
            decide would otherwise agree.

    Returns:
        Scores (B, k) and columns (B, k).
    """
    size = scores.shape[1]
    kept = size if k is None else min(k, size)
    # One more than requested, since the last one kept may tie with the first one left out.
    values, columns = scores.sort(descending=True) if kept == size else scores.topk(kept + 1)
    tied = ((values[:, 1:] == values[:, :-1]) & (values[:, 1:] > -torch.inf)).any(1)
    for rows, orders in _orders_where(tied, histories, size, seed):
        places = scores[rows].gather(1, orders).sort(dim=1, descending=True, stable=True).indices
        columns[rows] = orders.gather(1, places[:, : columns.shape[1]])
    return values[:, :kept], columns[:, :kept]


def places(scores: Tensor, histories: Sequence[np.ndarray], columns: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The rank of one column in each row, 0 for the best, with ties in the history's random order.

    Args:
        scores: (B, N + 1).
        histories: B histories, whose items determine the order of ties.
        columns: (B,) columns to rank.

    Returns:
        Three (B,) tensors: the rank, the first rank with the same score, and the number of other columns with it.
    """
    own = scores.gather(1, columns[:, None])
    first, others = (scores > own).sum(1), (scores == own).sum(1) - 1
    place = first.clone()
    for rows, orders in _orders_where(others > 0, histories, scores.shape[1]):
        equal, asked = scores[rows].gather(1, orders) == own[rows], orders == columns[rows, None]
        place[rows] += (equal.cumsum(1) * asked).sum(1) - 1
    return place, first, others


def _orders_where(
    tied: Tensor, histories: Sequence[np.ndarray], size: int, seed: int = SEED
) -> Iterator[tuple[Tensor, Tensor]]:
    """The rows with ties, in chunks, with the orders of their histories."""
    rows = tied.nonzero()[:, 0]
    for start in range(0, len(rows), ROWS):
        part = rows[start : start + ROWS]
        yield part, random_orders([histories[row] for row in part.tolist()], size, seed)
