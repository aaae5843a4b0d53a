"""Relation tokens: one before each title of a history, encoding its relation to the item in question.

A prompt with one user vector cannot say which title mattered (measured, see docs/decisions/037). A relation token can:
it is computed from the target's vectors of the history's items, the candidate and the user, and from the positions.
They are encoded jointly, since the effect of one title depends on the others.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

WIDTH = 128
HEADS = 4
LAYERS = 2
ROLES = ("first cause", "second cause", "third cause", "other way")
ROLE_SCALE = 8.0  # next to 128 states of unit size, a role would otherwise be too weak
FEATURES = WIDTH + len(ROLES) + 2


class RelationEncoder(nn.Module):
    """Encodes the relation of each history item to a candidate from the target's vectors.

    It is fitted to measured effects (`recx.alignment.relation_start`) and frozen afterwards.

    Args:
        items: item vectors of the target (N + 1, d).
        users: user vectors (U, d), used for their mean and scale.
    """

    def __init__(self, items: Tensor, users: Tensor) -> None:
        super().__init__()
        d = items.shape[1]
        for name, vectors in (("item", items[1:]), ("user", users if len(users) > 1 else items[1:])):
            vectors = vectors.detach().float()
            self.register_buffer(f"{name}_center", vectors.mean(0))
            self.register_buffer(f"{name}_scale", vectors.std() + 1e-6)
        self.read = nn.Sequential(nn.Linear(5 * d + 5, 2 * WIDTH), nn.GELU(), nn.Linear(2 * WIDTH, WIDTH))
        layer = nn.TransformerEncoderLayer(
            WIDTH, HEADS, 2 * WIDTH, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
        )
        self.mix = nn.TransformerEncoder(layer, LAYERS, norm=nn.LayerNorm(WIDTH), enable_nested_tensor=False)
        self.effect = nn.Linear(WIDTH, 1)
        self.role = nn.Linear(WIDTH, len(ROLES))

    def forward(self, history: Tensor, real: Tensor, candidate: Tensor, user: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Encode histories together with the item in question.

        Args:
            history: (B, n, d) item vectors, oldest first.
            real: (B, n) mask of items that are not padding; at least one per row.
            candidate: (B, d) vector of the item in question.
            user: (B, d).

        Returns:
            States (B, n, WIDTH), the effect of each item (B, n), and logits over the items for each role (B, n, ROLES).
        """
        h = (history.float() - self.item_center) / self.item_scale
        b = ((candidate.float() - self.item_center) / self.item_scale)[:, None].expand_as(h)
        u = ((user.float() - self.user_center) / self.user_scale)[:, None].expand_as(h)
        count = real.sum(1, keepdim=True)
        latest = (count - real.cumsum(1)).float()
        places = torch.stack([latest / 5, (count / 5.0).expand_as(latest)], dim=-1)
        products = torch.stack([(h * b).sum(-1), (h * u).sum(-1), (b * u).sum(-1)], dim=-1) / h.shape[-1] ** 0.5
        features = torch.cat([places, products, h * b, h * u, h, b, u], dim=-1)
        states = self.mix(self.read(features), src_key_padding_mask=~real)
        return states, self.effect(states)[..., 0], self.role(states).masked_fill(~real[..., None], -1e9)

    @torch.no_grad()
    def features(self, history: Tensor, real: Tensor, candidate: Tensor, user: Tensor) -> Tensor:
        """Input of the projector for relation tokens (B, n, FEATURES), without gradient.

        The states, each role's probabilities over the history's items, and the effect, absolute and relative.
        """
        with torch.autocast(history.device.type, enabled=False):  # bfloat16 would lose small differences
            states, effect, role = self(history, real, candidate, user)
            largest = effect.abs().masked_fill(~real, 0.0).amax(1, keepdim=True).clamp_min(1e-6)
            sizes = torch.stack([functional.tanh(effect), effect / largest], dim=-1)
            return torch.cat([states, ROLE_SCALE * role.softmax(1), sizes], dim=-1)
