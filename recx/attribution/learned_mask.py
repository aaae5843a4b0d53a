"""A learned mask: a small network that says which items of a history carry the target's score of a candidate.

Source: Barkan et al., WWW 2024 ("A Counterfactual Framework for Learning and Evaluating Explanations for Recommender
Systems", LXR): a network reads a user and a candidate and gives each item of the history a weight in (0, 1), so that
the candidate keeps its score on what is kept and loses it on what is taken out. Two things differ.

- LXR multiplies a user's binary vector by the mask, which needs a target that can be differentiated and a meaning for
  half an item. A history has no half items, so a weight m_j is the probability of keeping item j, and the value of a
  mask is the expectation over the sets S that it draws, E_m[v] = sum_S v(S) prod_{j in S} m_j prod_{j not in S} (1 -
  m_j). That is exact and differentiable in m from measured values alone, so that a black box is served like any other.
- LXR's penalty on the mask's length drives every weight to 0 or 1, which leaves no order among what is kept. Here the
  entropy H of the sets is rewarded instead (the variational index of Bian et al., ICLR 2022): of a target that adds up
  effects f_j the best logits are 2 f_j / s, in the order of the effects.

The loss is -(E_m[v] - E_{1-m}[v]) / s - H(m), where s is the mean standard deviation of v over all sets.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from recx.attribution.effect_labels import histories_to_measure
from recx.attribution.removal import ValueFunction, players_of, score_width
from recx.attribution.shapley import all_sets
from recx.errors import SettingsError
from recx.recommenders.devices import score
from recx.recommenders.labels import label_histories
from recx.recommenders.protocol import Scorer, pad_histories

WINDOW = 10  # latest items of a training history; ten distinct ones have 1,024 sets
HISTORIES = 800
STEPS, BATCH, RATE = 600, 32, 2e-3
WIDTH, HIDDEN = 64, 128
ROWS = 2048  # histories of one item scored at once


class MaskNetwork(nn.Module):
    """Logits of a mask from vectors of the history's items, of the candidate, and from the places.

    Args:
        width: d of the vectors.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(5 * width + 3, HIDDEN), nn.GELU(), nn.Linear(HIDDEN, HIDDEN), nn.GELU(), nn.Linear(HIDDEN, 1)
        )

    def forward(self, history: Tensor, candidate: Tensor) -> Tensor:
        """Vectors of n items (..., n, d), oldest first, and of a candidate (..., d) -> logits (..., n)."""
        n, width = history.shape[-2:]
        c, user = (x[..., None, :].expand_as(history) for x in (candidate, history.mean(-2)))
        latest = torch.arange(n - 1, -1, -1, device=history.device) / WINDOW
        places = torch.stack([latest, torch.full_like(latest, n / WINDOW)], -1).expand(*history.shape[:-1], 2)
        product = (history * c).sum(-1, keepdim=True) / width**0.5
        return self.layers(torch.cat([history, c, user, history * c, user * c, places, product], -1))[..., 0]


@dataclass(frozen=True)
class LearnedMask:
    """A fitted mask, to be called like the methods of `recx.attribution.attributions`.

    Attributes:
        network: fitted.
        read: (N + 1, d) vectors of items as parts of a history.
        asked: (N + 1, d) vectors of items as candidates.
    """

    network: MaskNetwork
    read: Tensor
    asked: Tensor

    @torch.inference_mode()
    def __call__(self, value: ValueFunction, history: np.ndarray, items: Sequence[int] | np.ndarray) -> np.ndarray:
        """Logits (n, K) of keeping each of the n distinct items, for K candidates."""
        players = _by_last_place(np.asarray(history, dtype=np.int64)[-value.length :])
        candidates = self.asked[torch.as_tensor(np.asarray(items, dtype=np.int64))]
        read = self.read[torch.from_numpy(players)].expand(len(candidates), -1, -1)
        logits = self.network(read, candidates).T.double().numpy()
        place = {int(player): n for n, player in enumerate(players)}
        return logits[[place[int(p)] for p in value.players(history)]]


