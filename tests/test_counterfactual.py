import itertools

import numpy as np
import pytest
import torch

from recx.attribution import counterfactual
from recx.attribution.counterfactual import apply_changes, find_counterfactual
from recx.errors import DataError
from recx.recommenders.item_rank import decide, item_ranks, top_items

ITEMS, LENGTH = 40, 6


class Bag:
    """Scores are sums, over the items of a history, of rows of a fixed random table: easy to check by brute force."""

    length = LENGTH

    def __init__(self, seed=0):
        self.table = torch.randn(ITEMS + 1, ITEMS + 1, generator=torch.Generator().manual_seed(seed))
        self.table[0] = 0

    def score(self, histories):
        return self.table[histories].sum(1)


def plain_rank(target, history, item):
    scores = target.table[torch.tensor(history[-LENGTH:])].sum(0)
    others = [n for n in range(1, ITEMS + 1) if n not in history and n != item]
    rank = 1 + sum(bool(scores[n] >= scores[item]) for n in others)
    return rank, len(others) + 1


def test_a_rank_is_that_of_a_plain_count(rng):
    target = Bag()
    for _ in range(20):
        history = rng.permutation(np.arange(1, ITEMS + 1))[: rng.integers(1, 12)].tolist()
        item = int(rng.integers(1, ITEMS + 1))
        (found,) = item_ranks(target, [np.array(history)], item, LENGTH)
        assert (found.rank, found.unseen) == plain_rank(target, history, item)


class Rounded(Bag):
    """Scores take three values; most items have the middle one, which extends from the liked to the disliked items."""

    def score(self, histories):
        scores = super().score(histories) / (histories > 0).sum(1, keepdim=True) ** 0.5
        return (scores > 1.2).float() - (scores < -1.2).float()


def test_an_equal_score_is_no_reason_for_another_decision(rng):
    target, tied = Rounded(), 0
    for _ in range(30):
        history = rng.permutation(np.arange(1, ITEMS + 1))[: rng.integers(1, 12)]
        unseen = [n for n in range(1, ITEMS + 1) if n not in history]
        ranks = {n: item_ranks(target, [history], n, LENGTH)[0] for n in unseen}
        assert sorted(r.rank for r in ranks.values()) == list(range(1, len(unseen) + 1))
        assert [n for n, _ in top_items(target, history, LENGTH, 50)] == sorted(unseen, key=lambda n: ranks[n].rank)
        equals = [[r for r in ranks.values() if r.score == score] for score in {r.score for r in ranks.values()}]
        for group in equals:
            assert {r.tied for r in group} == {len(group) - 1}
            assert not {"yes", "no"} <= {r.decision for r in group}
        tied += any(decide(r.rank, len(unseen)) != r.decision for r in ranks.values())
        decisions = [r.decision for r in ranks.values()]
        assert "yes" in decisions and "no" in decisions
    assert tied > 20


def test_a_constant_target_decides_nothing_and_no_change_turns_it():
    class Flat(Bag):
        def score(self, histories):
            return torch.zeros(len(histories), ITEMS + 1)

    history = np.array([1, 2, 3, 4])
    for item in range(5, ITEMS + 1):
        assert item_ranks(Flat(), [history], item, LENGTH)[0].decision == "between"
    for wanted in ("yes", "no"):
        found = find_counterfactual(Flat(), history, 9, LENGTH, ITEMS, wanted, kinds=("remove", "add"), max_changes=1)
        assert found.changes == ()


def test_no_change_moves_a_rank_by_drawing_its_ties_anew():
    """Ten items tie whatever the history, so a change may alter a rank only by making an item unseen."""

    class Ten(Bag):
        def score(self, histories):
            return (torch.arange(ITEMS + 1) <= 10).float().expand(len(histories), -1).clone()

    history = np.arange(20, 29)
    (before,) = item_ranks(Ten(), [history], 3, LENGTH)
    changed = [history[history != n] for n in history]
    after = item_ranks(Ten(), changed, 3, LENGTH, changed_from=history)
    assert {r.rank for r in after} == {before.rank}
    assert len({r.rank for r in item_ranks(Ten(), changed, 3, LENGTH)}) > 1
    decisions = {item: item_ranks(Ten(), [history], item, LENGTH)[0].decision for item in range(1, 11)}
    assert set(decisions.values()) == {"yes", "between"}
    for item, decision in decisions.items():
        found = find_counterfactual(Ten(), history, item, LENGTH, ITEMS, "no" if decision == "yes" else "yes")
        assert found.changes == () and found.after.rank == item_ranks(Ten(), [history], item, LENGTH)[0].rank


