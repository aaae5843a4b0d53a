"""Wrapper that turns any function scoring a history into a recommender."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from recx.errors import DataError
from recx.recommenders.protocol import check_finite


class BlackBox:
    """A Scorer around a function; it has no vectors, so only behavior alignment is possible.

    Args:
        score: histories (lists of item indices 1..N, oldest first) -> scores (B, N + 1); column 0 is ignored.
        items: N.
        length: number of most recent items passed to the function.
    """

    def __init__(self, score: Callable[[Sequence[Sequence[int]]], np.ndarray], items: int, length: int) -> None:
        self._score, self.items, self.length = score, items, length

    def score(self, histories: Tensor) -> Tensor:
        """(B, L) left-padded with 0 -> (B, N + 1).

        Raises:
            DataError: the function returned scores of the wrong shape, or scores that are not finite.
        """
        given = [[int(i) for i in row if i] for row in histories.tolist()]
        scores = torch.as_tensor(np.array(self._score(given), dtype=np.float64))
        if tuple(scores.shape) != (len(given), self.items + 1):
            raise DataError(
                f"The recommender returned scores of shape {tuple(scores.shape)} for {len(given)} histories; expected "
                f"({len(given)}, {self.items + 1}): one column per item, and column 0 for padding."
            )
        check_finite(scores)
        return scores