def fit_learned_mask(
    value: ValueFunction, seed: int = 0, histories: int = HISTORIES, steps: int = STEPS
) -> LearnedMask:
    """Fit a mask to the measured values of all parts of training histories, each with liked and disliked candidates.

    No history but those of `value.people` is used, and nothing of the target but its scores.

    Args:
        value: with `people`, usually the histories of the training split.
        seed: of the histories, candidates, weights and batches.
        histories: largest number of histories measured, each cut to its latest `WINDOW` items.
        steps: of the optimiser, with `BATCH` histories each.

    Raises:
        SettingsError: no history has three distinct items, or the target prefers nothing after any of them.
    """
    rng = np.random.default_rng(seed)
    window = min(WINDOW, value.length)
    shown = [np.asarray(h, dtype=np.int64)[-window:] for h in value.people]
    shown = [shown[row] for row in histories_to_measure(shown, window, histories, rng)]
    labels = label_histories(value.target, shown, value.length, rng) if shown else None
    telling = labels.has_preference.nonzero()[0] if labels else []
    if not len(telling):
        raise SettingsError(
            "A learned mask needs histories of at least three distinct items after which the target prefers some items "
            "to others; there is none."
        )
    candidates = np.concatenate([labels.liked, labels.disliked], axis=1)
    groups: dict[int, list[tuple[np.ndarray, np.ndarray, np.ndarray]]] = {}  # by number of distinct items
    for row in telling:
        players = _by_last_place(shown[row])
        order = [players.tolist().index(p) for p in players_of(shown[row])]
        sets = all_sets(len(players))[:, order]  # numbered by last places, given by first ones
        measured = value(shown[row], sets, candidates[row]).T
        groups.setdefault(len(players), []).append((players, candidates[row], measured))
    read, asked = response_vectors(value.target, value.length, seed)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = MaskNetwork(read.shape[1])
    _fit(network, [tuple(map(_stack, zip(*rows, strict=True))) for rows in groups.values()], read, asked, rng, steps)
    return LearnedMask(network.eval().requires_grad_(False), read, asked)


def expected_value(values: Tensor, kept: Tensor) -> Tensor:
    """The mean value of random sets that keep each of n items with its own probability.

    Args:
        values: (..., 2^n) of all sets, numbered as by `all_sets`.
        kept: (..., n) probabilities.

    Returns:
        (...), between the lowest and the highest value; exact.
    """
    for j in range(kept.shape[-1]):
        without, with_item = values.unflatten(-1, (-1, 2)).unbind(-1)  # the lowest bit left is that of item j
        values = torch.lerp(without, with_item, kept[..., j, None].expand_as(without))
    return values[..., 0]


def mask_loss(logits: Tensor, values: Tensor, spread: float) -> Tensor:
    """The loss of masks (see above), in one number.

    Args:
        logits: (..., n).
        values: (..., 2^n) of all sets.
        spread: s.
    """
    kept = logits.sigmoid()
    gain = expected_value(values, kept) - expected_value(values.flip(-1), kept)  # the flip numbers the complements
    entropy = (functional.softplus(logits) - logits * kept).sum(-1)
    return -(gain / spread + entropy).mean()


@torch.inference_mode()
def response_vectors(target: Scorer, length: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Vectors of items from what a target scores after each item alone, whatever kind of target it is.

    R (N, N) holds the centred scores of all items after each item. It is taken for R = A C' with A and C of `WIDTH`
    columns and equal singular values: exactly where its rank allows, otherwise nearly (the randomised range finder of
    Halko, Martinsson & Tropp, SIAM Review 2011).

    Args:
        target: any scorer.
        length: how many of the latest items it reads.
        seed: of the random range.

    Returns:
        A (N + 1, d) for items in a history and C (N + 1, d) for candidates, in units of their standard deviation; row 0
        is zero.
    """
    total = score_width(target, length) - 1
    width = min(WIDTH, total)
    omega = torch.randn(total, width, generator=torch.Generator().manual_seed(seed))

    def responses(start: int) -> Tensor:
        histories = [[n] for n in range(start + 1, min(start + ROWS, total) + 1)]
        scores = score(target, pad_histories(histories, length))[:, 1:]
        return (scores - scores.mean(1, keepdim=True)).float()

    starts = range(0, total, ROWS)
    basis = torch.linalg.qr(torch.cat([responses(s) @ omega for s in starts])).Q
    left, sizes, right = torch.linalg.svd(
        sum(basis[s : s + ROWS].T @ responses(s) for s in starts), full_matrices=False
    )
    sides = basis @ left * sizes.sqrt(), right.T * sizes.sqrt()
    return tuple(functional.pad(v / v.std().clamp_min(1e-9), (0, 0, 1, 0)) for v in sides)


def _fit(
    network: MaskNetwork,
    groups: list[tuple[Tensor, Tensor, Tensor]],
    read: Tensor,
    asked: Tensor,
    rng: np.random.Generator,
    steps: int,
) -> None:
    sizes = np.array([len(players) for players, _, _ in groups])
    spread = sum(float(v.std(-1).sum()) for _, _, v in groups) / sum(v[..., 0].numel() for _, _, v in groups)
    optimizer = torch.optim.AdamW(network.parameters(), RATE, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, steps, pct_start=0.1)
    for group in rng.choice(len(groups), size=steps, p=sizes / sizes.sum()):
        chosen = torch.from_numpy(rng.integers(sizes[group], size=BATCH))
        players, candidates, values = (column[chosen] for column in groups[group])
        history = read[players][:, None].expand(-1, candidates.shape[1], -1, -1)
        loss = mask_loss(network(history, asked[candidates]), values, max(spread, 1e-9))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()


def _by_last_place(history: np.ndarray) -> np.ndarray:
    """The distinct items of a history, ordered by their last position: the latest comes last."""
    return players_of(history[::-1])[::-1].copy()


def _stack(rows: Sequence[np.ndarray]) -> Tensor:
    stacked = torch.from_numpy(np.stack(rows))
    return stacked if stacked.dtype == torch.int64 else stacked.float()
