"""SASRec: self-attention over the most recent items (Kang & McAuley, ICDM 2018), with tied item embeddings."""

import torch
from torch import Tensor, nn

from recx.settings import TargetShape


class Block(nn.Module):
    """Self-attention and a feed-forward layer, with pre- or post-normalisation: (B, L, d) -> (B, L, d).

    Args:
        settings: shape.
    """

    def __init__(self, settings: TargetShape) -> None:
        super().__init__()
        d = settings.width
        self.heads, self.norm_first = settings.heads, settings.norm == "pre"
        self.norm_attention, self.norm_feed = nn.LayerNorm(d), nn.LayerNorm(d)
        self.qkv, self.out = nn.Linear(d, 3 * d), nn.Linear(d, d)
        self.feed = nn.Sequential(nn.Linear(d, 4 * d), nn.GELU(), nn.Dropout(settings.dropout), nn.Linear(4 * d, d))
        self.drop = nn.Dropout(settings.dropout)

    def forward(self, x: Tensor, allowed: Tensor) -> Tensor:
        """States (B, L, d) and the attention mask (B, 1, L, L) -> (B, L, d)."""
        if self.norm_first:
            x = x + self.attend(self.norm_attention(x), allowed)
            return x + self.drop(self.feed(self.norm_feed(x)))
        x = self.norm_attention(x + self.attend(x, allowed))
        return self.norm_feed(x + self.drop(self.feed(x)))

    def attend(self, x: Tensor, allowed: Tensor) -> Tensor:
        """Output of attention, to be added to the states: (B, L, d) -> (B, L, d)."""
        weights, value = self.attention(x, allowed)
        mixed = self.drop(weights) @ value
        return self.drop(self.out(mixed.transpose(1, 2).reshape(x.shape)))

    def attention(self, x: Tensor, allowed: Tensor) -> tuple[Tensor, Tensor]:
        """Attention weights (B, heads, L, L) for inputs (B, L, d), and the values that they mix."""
        batch, length, _ = x.shape
        query, key, value = self.qkv(x).view(batch, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4).unbind(0)
        # Histories are short: plain matrix products are faster than the fused kernel and allow cheaper dropout.
        scores = (query @ key.transpose(-1, -2)) * query.shape[-1] ** -0.5
        return scores.masked_fill(~allowed, -torch.inf).softmax(-1), value


class SASRec(nn.Module):
    """A TwoTower: the state after the latest item is the user vector, the item embedding is the item vector.

    Args:
        items: N.
        settings: shape.
    """

    def __init__(self, items: int, settings: TargetShape) -> None:
        super().__init__()
        self.settings = settings
        self.item_embedding = nn.Embedding(items + 1, settings.width, padding_idx=0)
        self.position = nn.Parameter(torch.zeros(settings.length, settings.width))
        self.drop = nn.Dropout(settings.dropout)
        self.blocks = nn.ModuleList(Block(settings) for _ in range(settings.blocks))
        self.norm = nn.LayerNorm(settings.width) if settings.norm == "pre" else nn.Identity()  # already normalised
        nn.init.normal_(self.item_embedding.weight, std=settings.width**-0.5)
        nn.init.normal_(self.position, std=0.02)
        with torch.no_grad():
            self.item_embedding.weight[0].zero_()

    @property
    def length(self) -> int:
        """Number of most recent items that are read."""
        return self.settings.length

    def states(self, histories: Tensor) -> Tensor:
        """State after each item: (B, L) left-padded with 0 -> (B, L, d)."""
        length = histories.shape[1]
        # Not multiplied by the root of the width, as is common: the latest item would then outweigh the output of
        # attention, and the user vector would give already seen items the highest scores (measured, see
        # docs/decisions/005).
        x = self.item_embedding(histories) + self.position[-length:]
        x = self.drop(x)
        real = histories > 0
        causal = torch.ones(length, length, dtype=torch.bool, device=x.device).tril()
        itself = torch.eye(
            length, dtype=torch.bool, device=x.device
        )  # padding attends to itself, so that no row is fully masked
        allowed = ((causal & real[:, None, :]) | itself)[:, None]
        for block in self.blocks:
            x = block(x, allowed)
        return self.norm(x)

    def encode_users(self, histories: Tensor) -> Tensor:
        """(B, L) left-padded with 0 -> user vectors (B, d)."""
        return self.states(histories)[:, -1]

    def item_vectors(self) -> Tensor:
        """(N + 1, d); row 0 is zero."""
        return self.item_embedding.weight

    def score(self, histories: Tensor) -> Tensor:
        """(B, L) -> (B, N + 1)."""
        return self.encode_users(histories) @ self.item_vectors().T
