"""Starting the projectors: an item's vector is first read as what the language model knows by the item's title."""

from collections.abc import Sequence

import numpy as np
import torch

from recx.models.aligned_model import AlignedModel

RIDGE = 0.1
"""Penalty on the weights, as a share of the features' variance."""


@torch.no_grad()
def start_projectors(model: AlignedModel, titles: Sequence[np.ndarray]) -> float:
    """Fit the projectors' outer layer, so that an item's token is like the mean embedding of its title's tokens.

    Users start with the same projector: their vectors lie in the space of the items', so a user is first read as a
    mixture of titles.

    Args:
        model: with entity tokens, not trained yet.
        titles: token ids of items 0..N (row 0, padding, is left out).

    Returns:
        The share of the titles' variance that the projected vectors explain.
    """
    entities, device = model.entities, model.device
    words = entities.base.weight.float()
    wanted = torch.stack([words[torch.from_numpy(t.astype(np.int64)).to(device)].mean(0) for t in titles[1:]])
    # The mean of many embeddings is shorter than any of them; tokens of titles are read at their own length.
    scale = words.pow(2).mean().sqrt() / (wanted - wanted.mean(0)).pow(2).mean().sqrt()
    wanted = wanted.mean(0) + scale * (wanted - wanted.mean(0))
    projector = entities.item_projector
    features = torch.nn.functional.gelu(projector.inner(entities.whitened_items[1:])).double()
    center, middle = features.mean(0), wanted.double().mean(0)
    centred, target = features - center, wanted.double() - middle
    gram = centred.T @ centred
    penalty = RIDGE * gram.diagonal().mean() * torch.eye(len(gram), dtype=gram.dtype, device=device)
    weights = torch.linalg.solve(gram + penalty, centred.T @ target)
    projector.outer.weight.copy_(weights.T)
    projector.outer.bias.copy_(middle - center @ weights)
    entities.user_projector.load_state_dict(projector.state_dict())
    left = (centred @ weights - target).square().sum()
    return float(1 - left / target.square().sum())
