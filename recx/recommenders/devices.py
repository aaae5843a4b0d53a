"""On which device a recommender computes: the kit's own on the GPU where there is one.

Histories go to the device that a recommender lies on, and what it says of them comes back to the CPU, so callers need
not know. A recommender from outside the kit stays on the device where its file puts it.
"""

import itertools

import torch
from torch import Tensor, nn

from recx.recommenders.protocol import Scorer, TwoTower


def preferred_device() -> torch.device:
    """The GPU of this process (the first, unless `torch.cuda.set_device` chose another), or the CPU without one."""
    return torch.device("cuda", torch.cuda.current_device()) if torch.cuda.is_available() else torch.device("cpu")


def device_of(recommender: Scorer) -> torch.device:
    """Where a module's weights lie; the CPU for what is no module, or has none."""
    if not isinstance(recommender, nn.Module):
        return torch.device("cpu")
    tensors = itertools.chain(recommender.parameters(), recommender.buffers())
    return next((tensor.device for tensor in tensors), torch.device("cpu"))


def score(recommender: Scorer, histories: Tensor) -> Tensor:
    """Padded histories (B, L) -> scores (B, N + 1) on the CPU."""
    return recommender.score(histories.to(device_of(recommender))).cpu()


def encode_users(recommender: TwoTower, histories: Tensor) -> Tensor:
    """Padded histories (B, L) -> user vectors (B, d) on the CPU."""
    return recommender.encode_users(histories.to(device_of(recommender))).cpu()


def item_vectors(recommender: TwoTower) -> Tensor:
    """Item vectors (N + 1, d) on the CPU, without gradient."""
    return recommender.item_vectors().detach().cpu()
