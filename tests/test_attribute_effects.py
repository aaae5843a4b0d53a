import itertools
import math

import numpy as np
import pytest
import torch

from recx.attribution.attribute_effects import UNKNOWN, value_effects, value_holders
from recx.attribution.removal import ValueFunction, value_function
from recx.attribution.shapley import shapley_values
from recx.data.catalogue import build_catalogue
from recx.recommenders.sasrec import SASRec
from recx.settings import TargetShape

GENRES = [["rpg"], ["rpg", "old"], ["puzzle"], [], ["old"], ["puzzle"]]
HISTORY = np.array([1, 2, 3, 4, 5])


@pytest.fixture(scope="module")
def catalogue():
    names = [f"g{n}" for n in range(1, 7)]
    return build_catalogue(names, names, {"genre": GENRES, "name": [[n] for n in names]})


class Table:
    """Any game: a random value for every set of the history's items."""

    length = 10
    players = ValueFunction.players

    def __init__(self, n, seed=0):
        self.values = np.random.default_rng(seed).normal(size=(2**n, 2))

    def __call__(self, history, kept, items):
        return self.values[kept @ 2 ** np.arange(kept.shape[1])]


def test_values_of_a_history_and_the_titles_that_have_them(catalogue):
    values, holders = value_holders(catalogue, "genre", HISTORY)
    assert values == ("rpg", "old", "puzzle", UNKNOWN)
    assert holders.astype(int).tolist() == [[1, 1, 0, 0, 0], [0, 1, 0, 0, 1], [0, 0, 1, 0, 0], [0, 0, 0, 1, 0]]


def test_the_effects_are_shapley_values_of_the_values_by_their_definition(catalogue):
    game = Table(5)
    found = value_effects(game, HISTORY, [1, 2], catalogue, "genre")
    has = [{0, 1}, {1, 4}, {2}, {3}]

    def worth(inside):  # an item is left while all of its values are
        gone = set().union(*(has[g] for g in range(4) if g not in inside))
        return game(None, np.array([[n not in gone for n in range(5)]]), None)[0]

    wanted = np.zeros((4, 2))
    for order in itertools.permutations(range(4)):
        for place, g in enumerate(order):
            wanted[g] += worth(order[: place + 1]) - worth(order[:place])
    assert np.allclose(found.shapley, wanted / math.factorial(4)) and not found.errors.any()
    assert np.allclose(found.shapley.sum(0), worth(range(4)) - worth(()))
    assert np.allclose(found.removed[0], worth(range(4)) - worth((1, 2, 3)))


def test_with_a_value_for_each_item_they_are_those_of_the_items(catalogue):
    torch.manual_seed(0)
    target = SASRec(6, TargetShape(width=8, length=6, dropout=0.0)).eval().requires_grad_(False)
    value = value_function(target, [HISTORY], 6)
    own, items = value_effects(value, HISTORY, [6], catalogue, "name"), shapley_values(value, HISTORY, [6])
    assert np.allclose(own.shapley, items.values) and own.values == tuple(f"g{n}" for n in HISTORY)


def test_many_values_are_sampled():
    names = [f"g{n}" for n in range(18)]
    many = build_catalogue(names, names, {"tag": [[n] for n in names]})

    class Sum(Table):
        length = 20

        def __call__(self, history, kept, items):
            return (kept @ np.arange(18.0))[:, None]

    found = value_effects(Sum(1), np.arange(1, 19), [1], many, "tag", permutations=4)
    assert np.allclose(found.shapley[:, 0], np.arange(18)) and found.errors.shape == (18, 1)
