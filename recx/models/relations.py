"""Relation tokens: one before each title of a history, encoding its relation to the item in question.

A prompt with one user vector cannot say which title mattered (measured, see docs/decisions/037). A relation token can:
it is computed from the target's vectors of the history's items, the user and the item in question; the item's place
also needs those of all other items. It holds what an explanation says: the title's role, its effect, and the place of
the item in the target's ranking. The tokens of the title itself carry its role, too (docs/decisions/104). Where effects
were measured, told tokens with the measured roles replace the relation tokens (docs/decisions/107).

The effect is linear in the item. A score of the target is the product of a user's and an item's vector, and
Shapley values are linear in the game, so the effect of a title on the log-probability of an item c is w . c + z: w is
the Shapley value of the title where the value of a set of titles is the user's vector, and -z that of the logarithm of
the softmax's denominator. An encoder that reads the history alone predicts w and z of each title (docs/decisions/100
and 101).
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from recx.prompts.entity_ids import ROLES
from recx.prompts.evidence import NOTABLE, PLACES, TINY

WIDTH = 192
HEADS = 4
LAYERS = 2
FEATURES = len(ROLES) + 2 + len(PLACES) + 1
SCALE = 8.0  # of a role or a place, which would otherwise be learnt slowly


class RelationEncoder(nn.Module):
    """Predicts the effect of each title of a history on any item, from the target's vectors.

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
        self.read = nn.Sequential(nn.Linear(3 * d + 3, 2 * WIDTH), nn.GELU(), nn.Linear(2 * WIDTH, WIDTH))
        layer = nn.TransformerEncoderLayer(
            WIDTH, HEADS, 2 * WIDTH, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
        )
        self.mix = nn.TransformerEncoder(layer, LAYERS, norm=nn.LayerNorm(WIDTH), enable_nested_tensor=False)
        self.effect = nn.Linear(WIDTH, d + 1)  # w and z

    def forward(self, history: Tensor, items: Tensor, user: Tensor) -> Tensor:
        """Encode histories.

        Args:
            history: (B, n) item indices, oldest first, padded with 0 on either side; at least one item per row.
            items: item vectors of the target (N + 1, d).
            user: (B, d).

        Returns:
            The slopes w and the intercept z of each title (B, n, d + 1), for item vectors as `_scaled` gives them. An
            item at several positions has the values of its last position at all of them.
        """
        real = history > 0
        h = self._scaled(items[history])
        u = ((user.float() - self.user_center) / self.user_scale)[:, None].expand_as(h)
        count = real.sum(1, keepdim=True)
        latest = (count - real.cumsum(1)).float()
        places = [latest / 5, (count / 5.0).expand_as(latest), (h * u).sum(-1) / h.shape[-1] ** 0.5]
        features = torch.cat([torch.stack(places, dim=-1), h * u, h, u], dim=-1)
        slopes = self.effect(self.mix(self.read(features), src_key_padding_mask=~real))
        return slopes.gather(1, last_places(history)[..., None].expand_as(slopes))

    def effects(self, slopes: Tensor, items: Tensor) -> Tensor:
        """The effect (B, K, n) of each title on K items: slopes (B, n, d + 1) and the items' vectors (B, K, d)."""
        products = torch.einsum("bnd,bkd->bkn", slopes[..., :-1], self._scaled(items)) / items.shape[-1] ** 0.5
        return products + slopes[:, None, :, -1]

    @torch.no_grad()
    def features(self, history: Tensor, items: Tensor, asked: Tensor, user: Tensor) -> Tensor:
        """Input of the projector for relation tokens, without gradient.

        Args:
            history: (B, n) item indices, as in `forward`.
            items: item vectors of the target (N + 1, d).
            asked: (B,) index of the item in question.
            user: (B, d).

        Returns:
            (B, n, FEATURES): the title's roles, its effect, absolute and relative, and the item's place among `PLACES`.
        """
        with torch.autocast(history.device.type, enabled=False):  # bfloat16 would lose small differences
            effects = self.effects(self(history, items, user), items[asked][:, None])[:, 0].masked_fill(
                history == 0, 0.0
            )
            below = share_below(items, asked, user)
            roles = roles_of(effects, history, below >= 0.5)  # the better half counts as liked, as in `is_liked`
            largest = effects.abs().amax(1, keepdim=True).clamp_min(TINY)
            sizes = torch.stack([torch.tanh(effects), effects / largest], dim=-1)
            place = _place(below)[:, None].expand(*history.shape, -1)
            return torch.cat([SCALE * roles, sizes, place], dim=-1)

    @torch.no_grad()
    def told_features(self, roles: Tensor, items: Tensor, asked: Tensor, user: Tensor) -> Tensor:
        """The same for titles whose roles were measured; only the item's place is computed, and sizes are 0.

        Args:
            roles: (M,) role of each title, an index into `ROLES`, or their number for a title without one.
            items: item vectors of the target (N + 1, d).
            asked: (M,) index of the item in question.
            user: (M, d).

        Returns:
            (M, FEATURES).
        """
        with torch.autocast(roles.device.type, enabled=False):
            own, place = functional.one_hot(roles, len(ROLES) + 1)[:, :-1], _place(share_below(items, asked, user))
            return torch.cat([SCALE * own, own.new_zeros(len(own), 2), place], dim=-1)

    def _scaled(self, items: Tensor) -> Tensor:
        return (items.float() - self.item_center) / self.item_scale


