"""One rule for equal scores: their order is a draw, the same wherever the same history is ranked.

Broken by item number, ties would teach an explainer how a data set happens to be numbered; counted for or against an
item, they would make a recommender that prefers nothing look better or worse than chance.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

SEED = 20
ROWS = 1024  # tied rows put in order at once: their orders take as much memory as twice their scores


def random_orders(histories: Sequence[np.ndarray], size: int) -> Tensor:
    """An order of the numbers below `size` for each of B histories (B, size), drawn from the items of the history.

    It depends neither on the numbers of the items ranked nor on the histories that are ranked beside it.
    """
    draws = (np.random.default_rng([SEED, *np.asarray(h).tolist()]).permutation(size) for h in histories)
    return torch.from_numpy(np.stack(list(draws)))


def best_first(scores: Tensor, histories: Sequence[np.ndarray], k: int | None = None) -> tuple[Tensor, Tensor]:
    """The k best columns of each row with their scores, the best first, equal scores in the history's random order.

    Rows without ties are sorted once and draw nothing.

    Args:
        scores: (B, N + 1); minus infinity where a column is masked: those come last, in any order.
        histories: B histories, whose items give the order of equal scores.
        k: how many; all by default.

    Returns:
        Scores (B, k) and columns (B, k).
    """
    size = scores.shape[1]
    kept = size if k is None else min(k, size)
    # One more than asked for, as the last one kept may tie with the first one left out.
    values, columns = scores.sort(descending=True) if kept == size else scores.topk(kept + 1)
    tied = ((values[:, 1:] == values[:, :-1]) & (values[:, 1:] > -torch.inf)).any(1)
    for rows, orders in _orders_where(tied, histories, size):
        places = scores[rows].gather(1, orders).sort(dim=1, descending=True, stable=True).indices
        columns[rows] = orders.gather(1, places[:, : columns.shape[1]])
    return values[:, :kept], columns[:, :kept]


def places(scores: Tensor, histories: Sequence[np.ndarray], columns: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The place of one column of each row, 0 for the first, among equal scores in the history's random order.

    Args:
        scores: (B, N + 1).
        histories: B histories, whose items give the order of equal scores.
        columns: (B,) columns asked about.

    Returns:
        Three (B,) tensors: its place, the first place that has its score, and how many other columns have it.
    """
    own = scores.gather(1, columns[:, None])
    first, others = (scores > own).sum(1), (scores == own).sum(1) - 1
    place = first.clone()
    for rows, orders in _orders_where(others > 0, histories, scores.shape[1]):
        equal, asked = scores[rows].gather(1, orders) == own[rows], orders == columns[rows, None]
        place[rows] += (equal.cumsum(1) * asked).sum(1) - 1
    return place, first, others


def _orders_where(tied: Tensor, histories: Sequence[np.ndarray], size: int) -> Iterator[tuple[Tensor, Tensor]]:
    """The rows that tie, some at a time, with the orders of their histories."""
    rows = tied.nonzero()[:, 0]
    for start in range(0, len(rows), ROWS):
        part = rows[start : start + ROWS]
        yield part, random_orders([histories[row] for row in part.tolist()], size)
