"""Items of the catalogue that a recommender made elsewhere does not know: left out of histories, ranked last."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from recx.recommenders.protocol import Scorer, pad_histories

SCORED = 1000  # people whose scores tell how far down unknown items have to be put


def drop_unknown(histories: Tensor, known: Tensor) -> Tensor:
    """Histories (B, L) without the items that a recommender does not know, still left-padded with 0 and in order."""
    real = known[histories]
    order = real.int().argsort(dim=1, stable=True)
    return (histories * real).gather(1, order)


def floored_items(vectors: Tensor, known: Tensor, floor: float) -> Tensor:
    """Item vectors (N + 1, d) with one more coordinate if there is a floor: minus the floor for unknown items, else 0.

    Users have a 1 there (`floored_users`). So what an unknown item scores is in its vector, for all that reads vectors.
    """
    if not floor:
        return vectors
    below = torch.where(known, 0.0, -floor).to(vectors.dtype)
    below[0] = 0.0  # padding
    return torch.cat([vectors, below[:, None]], dim=1)


def floored_users(vectors: Tensor, floor: float) -> Tensor:
    """User vectors (B, d) with a 1 as one more coordinate if there is a floor."""
    return functional.pad(vectors, (0, 1), value=1.0) if floor else vectors


def floor_of(target: Scorer, known: Tensor, sequences: Sequence[np.ndarray], length: int) -> float:
    """How far below 0 unknown items are put: twice the largest score of some people, plus 1; 0 if all are known.

    Args:
        target: scores without a floor.
        known: (N + 1,) whether an item is known.
        sequences: items of each person.
        length: how many of the latest are read.
    """
    if bool(known[1:].all()):
        return 0.0
    with torch.inference_mode():
        return 2 * float(target.score(pad_histories(sequences[:SCORED], length)).abs().max()) + 1
