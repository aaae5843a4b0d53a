"""Shapley values of a history's items: exact for short histories, sampled with standard errors for longer ones.

Source: Shapley, 1953; permutation sampling as in Castro, Gomez & Tejada, Computers & Operations Research 2009, each
permutation together with its reverse (Mitchell et al., JMLR 2022).
"""

import functools
import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np

from recx.attribution.removal import ValueFunction

MAX_EXACT = 16  # distinct items; sixteen give 65,536 sets
PERMUTATIONS = 128


class Shapley(NamedTuple):
    """Shapley values of one history.

    Attributes:
        players: (n,) its distinct items.
        values: (n, K) value of each item for each of K items in question; a column sums to the value of the whole
            history minus that of the empty one.
        errors: (n, K) standard errors; zero if values are exact.
    """

    players: np.ndarray
    values: np.ndarray
    errors: np.ndarray


def shapley_values(
    value: ValueFunction,
    history: np.ndarray,
    items: Sequence[int] | np.ndarray,
    permutations: int = PERMUTATIONS,
    seed: int = 0,
    max_exact: int = MAX_EXACT,
) -> Shapley:
    """Shapley values of a history's items for the target's output about K items.

    Several items cost little more than one, since the target scores them all at once.

    Args:
        value: value of a part of the history.
        history: item indices, oldest first; only the latest that the target reads are used.
        items: K items in question.
        permutations: number drawn if the history has more than `max_exact` distinct items.
        seed: random seed of the permutations, together with the items of the history, so that the errors of different
            histories are independent.
        max_exact: distinct items up to which values are exact, at most `MAX_EXACT`; the work doubles with each.
    """
    players = value.players(history)
    if not len(players):
        return Shapley(players, np.zeros((0, len(items))), np.zeros((0, len(items))))
    game = partial(value, history, items=items)
    own_seed = (seed, *map(int, players))
    return Shapley(players, *shapley_of_game(game, len(players), permutations, own_seed, max_exact))


def shapley_of_game(
    game: Callable[[np.ndarray], np.ndarray],
    n: int,
    permutations: int = PERMUTATIONS,
    seed: int | Sequence[int] = 0,
    max_exact: int = MAX_EXACT,
) -> tuple[np.ndarray, np.ndarray]:
    """Shapley values (n, K) of any game with n players, and their standard errors (n, K), zero if exact.

    Args:
        game: sets of players (S, n), as booleans -> their K values (S, K).
        n: at least 1.
        permutations: number drawn if n exceeds `max_exact`.
        seed: random seed of the permutations.
        max_exact: players up to which values are exact, at most `MAX_EXACT`.
    """
    if n > min(max_exact, MAX_EXACT):
        return _sampled(game, n, permutations, seed)
    exact = shapley_matrix(n) @ game(all_sets(n))
    return exact, np.zeros_like(exact)


@functools.lru_cache(maxsize=MAX_EXACT + 1)
def all_sets(n: int) -> np.ndarray:
    """All sets of n players as (2^n, n) booleans; bit j of a row's index says whether player j is included."""
    return ((np.arange(2**n)[:, None] >> np.arange(n)) & 1).astype(bool)


@functools.lru_cache(maxsize=MAX_EXACT + 1)
def shapley_matrix(n: int) -> np.ndarray:
    """The matrix (n, 2^n) that maps the values of all sets to Shapley values, which are linear in them."""
    sets = all_sets(n)
    size = sets.sum(1)
    joins = np.array([1 / (n * math.comb(n - 1, k)) for k in range(n)])  # weight of joining a set of size k
    entering, leaving = joins[np.maximum(size - 1, 0)], joins[np.minimum(size, n - 1)]
    return np.where(sets.T, entering, -leaving)


def _sampled(
    game: Callable[[np.ndarray], np.ndarray], n: int, permutations: int, seed: int | Sequence[int]
) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    half = [rng.permutation(n) for _ in range(max(1, permutations // 2))]
    means = []
    for order in half:
        both = np.stack([order, order[::-1]])
        places = np.argsort(both, axis=1)  # when each player joins
        kept = places[:, None, :] < np.arange(n + 1)[None, :, None]
        values = game(kept.reshape(-1, n)).reshape(2, n + 1, -1)
        gains = np.diff(values, axis=1)  # (2, n, K) in the order of joining
        means.append(np.take_along_axis(gains, places[..., None], axis=1).mean(0))
    drawn = np.stack(means)
    spread = drawn.std(0, ddof=1) if len(drawn) > 1 else np.full(drawn.shape[1:], np.nan)
    return drawn.mean(0), spread / len(drawn) ** 0.5
