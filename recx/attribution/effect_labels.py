"""Effects on the target, measured for many histories: training data of the relation mode."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from tqdm.auto import tqdm

from recx.attribution.removal import ValueFunction, players_of
from recx.attribution.shapley import shapley_values
from recx.recommenders.labels import Labels
from recx.recommenders.protocol import pad_histories

LABEL_EXACT = 10  # distinct items, 1,024 sets; measuring 16 exactly takes 64 times as long, for each of many histories
LABEL_PERMUTATIONS = 16  # for longer histories; labels may be noisy, since there are many


@dataclass(frozen=True)
class EffectLabels:
    """Effect of each item of a history on the target's score of an item, for K pairs.

    Attributes:
        rows: (K,) index of the history.
        shown: (K, L) its latest items, left-padded with 0.
        items: (K,) the item in question.
        liked: (K,) whether the target likes it.
        effects: (K, L) Shapley value, in nats, of the item at each position for the log-probability of the item in
            question; an item at several positions has its value at each.
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

    def of(self, pairs: np.ndarray) -> "EffectLabels":
        """The labels of some of the pairs, given by indices or a mask (K,)."""
        return EffectLabels(*(column[pairs] for column in vars(self).values()))


def label_effects(
    value: ValueFunction,
    histories: Sequence[np.ndarray],
    labels: Labels,
    rows: Sequence[int],
    show_progress: bool = False,
) -> EffectLabels:
    """Measure histories with their liked and disliked items; one pass serves all items of a history.

    Args:
        value: value function for log-probabilities.
        histories: H histories.
        labels: the target's labels of the histories to measure, in the order of `rows`.
        rows: indices of the histories to measure.
        show_progress: show a bar.
    """
    below = replace(value, score="share_below")
    decisions = np.repeat([True, False], [labels.liked.shape[1], labels.disliked.shape[1]])
    parts: list[tuple[np.ndarray, ...]] = []
    for n, row in enumerate(tqdm(rows, desc="effects", disable=not show_progress, leave=False)):
        history = np.asarray(histories[row])[-value.length :]
        items = np.concatenate([labels.liked[n], labels.disliked[n]])
        measured = shapley_values(value, history, items, LABEL_PERMUTATIONS, max_exact=LABEL_EXACT)
        shown = pad_histories([history] * len(items), value.length).numpy()
        effects = np.zeros(shown.shape, dtype=np.float32)
        without = np.full(shown.shape, np.nan, dtype=np.float32)
        places = places_of(history, measured.players)
        effects[:, -len(history) :] = measured.values.T[:, places]
        without[:, -len(history) :] = shares_without(below, history, items).T[:, places]
        parts.append(
            (np.repeat(row, len(items)), shown, items, decisions, effects, below.full(history, items), without)
        )
    return EffectLabels(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def shares_without(below: ValueFunction, history: np.ndarray, items: Sequence[int] | np.ndarray) -> np.ndarray:
    """Fraction of the catalogue (n, K) below each of K items once each of a history's n distinct items is taken out.

    NaN for a history of one distinct item, without which there is nothing left to read.

    Args:
        below: value function whose score is `share_below`.
        history: item indices, oldest first.
        items: K items.
    """
    n = len(below.players(history))
    return below(history, ~np.eye(n, dtype=bool), items) if n > 1 else np.full((1, len(items)), np.nan)


def places_of(history: np.ndarray, players: np.ndarray) -> list[int]:
    """The index of the distinct item at each position of a history."""
    index = {int(player): n for n, player in enumerate(players)}
    return [index[int(item)] for item in history]


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
