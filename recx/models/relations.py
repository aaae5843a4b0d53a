"""Relation tokens: before each title of a history stands what it has to do with the item that is asked about.

A prompt with one user vector cannot say which title mattered (measured, see LOG.md). A relation token can: it is made
from the target's vectors of the history's items, of the candidate and of the user, and from the places. All of them are
read together, as what one title counts for depends on the others.
"""

import torch
from torch import Tensor, nn

WIDTH = 128
HEADS = 4
LAYERS = 2


class RelationEncoder(nn.Module):
    """From the target's vectors to one vector for each item of a history.

    Args:
        items: item vectors of the target (N + 1, d).
        users: user vectors (U, d), for their centre and scale.
        hidden: width of the language model.
        scale: root mean square that the vectors start with, that of the ordinary embeddings.
    """

    def __init__(self, items: Tensor, users: Tensor, hidden: int, scale: float) -> None:
        super().__init__()
        d = items.shape[1]
        users = users if len(users) > 1 else items[1:]
        for name, vectors in (("item", items[1:]), ("user", users)):
            vectors = vectors.detach().float()
            self.register_buffer(f"{name}_center", vectors.mean(0))
            self.register_buffer(f"{name}_scale", vectors.std() + 1e-6)
        self.read = nn.Sequential(nn.Linear(5 * d + 5, 2 * WIDTH), nn.GELU(), nn.Linear(2 * WIDTH, WIDTH))
        layer = nn.TransformerEncoderLayer(
            WIDTH, HEADS, 2 * WIDTH, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
        )
        self.mix = nn.TransformerEncoder(layer, LAYERS, norm=nn.LayerNorm(WIDTH), enable_nested_tensor=False)
        self.effect = nn.Linear(WIDTH, 1)
        self.write = nn.Linear(WIDTH, hidden)
        nn.init.normal_(self.write.weight, std=scale / WIDTH**0.5)
        nn.init.zeros_(self.write.bias)

    def states(self, history: Tensor, real: Tensor, candidate: Tensor, user: Tensor) -> Tensor:
        """What each item of a history is to a candidate.

        Args:
            history: (B, n, d) item vectors, oldest first.
            real: (B, n) which of them are no padding.
            candidate: (B, d) vector of the item asked about.
            user: (B, d).

        Returns:
            (B, n, WIDTH).
        """
        with torch.autocast(history.device.type, enabled=False):  # differences of values are small: bfloat16 loses them
            h = (history.float() - self.item_center) / self.item_scale
            b = ((candidate.float() - self.item_center) / self.item_scale)[:, None].expand_as(h)
            u = ((user.float() - self.user_center) / self.user_scale)[:, None].expand_as(h)
            count = real.sum(1, keepdim=True)
            latest = (count - real.cumsum(1)).float()
            places = torch.stack([latest / 5, (count / 5.0).expand_as(latest)], dim=-1)
            d = h.shape[-1] ** 0.5
            products = torch.stack([(h * b).sum(-1), (h * u).sum(-1), (b * u).sum(-1)], dim=-1) / d
            features = torch.cat([places, products, h * b, h * u, h, b, u], dim=-1)
            # Attention over nothing gives NaN; a row without relation tokens is not read afterwards.
            ignored = ~real & real.any(1, keepdim=True)
            return self.mix(self.read(features), src_key_padding_mask=ignored)

    def effects(self, history: Tensor, real: Tensor, candidate: Tensor, user: Tensor) -> Tensor:
        """How much each item counts for the candidate (B, n): what the encoder is started on, see `alignment`."""
        return self.effect(self.states(history, real, candidate, user))[..., 0]

    def forward(self, history: Tensor, real: Tensor, candidate: Tensor, user: Tensor) -> Tensor:
        """As `states`, in the language model's width: (B, n, hidden)."""
        return self.write(self.states(history, real, candidate, user))
