"""Effects of attribute values: how far the items of a history that share a value move the target together.

A quotient game of the history (Owen, 1977): its players are the values of one attribute, e.g. all platforms, and an
item stays if all of its values do. Items without any value form a player of their own, so that the effects add up
to what the whole history changes. It works with every target and every attribute of a catalogue, categories included.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from recx.attribution.removal import ValueFunction
from recx.attribution.shapley import PERMUTATIONS, shapley_of_game
from recx.data.catalogue import Catalogue

UNKNOWN = ""  # stands for items without a value


class ValueEffects(NamedTuple):
    """Effects of the G values of one attribute that a history has.

    Attributes:
        values: G values in order of first occurrence; `UNKNOWN` last, where there are such items.
        holders: (G, n) which of the history's distinct items have each.
        shapley: (G, K) Shapley value of each for K items in question; a column sums to the value of the whole history
            minus that of the empty one.
        removed: (G, K) decrease of the value when all items with it are taken out.
        errors: (G, K) standard errors of `shapley`; zero if exact.
    """

    values: tuple[str, ...]
    holders: np.ndarray
    shapley: np.ndarray
    removed: np.ndarray
    errors: np.ndarray


def value_holders(catalogue: Catalogue, attribute: str, players: np.ndarray) -> tuple[tuple[str, ...], np.ndarray]:
    """The values (G) of an attribute among some items (n), and which of them (G, n) have each."""
    own = [catalogue.attributes[attribute][int(p)] or (UNKNOWN,) for p in players]
    values = sorted(dict.fromkeys(v for row in own for v in row), key=lambda v: v == UNKNOWN)
    return tuple(values), np.array([[v in row for row in own] for v in values], dtype=bool).reshape(-1, len(players))


def value_effects(
    value: ValueFunction,
    history: np.ndarray,
    items: Sequence[int] | np.ndarray,
    catalogue: Catalogue,
    attribute: str,
    permutations: int = PERMUTATIONS,
) -> ValueEffects:
    """Effects of the values of one attribute on the target's output about K items.

    Args:
        value: value of a part of the history.
        history: at least one item index, oldest first; only the latest that the target reads are used.
        items: K items in question.
        catalogue: with the attribute.
        attribute: one of `catalogue.attributes`.
        permutations: number drawn if the history has more than `shapley.MAX_EXACT` values.
    """
    values, holders = value_holders(catalogue, attribute, value.players(history))
    count = len(values)

    def game(kept: np.ndarray) -> np.ndarray:
        return value(history, ~(~kept @ holders), items)

    shapley, errors = shapley_of_game(game, count, permutations)
    full, *without = game(np.concatenate([np.ones((1, count), bool), ~np.eye(count, dtype=bool)]))
    return ValueEffects(values, holders, shapley, full - np.array(without), errors)
