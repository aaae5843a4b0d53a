"""Attribution methods: one number per item of a history, highest for the strongest cause.

All take a value function, a history and K items, and return (n, K) numbers for the n distinct items of the history
(`players_of`), mostly in the value's units (nats for log-probabilities). Positive numbers support an item. Methods in
`NEEDS_SASREC` need more than scores.
"""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import torch
from sklearn.linear_model import Ridge
from torch import Tensor, nn

from recx.attribution.removal import ValueFunction, players_of
from recx.attribution.shapley import shapley_values
from recx.data.catalogue import Catalogue
from recx.errors import SettingsError
from recx.recommenders.devices import device_of
from recx.recommenders.protocol import pad_histories
from recx.recommenders.sasrec import SASRec

Items = Sequence[int] | np.ndarray
MASKS = 200
STEPS = 24
BASELINES = 8


def shapley(value: ValueFunction, history: np.ndarray, items: Items) -> np.ndarray:
    """Shapley values, see `recx.attribution.shapley`."""
    return shapley_values(value, history, items).values


def leave_one_out(value: ValueFunction, history: np.ndarray, items: Items) -> np.ndarray:
    """Decrease of the value when one item is removed."""
    n = len(value.players(history))
    values = value(history, np.concatenate([np.ones((1, n), bool), ~np.eye(n, dtype=bool)]), items)
    return values[0] - values[1:]


def alone(value: ValueFunction, history: np.ndarray, items: Items) -> np.ndarray:
    """Increase of the value when an item is the only one."""
    n = len(value.players(history))
    values = value(history, np.concatenate([np.zeros((1, n), bool), np.eye(n, dtype=bool)]), items)
    return values[1:] - values[0]


def lime(value: ValueFunction, history: np.ndarray, items: Items, seed: int = 0) -> np.ndarray:
    """Coefficients of a ridge regression on random subsets of the history, with larger subsets weighted more.

    Source: Ribeiro, Singh & Guestrin, KDD 2016; for rankings Nobrega & Marinho, SAC 2019 (LIME-RS).
    """
    n = len(value.players(history))
    kept = np.random.default_rng(seed).random((MASKS, n)) < 0.5
    kept[0] = True
    distance = 1 - np.sqrt(kept.mean(1))  # cosine distance of a binary vector to all ones
    weights = np.exp(-(distance**2) / 0.25**2)
    fitted = Ridge(alpha=1e-3).fit(kept.astype(float), value(history, kept, items), sample_weight=weights)
    return np.atleast_2d(fitted.coef_).T


def integrated_gradients(value: ValueFunction, history: np.ndarray, items: Items) -> np.ndarray:
    """Gradients along the path from the mean item vector to each item's vector (Sundararajan et al., ICML 2017)."""
    start = _embedding(value).weight.detach()[1:].mean(0)
    return _along(value, history, items, start.expand(min(len(history), value.length), -1))


def path_integration(value: ValueFunction, history: np.ndarray, items: Items, seed: int = 0) -> np.ndarray:
    """Gradients along the path from a real user's history, the most faithful of `BASELINES` that are drawn.

    Source: SPINRec (Barkan et al., arXiv 2511.18047). There a user is a vector over all items, and the path leads from
    another user's. Here the path leads from the item at each position of another history to the item at that position;
    a shorter history is repeated. Of the paths, the one with the largest `deletion_gap` is taken, for each item alone.
    """
    if not len(value.people):
        raise SettingsError("Path integration needs a value function with real histories to start from (`people`).")
    rows, rng = min(len(history), value.length), np.random.default_rng(seed)
    drawn = [np.asarray(value.people[n]) for n in rng.integers(len(value.people), size=BASELINES)]
    starts = np.stack([np.resize(h[-rows:], rows) for h in drawn])
    vectors = _embedding(value).weight.detach()
    paths = [_along(value, history, items, vectors[torch.from_numpy(start)]) for start in starts]
    best = [
        max((path[:, k] for path in paths), key=partial(deletion_gap, value, history, int(item)))
        for k, item in enumerate(items)
    ]
    return np.stack(best, axis=1)


def deletion_gap(value: ValueFunction, history: np.ndarray, item: int, numbers: np.ndarray) -> float:
    """The mean difference between two deletion curves of the value: lowest items first minus highest items first.

    Positive where the highest items support the item. Source: Samek et al., IEEE TNNLS 2017 (area between the curves
    of most and least relevant first).

    Args:
        value: value function.
        history: item indices, oldest first.
        item: the item in question.
        numbers: (n,) an attribution.
    """
    if len(numbers) < 2:
        return 0.0
    rank = np.argsort(np.argsort(-numbers, kind="stable"), kind="stable")
    gone = np.arange(1, len(numbers))[:, None]
    curves = value(history, np.concatenate([rank >= gone, rank < len(numbers) - gone]), [item])[:, 0]
    highest, lowest = np.split(curves, 2)
    return float((lowest - highest).mean())


