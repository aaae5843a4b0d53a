"""Devices: built-in recommenders compute on the GPU if there is one.

Histories are moved to the recommender's device and its output back to the CPU, so callers need not care. A recommender
from outside the kit stays on the device where its file puts it.
"""

import itertools

import torch
from torch import Tensor, nn

from recx.recommenders.protocol import Scorer, TwoTower


def preferred_device() -> torch.device:
    """The GPU of this process (the first, unless `torch.cuda.set_device` chose another), or the CPU."""
    return torch.device("cuda", torch.cuda.current_device()) if torch.cuda.is_available() else torch.device("cpu")


def device_of(recommender: Scorer) -> torch.device:
    """The device of a module's weights; the CPU for anything else."""
    if not isinstance(recommender, nn.Module):
        return torch.device("cpu")
    tensors = itertools.chain(recommender.parameters(), recommender.buffers())
    return next((tensor.device for tensor in tensors), torch.device("cpu"))


def score(recommender: Scorer, histories: Tensor) -> Tensor:
    """Padded histories (B, L) -> scores (B, N + 1) on the CPU, in float32 or, as given, float64.

    Large scores, such as times, are distinct in float64 only.
    """
    scores = recommender.score(histories.to(device_of(recommender))).cpu()
    return scores.to(torch.promote_types(scores.dtype, torch.float32))


def encode_users(recommender: TwoTower, histories: Tensor) -> Tensor:
    """Padded histories (B, L) -> user vectors (B, d) on the CPU."""
    return recommender.encode_users(histories.to(device_of(recommender))).cpu()


def item_vectors(recommender: TwoTower) -> Tensor:
    """Item vectors (N + 1, d) on the CPU, without gradient."""
    return recommender.item_vectors().detach().cpu()
