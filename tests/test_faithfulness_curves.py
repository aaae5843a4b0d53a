import itertools

import numpy as np
import pytest
import torch

from recx.evaluation.certification import certify_planted, fit_metrics, planted_attributions
from recx.evaluation.faithfulness import PairEffects
from recx.evaluation.faithfulness_curves import CURVES, LOWER, masking, measure_curves
from recx.recommenders.item_rank import item_ranks

ITEMS, LENGTH = 120, 10


class Bag:
    """Scores by a fixed random table, summed over the items of a history."""

    length = LENGTH

    def __init__(self, seed=0):
        self.table = torch.randn(ITEMS + 1, ITEMS + 1, generator=torch.Generator().manual_seed(seed))
        self.table[0] = 0

    def score(self, histories):
        return self.table[histories].sum(1)


class Table:
    """The value of a part of a history: the item's score."""

    length = LENGTH

    def __init__(self, target):
        self.target = target

    def __call__(self, history, kept, items):
        players = np.array(list(dict.fromkeys(history.tolist())))
        return kept @ self.target.table[players][:, list(items)].double().numpy()


def pairs(count, target):
    rng, out = np.random.default_rng(0), []
    while len(out) < count:
        history = rng.permutation(np.arange(1, ITEMS))[: rng.integers(4, 9)]
        item = int(rng.integers(1, ITEMS + 1))
        decision = item_ranks(target, [history], item, LENGTH)[0].decision
        if item not in history and decision != "between":
            out.append(PairEffects(Table(target), history, item, decision == "yes"))
    return out


@pytest.mark.parametrize("liked", [True, False])
def test_areas_are_those_of_a_plain_count(liked):
    target = Bag()
    one = next(p for p in pairs(60, target) if p.liked == liked)
    numbers = np.random.default_rng(1).random(len(one.players))
    got = masking(one, numbers)

    def place(players):
        (rank,) = item_ranks(target, [one.history[np.isin(one.history, players)]], one.item, LENGTH)
        return (rank.rank if liked else rank.unseen - rank.rank + 1), rank.unseen

    best_first = one.players[np.argsort(-numbers)].tolist()
    n = len(best_first)
    deleted = [place(best_first[k:]) for k in range(n)]
    inserted = [place(best_first[:k]) for k in range(1, n + 1)]
    weakest_gone = [place(best_first[: n - k]) for k in range(n)]
    for name, steps in (("del", deleted), ("ins", inserted)):
        assert got[name] == pytest.approx(np.mean([(unseen - p) / (unseen - 1) for p, unseen in steps]))
    for name, steps in (("pos@50", deleted), ("neg@50", weakest_gone)):
        if place(best_first)[0] <= 50:
            assert got[name] == pytest.approx(np.mean([p <= 50 for p, _ in steps]))
        else:
            assert np.isnan(got[name])


def test_by_effects_they_are_better_than_by_chance_and_certified():
    target = Bag()
    effects = pairs(60, target)
    planted = {kind: measure_curves(effects, own) for kind, own in planted_attributions(effects).items()}
    frame = certify_planted(planted, np.arange(60), LOWER)
    assert {"del", "ins", "pos@50", "neg@50"} <= set(fit_metrics(frame)) and set(frame["metric"]) == set(CURVES)
    assert planted["faithful"]["del"].mean() < planted["random"]["del"].mean() < planted["weakest"]["del"].mean()
    assert not set(fit_metrics(certify_planted(planted, np.arange(60)))) & LOWER, "lower is better"
    for metric, kind in itertools.product(CURVES, planted):
        known = planted[kind][metric][~np.isnan(planted[kind][metric])]
        assert known.size and ((known >= 0) & (known <= 1)).all()
