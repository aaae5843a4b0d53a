"""Protocols that a recommender must implement."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor

from recx.errors import DataError


@runtime_checkable
class Scorer(Protocol):
    """A black box that maps histories to scores; sufficient for behavior alignment."""

    def score(self, histories: Tensor) -> Tensor:
        """Histories (B, L) of item indices, oldest first, left-padded with 0 -> scores (B, N + 1)."""
        ...


@runtime_checkable
class TwoTower(Scorer, Protocol):
    """A recommender whose score is the product of a user vector and an item vector of width d."""

    def encode_users(self, histories: Tensor) -> Tensor:
        """Histories (B, L), left-padded with 0 -> user vectors (B, d)."""
        ...

    def item_vectors(self) -> Tensor:
        """Item vectors (N + 1, d); row 0 is padding."""
        ...


def pad_histories(histories: Sequence[Sequence[int] | np.ndarray], length: int) -> Tensor:
    """The last `length` items of each history, left-padded with 0, as a long tensor (B, length)."""
    padded = np.zeros((len(histories), length), dtype=np.int64)
    for row, history in enumerate(histories):
        recent = np.asarray(history[-length:], dtype=np.int64)
        if recent.size:
            padded[row, -recent.size :] = recent
    return torch.from_numpy(padded)


def check_finite(scores: Tensor) -> None:
    """Reject scores (B, N + 1) that would silently give wrong rankings: NaN or infinite values.

    Raises:
        DataError: a score is not finite; column 0 is ignored.
    """
    if not torch.isfinite(scores[:, 1:]).all():
        raise DataError(
            "The recommender returned scores that are not finite (NaN or infinite). If it has no score for an item, "
            "return a number below all others."
        )


def mask_seen(scores: Tensor, histories: Sequence[Sequence[int] | np.ndarray]) -> Tensor:
    """A copy of the scores in which padding (item 0) and all items of each whole history are minus infinity.

    Raises:
        DataError: a score is not finite.

    Args:
        scores: (B, N + 1).
        histories: B histories, unpadded and complete: items older than the recommender reads count as seen too.
    """
    check_finite(scores)
    scores = scores.clone(memory_format=torch.contiguous_format)  # they may be a view of the recommender's own
    scores[:, 0] = -torch.inf
    rows = np.repeat(np.arange(len(histories)), [len(h) for h in histories])
    if rows.size:
        scores[rows, np.concatenate([np.asarray(h, dtype=np.int64) for h in histories])] = -torch.inf
    return scores