def _place(below: Tensor) -> Tensor:
    """The place among `PLACES` (B, P + 1) of items above these fractions (B,) of the catalogue."""
    limits = torch.tensor(PLACES, device=below.device)
    return SCALE * functional.one_hot(torch.bucketize(below, limits, right=True), len(PLACES) + 1)


def last_places(history: Tensor) -> Tensor:
    """For each position (B, n) of histories of item indices, the last position of the same item."""
    same = history[:, :, None] == history[:, None, :]
    return (same * torch.arange(1, history.shape[1] + 1, device=history.device)).argmax(-1)


def share_below(items: Tensor, asked: Tensor, user: Tensor) -> Tensor:
    """Fraction (B,) of the catalogue that the target scores lower than the item in question.

    Args:
        items: item vectors of the target (N + 1, d).
        asked: (B,) index of the item in question.
        user: (B, d).
    """
    scores = user.float() @ items[1:].float().T
    own = scores.gather(1, asked[:, None] - 1)
    return (scores < own).sum(1) / max(1, scores.shape[1] - 1)


def roles_of(effects: Tensor, history: Tensor, liked: Tensor) -> Tensor:
    """Which titles an explanation of these effects names, and as what; the causes worth naming of `Evidence`.

    Args:
        effects: (B, n) effect of the item at each position, equal at all positions of the same item.
        history: (B, n) item indices, padded with 0.
        liked: (B,) the target's decision.

    Returns:
        (B, n, ROLES) ones and zeros, the same at all positions of an item.
    """
    signed = torch.where(liked[:, None], effects, -effects)
    last = last_places(history)
    once = (history > 0) & (last == torch.arange(history.shape[1], device=history.device))
    strength = signed.masked_fill(~once, -torch.inf)
    order = strength.argsort(dim=1, descending=True, stable=True)
    least = (NOTABLE * strength.amax(1, keepdim=True)).clamp_min(TINY)
    roles = torch.zeros(*history.shape, len(ROLES), device=effects.device)
    for role, place in enumerate(order.T[: len(ROLES) - 1]):
        named = strength.gather(1, place[:, None]) > least
        roles[..., role].scatter_(1, place[:, None], named.float())
    weakest = signed.masked_fill(~once, torch.inf)
    place = weakest.shape[1] - 1 - weakest.flip(1).argmin(1, keepdim=True)  # the last of equal ones, as in `Evidence`
    roles[..., -1].scatter_(1, place, (-weakest.gather(1, place) > least).float())
    return roles.gather(1, last[..., None].expand_as(roles)) * (history > 0)[..., None]
