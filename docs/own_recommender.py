"""A custom recommender with item vectors from co-occurrence, used in docs/own_recommender.md."""

import numpy as np
import torch


class ItemSVD(torch.nn.Module):
    """Represents a history by the weighted sum of its items' vectors, with the greatest weight on the latest item."""

    def __init__(self, items: int, length: int) -> None:
        super().__init__()
        self.length = length
        self.register_buffer("vectors", torch.zeros(items + 1, min(48, items)))

    def item_vectors(self) -> torch.Tensor:
        return self.vectors

    def encode_users(self, histories: torch.Tensor) -> torch.Tensor:
        weights = 0.8 ** torch.arange(histories.shape[1]).flip(0)
        return (self.vectors[histories] * weights[:, None]).sum(1)

    def score(self, histories: torch.Tensor) -> torch.Tensor:
        return self.encode_users(histories) @ self.vectors.T


def build(items: int, length: int) -> ItemSVD:
    return ItemSVD(items, length)


def fit(recommender: ItemSVD, split) -> None:
    chosen = np.zeros((len(split.train), len(recommender.vectors)), dtype=np.float32)
    for user, history in enumerate(split.train):
        chosen[user, history] = 1 / len(history) ** 0.5
    together = chosen.T @ chosen
    root = np.sqrt(np.maximum(1e-6, together.sum(0)))
    left, strength, _ = np.linalg.svd(together / root / root[:, None])
    width = recommender.vectors.shape[1]
    recommender.vectors.copy_(torch.from_numpy(left[:, :width] * strength[:width] ** 0.5))
