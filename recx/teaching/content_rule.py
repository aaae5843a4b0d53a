"""A recommender that compares only attributes; it never reads interactions."""

import numpy as np
import torch
from torch import Tensor

from recx.data.catalogue import Catalogue

WEIGHTS = {"series": 1.6, "platform": 1.0, "genre": 1.0, "developer": 0.5, "brand": 0.5}


class ContentRecommender:
    """A two-tower model with one-hot attributes; a user is the mean of the history's items, weighted by recency.

    Args:
        catalogue: items with attributes.
        max_history: number of most recent items that are read.
    """

    def __init__(self, catalogue: Catalogue, max_history: int = 20) -> None:
        self.max_history = max_history
        blocks = []
        for column, weight in WEIGHTS.items():
            values = catalogue.attributes.get(column)
            if values is None:
                continue
            vocabulary = {v: n for n, v in enumerate(sorted({v for item in values for v in item}))}
            block = np.zeros((len(values), len(vocabulary)), dtype=np.float32)
            for row, item in enumerate(values):
                for value in item:
                    block[row, vocabulary[value]] = weight / len(item) ** 0.5
            blocks.append(block)
        stacked = np.concatenate(blocks, axis=1) if blocks else np.zeros((len(catalogue) + 1, 1), np.float32)
        self._items = torch.from_numpy(stacked)

    def item_vectors(self) -> Tensor:
        """Weighted one-hot attributes (N + 1, d)."""
        return self._items

    def encode_users(self, histories: Tensor) -> Tensor:
        """Mean of the items' vectors; the last position is weighted twice as much as the first: (B, L) -> (B, d)."""
        weights = torch.linspace(0.5, 1.0, histories.shape[1])[None, :] * (histories > 0)
        vectors = (self._items[histories] * weights[..., None]).sum(1)
        return vectors / weights.sum(1, keepdim=True).clamp_min(1e-6)

    def score(self, histories: Tensor) -> Tensor:
        """(B, L) -> (B, N + 1)."""
        return self.encode_users(histories) @ self._items.T