def test_decision_follows_task_three():
    decisions = [decide(rank, 20) for rank in range(1, 21)]
    assert decisions == ["yes"] * 4 + ["between"] * 6 + ["no"] * 10


def test_best_items_are_unseen_and_in_order():
    target, history = Bag(), np.array([3, 9, 14])
    best = top_items(target, history, LENGTH, 50)
    assert len(best) == ITEMS - 3 and not {n for n, _ in best} & {3, 9, 14}
    assert [s for _, s in best] == sorted((s for _, s in best), reverse=True)


def smallest_removal(target, history, item, wanted):
    """The smallest set by brute force over all subsets."""
    for size in range(1, len(history)):
        for gone in itertools.combinations(sorted(set(history)), size):
            left = [i for i in history if i not in gone]
            if left and decide(*plain_rank(target, left, item)) == wanted:
                return size
    return None


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("size", [LENGTH, LENGTH + 3])  # of a longer one the target reads the end only
def test_the_smallest_removal_is_found(seed, size):
    rng, target = np.random.default_rng(seed), Bag(seed)
    history = rng.permutation(np.arange(1, ITEMS + 1))[:size]
    item = int(rng.choice([n for n in range(1, ITEMS + 1) if n not in history]))
    (before,) = item_ranks(target, [history], item, LENGTH)
    wanted = "no" if before.decision == "yes" else "yes"
    found = find_counterfactual(target, history, item, LENGTH, ITEMS, wanted, max_changes=size - 1)
    size = smallest_removal(target, history.tolist(), item, wanted)
    assert len(found.changes) == (size or 0)
    if size:
        assert found.smallest and found.after.decision == wanted
        assert item_ranks(target, [apply_changes(history, found.changes)], item, LENGTH)[0] == found.after


def test_additions_are_found_and_go_to_the_end():
    target, history = Bag(3), np.array([1, 2])
    (before,) = item_ranks(target, [history], 7, LENGTH)
    wanted = "no" if before.decision == "yes" else "yes"
    found = find_counterfactual(target, history, 7, LENGTH, ITEMS, wanted, kinds=("remove", "add"))
    assert found.after.decision == wanted
    added = [n for kind, n in found.changes if kind == "add"]
    assert added and 7 not in added
    assert apply_changes(history, found.changes).tolist()[-len(added) :] == sorted(added)


@pytest.mark.parametrize("seed", range(6))
def test_a_change_found_before_it_was_stopped_is_not_lost(seed, monkeypatch):
    monkeypatch.setattr(counterfactual, "BATCH", 1)
    rng, target = np.random.default_rng(seed), Bag(seed)
    history = rng.permutation(np.arange(1, ITEMS + 1))[:LENGTH]
    item = int(rng.choice([n for n in range(1, ITEMS + 1) if n not in history]))
    (before,) = item_ranks(target, [history], item, LENGTH)
    wanted = "no" if before.decision == "yes" else "yes"
    alone = [item_ranks(target, [history[history != gone]], item, LENGTH, history)[0] for gone in history]
    for asked in range(1, LENGTH + 1):  # histories tried before it is stopped
        stops = iter([False] * asked + [True])
        found = find_counterfactual(target, history, item, LENGTH, ITEMS, wanted, should_stop=stops.__next__)
        reached = [rank for rank in alone[:asked] if rank.decision == wanted]
        assert bool(found.changes) == bool(reached)
        if found.stopped:
            assert not found.smallest and found.tried == asked
        if reached:
            assert found.after.decision == wanted


def test_it_stops_and_refuses():
    target, history = Bag(), np.array([1, 2, 3])
    (before,) = item_ranks(target, [history], 9, LENGTH)
    other = "no" if before.decision != "no" else "yes"
    ended = find_counterfactual(target, history, 9, LENGTH, ITEMS, other, should_stop=lambda: True)
    assert ended.stopped and ended.changes == () and not ended.smallest
    with pytest.raises(DataError, match="empty"):
        find_counterfactual(target, np.array([], dtype=int), 9, LENGTH, ITEMS, "no")
    ranks = {item: item_ranks(target, [history], item, LENGTH)[0] for item in range(4, ITEMS + 1)}
    decided = next(item for item, rank in ranks.items() if rank.decision != "between")
    with pytest.raises(DataError, match="already"):
        find_counterfactual(target, history, decided, LENGTH, ITEMS, ranks[decided].decision)


def test_a_fraction_of_an_item_counts_as_one_as_in_the_labels():
    assert [decide(rank, 24) for rank in (5, 6, 12, 13)] == ["yes", "between", "between", "no"]
    assert [decide(rank, 35) for rank in (7, 8, 17, 18)] == ["yes", "between", "between", "no"]
