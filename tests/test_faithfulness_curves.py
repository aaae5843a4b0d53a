import itertools

import numpy as np
import pytest
from bag_target import Bag, bag_pairs

from recx.evaluation.certification import certify_planted, fit_metrics, planted_attributions
from recx.evaluation.faithfulness_curves import CURVES, LOWER, masking, measure_curves
from recx.recommenders.item_rank import item_ranks


@pytest.mark.parametrize("liked", [True, False])
def test_areas_are_those_of_a_plain_count(liked):
    target = Bag()
    one = next(p for p in bag_pairs(60, target) if p.liked == liked)
    numbers = np.random.default_rng(1).random(len(one.players))
    got = masking(one, numbers)

    def place(players):
        (rank,) = item_ranks(target, [one.history[np.isin(one.history, players)]], one.item, target.length)
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
    effects = bag_pairs(60, target)
    planted = {kind: measure_curves(effects, own) for kind, own in planted_attributions(effects).items()}
    frame = certify_planted(planted, np.arange(60), LOWER)
    assert {"del", "ins", "pos@50", "neg@50"} <= set(fit_metrics(frame)) and set(frame["metric"]) == set(CURVES)
    assert planted["faithful"]["del"].mean() < planted["random"]["del"].mean() < planted["weakest"]["del"].mean()
    assert not set(fit_metrics(certify_planted(planted, np.arange(60)))) & LOWER, "lower is better"
    for metric, kind in itertools.product(CURVES, planted):
        known = planted[kind][metric][~np.isnan(planted[kind][metric])]
        assert known.size and ((known >= 0) & (known <= 1)).all()
