import itertools

import numpy as np
import pytest
import torch

from recx.attribution.counterfactual import find_counterfactual
from recx.attribution.decisive_sets import MAX_ITEMS, decisive_sets
from recx.recommenders.item_rank import item_ranks

ITEMS, LENGTH = 60, 12


class Bag:
    """Scores are sums, over the items of a history, of rows of a fixed random table."""

    length = LENGTH

    def __init__(self, seed):
        self.table = torch.randn(ITEMS + 1, ITEMS + 1, generator=torch.Generator().manual_seed(seed))
        self.table[0] = 0

    def score(self, histories):
        return self.table[histories].sum(1)


def decision_of_all_parts(target, history, item):
    """Every part of a history with the target's decision for it, computed one part at a time."""
    players = list(dict.fromkeys(history.tolist()))
    out = {}
    for size in range(1, len(players) + 1):
        for kept in itertools.combinations(range(len(players)), size):
            left = np.array([i for i in history.tolist() if players.index(i) in kept])
            out[frozenset(kept)] = item_ranks(target, [left], item, LENGTH, changed_from=history)[0].decision
    return out, frozenset(range(len(players)))


@pytest.mark.parametrize("seed", range(12))
def test_no_smaller_set_does_it(seed):
    rng = np.random.default_rng(seed)
    target, history = Bag(seed), rng.choice(np.arange(1, 9), int(rng.integers(2, 9)))  # with repetitions
    item = int(rng.integers(9, ITEMS + 1))
    found = decisive_sets(target, history, item, LENGTH)
    decisions, everyone = decision_of_all_parts(target, history, item)
    before = decisions[everyone]
    opposite = {"yes": "no", "no": "yes"}.get(before)
    sufficient = [s for s, d in decisions.items() if d == before]
    necessary = [everyone - s for s, d in decisions.items() if d != before]
    flips = [everyone - s for s, d in decisions.items() if d == opposite]
    for own, true in zip(found, (sufficient, necessary, flips), strict=True):
        assert (own is None) == (not true)
        if true:
            assert frozenset(own) in true and len(own) == min(map(len, true))


def test_a_flip_is_the_smallest_counterfactual():
    seen = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        target, history = Bag(seed), rng.permutation(np.arange(1, 8))
        before = item_ranks(target, [history], 50, LENGTH)[0].decision
        if before == "between":
            assert decisive_sets(target, history, 50, LENGTH).flip is None
            continue
        own = decisive_sets(target, history, 50, LENGTH).flip
        wanted = "no" if before == "yes" else "yes"
        other = find_counterfactual(target, history, 50, LENGTH, ITEMS, wanted, max_changes=6)
        assert sorted(item for _, item in other.changes) == sorted(history[list(own or ())].tolist())
        seen += own is not None
    assert seen > 5


def test_long_and_empty_histories_are_not_certified():
    assert decisive_sets(Bag(0), np.arange(1, MAX_ITEMS + 1), 50, 30) is not None
    assert decisive_sets(Bag(0), np.arange(1, MAX_ITEMS + 2), 50, 30) is None
    assert decisive_sets(Bag(0), np.array([], dtype=int), 50, 30) is None
    assert decisive_sets(Bag(0), np.array([3]), 50, 30)[:2] == ((0,), None)
