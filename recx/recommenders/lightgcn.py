"""LightGCN (He et al., SIGIR 2020): embeddings averaged over the user-item graph, without layer weights."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn


class LightGCN(nn.Module):
    """A TwoTower whose users start as the mean of their items, so that unseen histories can be encoded.

    The original learns a free initial embedding per user instead. Everything else is unchanged: `layers` propagation
    steps, symmetric normalisation by the roots of both degrees, and the mean over all layers.

    Args:
        items: N.
        width: d.
        length: number of most recent items that are read.
        layers: number of propagation steps.
        sequences: training sequences, which define the graph; not needed when saved tables are loaded.
    """

    def __init__(
        self, items: int, width: int, length: int, layers: int, sequences: Sequence[np.ndarray] | None = None
    ) -> None:
        super().__init__()
        self.length, self.layers = length, layers
        self.item_embedding = nn.Embedding(items + 1, width, padding_idx=0)
        nn.init.normal_(self.item_embedding.weight, std=0.1)
        # Buffers used for inference: item vectors after each layer, and the root of each item's degree.
        self.register_buffer("steps", torch.zeros(layers + 1, items + 1, width))
        self.register_buffer("degree", torch.ones(items + 1))
        mean, graph, degree = (None, None, None) if sequences is None else _matrices(sequences, items)
        self.register_buffer("_mean", mean, persistent=False)
        self.register_buffer("_graph", graph, persistent=False)
        if degree is not None:
            self.degree.copy_(degree)

    def propagate(self) -> tuple[Tensor, Tensor]:
        """Item vectors after each layer (K + 1, N + 1, d), and final user vectors of the graph's users (U, d)."""
        item = torch.cat([self.item_embedding.weight.new_zeros(1, self.steps.shape[2]), self.item_embedding.weight[1:]])
        user = torch.sparse.mm(self._mean, item)
        all_items, all_users = [item], [user]
        for _ in range(self.layers):
            user, item = torch.sparse.mm(self._graph, item), torch.sparse.mm(self._graph.t(), user)
            all_items.append(item)
            all_users.append(user)
        return torch.stack(all_items), torch.stack(all_users).mean(0)

    @torch.no_grad()
    def refresh(self) -> None:
        """Recompute the item vectors used for inference from the current weights."""
        self.steps.copy_(self.propagate()[0])

    def item_vectors(self) -> Tensor:
        """(N + 1, d); row 0 is zero."""
        return self.steps.mean(0)

    def encode_users(self, histories: Tensor) -> Tensor:
        """(B, L) left-padded with 0 -> user vectors (B, d), as for a graph user with these items."""
        real = (histories > 0).float()
        count = real.sum(1, keepdim=True).clamp_min(1.0)
        mean = (self.steps[0][histories] * real[..., None]).sum(1) / count
        weights = (real / (count.sqrt() * self.degree[histories]))[..., None]
        later = [(step[histories] * weights).sum(1) for step in self.steps[:-1]]
        return torch.stack([mean, *later]).mean(0)

    def score(self, histories: Tensor) -> Tensor:
        """(B, L) -> (B, N + 1)."""
        return self.encode_users(histories) @ self.item_vectors().T


def _matrices(sequences: Sequence[np.ndarray], items: int) -> tuple[Tensor, Tensor, Tensor]:
    """Means over each user's items and the normalised graph, both sparse (U, N + 1), and the roots of item degrees."""
    users = np.repeat(np.arange(len(sequences)), [len(s) for s in sequences])
    chosen = np.concatenate(sequences)
    lengths = np.maximum(1, np.bincount(users, minlength=len(sequences)))
    degrees = np.maximum(1, np.bincount(chosen, minlength=items + 1))
    places = torch.from_numpy(np.stack([users, chosen]))
    shape = (len(sequences), items + 1)
    mean, both = 1 / lengths[users], 1 / np.sqrt(lengths[users] * degrees[chosen])
    sparse = [
        torch.sparse_coo_tensor(places, torch.from_numpy(v).float(), shape, check_invariants=True).coalesce()
        for v in (mean, both)
    ]
    return sparse[0], sparse[1], torch.from_numpy(np.sqrt(degrees)).float()
