"""Any function that scores a history, as a recommender of the kit."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from recx.errors import DataError
from recx.recommenders.protocol import check_finite


class BlackBox:
    """A Scorer around a function; it has no vectors, so behavior alignment is what it allows.

    Args:
        score: histories (lists of item indices 1..N, oldest first) -> scores (B, N + 1); column 0 is not read.
        items: N.
        length: how many of the latest items it is given.
    """

    def __init__(self, score: Callable[[Sequence[Sequence[int]]], np.ndarray], items: int, length: int) -> None:
        self._score, self.items, self.length = score, items, length

    def score(self, histories: Tensor) -> Tensor:
        """(B, L) left-padded with 0 -> (B, N + 1).

        Raises:
            DataError: the function gave scores of another shape, or scores that are not finite.
        """
        given = [[int(i) for i in row if i] for row in histories.tolist()]
        scores = torch.as_tensor(np.asarray(self._score(given), dtype=np.float32)).clone()
        if tuple(scores.shape) != (len(given), self.items + 1):
            raise DataError(
                f"The recommender gave scores of shape {tuple(scores.shape)} for {len(given)} histories; expected "
                f"({len(given)}, {self.items + 1}), one column an item and column 0 for none."
            )
        check_finite(scores)
        return scores
