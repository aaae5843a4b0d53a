"""SASRec: self-attention over the most recent items (Kang & McAuley, ICDM 2018), with tied item embeddings."""

import torch
from torch import Tensor, nn
from torch.nn import functional

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

    def forward(self, x: Tensor, allowed: Tensor, latest: bool = False) -> Tensor:
        """Compute the states after this block.

        Args:
            x: states (B, L, d).
            allowed: attention mask (B, 1, L, L).
            latest: compute only the state at the last position, in a fraction of the time.

        Returns:
            States (B, L, d), or (B, 1, d).
        """
        kept = x[:, -1:] if latest else x
        if self.norm_first:
            kept = kept + self.attend(self.norm_attention(x), allowed, latest)
            return kept + self.drop(self.feed(self.norm_feed(kept)))
        kept = self.norm_attention(kept + self.attend(x, allowed, latest))
        return self.norm_feed(kept + self.drop(self.feed(kept)))

    def attend(self, x: Tensor, allowed: Tensor, latest: bool = False) -> Tensor:
        """Output of attention, to be added to the states: (B, L, d) -> (B, L, d), or (B, 1, d) for the last one."""
        weights, value = self.attention(x, allowed, latest)
        mixed = (self.drop(weights) @ value).transpose(1, 2)
        return self.drop(self.out(mixed.reshape(*mixed.shape[:2], -1)))

    def attention(self, x: Tensor, allowed: Tensor, latest: bool = False) -> tuple[Tensor, Tensor]:
        """Attention weights (B, heads, L, L) for inputs (B, L, d), and the values that they mix.

        Of the last position alone, the weights are (B, heads, 1, L).
        """
        batch, length, d = x.shape
        if latest:
            asking, weight, bias = x[:, -1:], self.qkv.weight, self.qkv.bias
            query = functional.linear(asking, weight[:d], bias[:d]).view(batch, 1, self.heads, -1).transpose(1, 2)
            read = functional.linear(x, weight[d:], bias[d:]).view(batch, length, 2, self.heads, -1)
            key, value = read.permute(2, 0, 3, 1, 4).unbind(0)
            allowed = allowed[..., -1:, :]
        else:
            read = self.qkv(x).view(batch, length, 3, self.heads, -1)
            query, key, value = read.permute(2, 0, 3, 1, 4).unbind(0)
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

    def states(self, histories: Tensor, latest: bool = False) -> Tensor:
        """State after each item: (B, L) left-padded with 0 -> (B, L, d), or (B, 1, d) for the `latest` item alone."""
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
        for n, block in enumerate(self.blocks, start=1):
            x = block(x, allowed, latest=latest and n == len(self.blocks))
        return self.norm(x)

    def encode_users(self, histories: Tensor) -> Tensor:
        """(B, L) left-padded with 0 -> user vectors (B, d)."""
        return self.states(histories, latest=True)[:, -1]

    def item_vectors(self) -> Tensor:
        """(N + 1, d); row 0 is zero."""
        return self.item_embedding.weight

    def score(self, histories: Tensor) -> Tensor:
        """(B, L) -> (B, N + 1)."""
        return self.encode_users(histories) @ self.item_vectors().T
