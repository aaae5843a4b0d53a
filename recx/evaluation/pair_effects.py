"""What the target says of one item when parts of one history are taken out.

All values are signed: for an item that the target dislikes, a cause is what holds its value down.
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from recx.attribution.removal import ValueFunction, players_of
from recx.attribution.shapley import MAX_EXACT, all_sets, shapley_values
from recx.evaluation.test_set import Pairs
from recx.recommenders.item_rank import ItemRank, item_ranks

TINY = 1e-6  # effects that differ by less are the same
MAX_SETS = 4096  # sets of one size that are compared with; more are sampled


@dataclass(frozen=True)
class PairEffects:
    """What the target says of one item when parts of one history are taken out.

    Attributes:
        value: value function of the parts of a history.
        whole: the complete history, oldest first.
        item: the item asked about.
        liked: whether the target likes it.
    """

    value: ValueFunction
    whole: np.ndarray
    item: int
    liked: bool

    @property
    def history(self) -> np.ndarray:
        """The latest items, which the target reads."""
        return self.whole[-self.value.length :]

    @property
    def older(self) -> np.ndarray:
        """The items before `history`, which the target does not read."""
        return self.whole[: -self.value.length]

    def ranks(self, histories: Sequence[np.ndarray]) -> list[ItemRank]:
        """The item's rank for R modifications of `history`; what is too old for the target to read stays seen."""
        return item_ranks(self.value.target, histories, self.item, self.value.length, self.whole, self.older)

    @cached_property
    def players(self) -> np.ndarray:
        """(n,) the distinct items of the history."""
        return players_of(self.history)

    @cached_property
    def _table(self) -> np.ndarray | None:
        n = len(self.players)
        return self.value(self.history, all_sets(n), [self.item])[:, 0] if n <= MAX_EXACT else None

    def values(self, kept: np.ndarray) -> np.ndarray:
        """Signed values (S,) of sets (S, n): high where the target is sure of its decision."""
        n = len(self.players)
        values = (
            self.value(self.history, kept, [self.item])[:, 0]
            if self._table is None
            else self._table[kept @ 2 ** np.arange(n)]
        )
        return values if self.liked else -values

    @cached_property
    def shapley(self) -> np.ndarray:
        """Signed Shapley values (n,): the first cause is the highest."""
        values = shapley_values(self.value, self.history, [self.item]).values[:, 0]
        return values if self.liked else -values

    def places(self, items: Sequence[int]) -> list[int]:
        """Which players (distinct, in the order given) some items are; those outside the history are left out."""
        index = {int(p): n for n, p in enumerate(self.players)}
        return [index[i] for i in dict.fromkeys(map(int, items)) if i in index]

    def sets_like(self, own: np.ndarray) -> np.ndarray:
        """All sets (S, n) of as many players as a set (1, n) has; where there are too many, itself and random ones."""
        size = int(own.sum())
        n = len(self.players)
        if math.comb(n, size) <= MAX_SETS:
            chosen = np.array(list(itertools.combinations(range(n), size)), dtype=int).reshape(-1, size)
        else:
            rng = np.random.default_rng([n, size, self.item])
            chosen = np.array([np.flatnonzero(own[0]), *(rng.permutation(n)[:size] for _ in range(MAX_SETS - 1))])
        sets = np.zeros((len(chosen), n), dtype=bool)
        np.put_along_axis(sets, chosen, True, axis=1)
        return sets


def effects_of(value: ValueFunction, pairs: Pairs) -> list[PairEffects]:
    """The effects of every pair."""
    return [
        PairEffects(value, np.asarray(history, dtype=np.int64), int(item), bool(liked))
        for history, item, liked in zip(pairs.histories, pairs.items, pairs.liked, strict=True)
    ]


def decision_changes(effects: PairEffects) -> np.ndarray:
    """Whether taking each player out (n,) changes the target's decision by task 3's rule (yes, between or no)."""
    histories = [effects.history, *(effects.history[effects.history != p] for p in effects.players)]
    if len(effects.players) < 2:
        return np.zeros(len(effects.players), dtype=bool)
    before, *after = effects.ranks(histories)
    return np.array([rank.decision != before.decision for rank in after])
