"""Effects on the target, measured for many histories: training data of the relation mode."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from tqdm.auto import tqdm

from recx.attribution.removal import ValueFunction, players_of
from recx.attribution.shapley import shapley_values
from recx.errors import CheckpointError
from recx.recommenders.labels import Labels
from recx.recommenders.protocol import pad_histories
from recx.storage.tensors import read_tensors

MAX_EXACT = 10  # distinct items, 1,024 sets; measuring 16 exactly takes 64 times as long, for each of many histories
PERMUTATIONS = 16  # for longer histories; labels may be noisy, since there are many


@dataclass(frozen=True)
class EffectLabels:
    """Effect of each item of a history on the target's score of an item, for K pairs.

    Attributes:
        rows: (K,) index of the history.
        shown: (K, L) its latest items, left-padded with 0.
        items: (K,) the item in question.
        liked: (K,) whether the target likes it.
        effects: (K, L) Shapley value of the item at each position for the log-probability of the item in question; an
            item at several positions has its value at each.
        shares_below: (K,) fraction of the catalogue that the target scores lower than the item.
        shares_without: (K, L) the same once the item at each position is taken out of the history.
    """

    rows: np.ndarray
    shown: np.ndarray
    items: np.ndarray
    liked: np.ndarray
    effects: np.ndarray
    shares_below: np.ndarray
    shares_without: np.ndarray

    def __len__(self) -> int:
        return len(self.rows)


def label_effects(
    value: ValueFunction,
    histories: Sequence[np.ndarray],
    labels: Labels,
    rows: Sequence[int],
    rng: np.random.Generator,
    each: int = 4,
    show_progress: bool = False,
) -> EffectLabels:
    """Measure histories with `each` liked and as many disliked items; one pass serves all items of a history.

    Args:
        value: value function for log-probabilities.
        histories: H histories.
        labels: the target's labels of all histories.
        rows: indices of the histories to measure.
        rng: draws the items.
        each: number of liked and of disliked items per history; at most as many as `labels` hold.
        show_progress: show a bar.
    """
    below = replace(value, score="share_below")
    liked = np.repeat([True, False], each)
    parts: list[tuple[np.ndarray, ...]] = []
    for row in tqdm(rows, desc="effects", disable=not show_progress, leave=False):
        history = np.asarray(histories[row])[-value.length :]
        items = np.concatenate([rng.choice(pool[row], each, replace=False) for pool in (labels.liked, labels.disliked)])
        measured = shapley_values(value, history, items, PERMUTATIONS, max_exact=MAX_EXACT)
        shown = pad_histories([history] * len(items), value.length).numpy()
        effects = np.zeros(shown.shape, dtype=np.float32)
        without = np.full(shown.shape, np.nan, dtype=np.float32)
        places = places_of(history, measured.players)
        effects[:, -len(history) :] = measured.values.T[:, places]
        without[:, -len(history) :] = shares_without(below, history, items).T[:, places]
        parts.append((np.repeat(row, len(items)), shown, items, liked, effects, below.full(history, items), without))
    return EffectLabels(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def shares_without(below: ValueFunction, history: np.ndarray, items: Sequence[int] | np.ndarray) -> np.ndarray:
    """Fraction of the catalogue (n, K) below each of K items once each of a history's n distinct items is taken out.

    NaN for a history of one distinct item, without which there is nothing left to read.

    Args:
        below: value function whose score is `share_below`.
        history: item indices, oldest first.
        items: K items.
    """
    n = len(players_of(np.asarray(history)[-below.length :]))
    return below(history, ~np.eye(n, dtype=bool), items) if n > 1 else np.full((1, len(items)), np.nan)


def places_of(history: np.ndarray, players: np.ndarray) -> list[int]:
    """The index of the distinct item at each position of a history."""
    index = {int(player): n for n, player in enumerate(players)}
    return [index[int(item)] for item in history]


def save_effects(labels: EffectLabels, path: Path) -> None:
    """Write labels as one safetensors file."""
    save_file({f.name: torch.from_numpy(np.ascontiguousarray(getattr(labels, f.name))) for f in fields(labels)}, path)


def load_effects(path: Path) -> EffectLabels:
    """Load labels.

    Raises:
        CheckpointError: the file is missing, damaged or holds something else.
    """
    saved = read_tensors(path)
    names = {f.name for f in fields(EffectLabels)}
    if saved.keys() != names or len({len(t) for t in saved.values()}) != 1:
        raise CheckpointError(
            f"{path}: contains {', '.join(sorted(saved))}, not measured effects. Delete it and rerun."
        )
    return EffectLabels(**{name: tensor.numpy() for name, tensor in saved.items()})


def histories_to_measure(
    histories: Sequence[np.ndarray], length: int, count: int, rng: np.random.Generator, fewest: int = 3
) -> list[int]:
    """Rows of up to `count` histories with at least `fewest` distinct items, so that one of them can be the cause.

    Long histories are drawn more often, by the square of their distinct items: users are evaluated on their complete
    history, whereas most prefixes of sequences are short.
    """
    distinct = np.array([len(players_of(np.asarray(h)[-length:])) for h in histories])
    rows = np.flatnonzero(distinct >= fewest)
    weights = distinct[rows].astype(float) ** 2
    drawn = rng.choice(len(rows), min(count, len(rows)), replace=False, p=weights / weights.sum()) if len(rows) else []
    return rows[drawn].tolist() if len(rows) else []