def attention_rollout(value: ValueFunction, history: np.ndarray, items: Items) -> np.ndarray:
    """Attention from the last position to each item, through all blocks (Abnar & Zuidema, ACL 2020).

    The same for every item asked about, since attention does not depend on the candidate.
    """
    target = value.target
    if not isinstance(target, SASRec):
        raise SettingsError("Attention rollout needs a target with attention: SASRec.")
    history = np.asarray(history, dtype=np.int64)[-value.length :]
    weights: list[Tensor] = []
    hooks = [
        block.register_forward_pre_hook(lambda b, args: weights.append(_attention(b, *args))) for block in target.blocks
    ]
    try:
        with torch.inference_mode():
            target.states(pad_histories([history], len(history)).to(device_of(target)))
    finally:
        for hook in hooks:
            hook.remove()
    rolled = torch.eye(len(history), device=weights[0].device)
    for one in weights:
        mixed = one[0].mean(0) + torch.eye(len(history), device=one.device)
        rolled = (mixed / mixed.sum(-1, keepdim=True)) @ rolled
    return np.repeat(_by_player(history, rolled[-1].cpu().numpy())[:, None], len(items), axis=1)


def latest(value: ValueFunction, history: np.ndarray, items: Items) -> np.ndarray:
    """Recency: later items get higher numbers; a baseline that ignores effects."""
    history = np.asarray(history)[-value.length :]
    last = {int(item): place for place, item in enumerate(history)}
    return np.repeat([[float(last[int(p)])] for p in players_of(history)], len(items), axis=1)


def at_random(value: ValueFunction, history: np.ndarray, items: Items, seed: int = 0) -> np.ndarray:
    """Random numbers, reproducible for the same question."""
    players = value.players(history)
    draws = [np.random.default_rng([seed, int(item), *players.tolist()]).random(len(players)) for item in items]
    return np.stack(draws, axis=1)


METHODS: dict[str, Callable[..., np.ndarray]] = {
    "random": at_random,
    "latest": latest,
    "attention rollout": attention_rollout,
    "alone": alone,
    "leave one out": leave_one_out,
    "integrated gradients": integrated_gradients,
    "path integration": path_integration,
    "LIME": lime,
    "Shapley": shapley,
}
NEEDS_SASREC = frozenset({"attention rollout", "integrated gradients", "path integration"})


def serves(method: str, value: ValueFunction) -> bool:
    """Whether a method supports this target: some require SASRec, the others any scorer."""
    return method not in NEEDS_SASREC or isinstance(value.target, SASRec)


def likeness(catalogue: Catalogue, players: np.ndarray, item: int) -> np.ndarray:
    """Similarity of items (n,) to one item: Jaccard index of their attribute values."""

    def values(index: int) -> set[tuple[str, str]]:
        return {(name, v) for name, column in catalogue.attributes.items() for v in column[index]}

    own = values(item)
    return np.array([len(own & values(p)) / max(1, len(own | values(p))) for p in map(int, players)])


def _by_player(history: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """Sum the numbers of positions (L,) over each distinct item."""
    return np.array([numbers[history == player].sum(0) for player in players_of(history)])


def _attention(block: nn.Module, x: Tensor, allowed: Tensor) -> Tensor:
    return block.attention(block.norm_attention(x) if block.norm_first else x, allowed)[0]


def _embedding(value: ValueFunction) -> nn.Embedding:
    if not isinstance(value.target, SASRec):
        raise SettingsError("Gradients along the items of a history need a target that embeds each position: SASRec.")
    return value.target.item_embedding


def _along(value: ValueFunction, history: np.ndarray, items: Items, start: Tensor) -> np.ndarray:
    """Integrated gradients (n, K) of the log-probabilities from vectors (L, d) to those of the history."""
    embedding, history = _embedding(value), np.asarray(history, dtype=np.int64)[-value.length :]
    padded = pad_histories([history], value.length).to(embedding.weight.device)
    end = embedding.weight.detach()[padded[0, -len(history) :]]
    # The midpoint of each step, so that few steps suffice.
    at = (torch.arange(STEPS, device=end.device) + 0.5)[:, None, None] / STEPS
    vectors = (start + at * (end - start)).requires_grad_(True)

    def replace(module: nn.Module, args: tuple[Tensor, ...], output: Tensor) -> Tensor:
        head = output[:, : -len(history)].detach()
        return torch.cat([head, vectors], dim=1)

    hook = embedding.register_forward_hook(replace)
    try:
        with torch.enable_grad():
            scores = value.target.score(padded.expand(STEPS, -1))[:, 1:].log_softmax(-1)
            columns = [
                torch.autograd.grad(scores[:, int(item) - 1].sum(), vectors, retain_graph=True)[0] for item in items
            ]
    finally:
        hook.remove()
    by_place = torch.stack([((end - start) * grad.mean(0)).sum(-1) for grad in columns], dim=1)
    return _by_player(history, by_place.double().cpu().numpy())
