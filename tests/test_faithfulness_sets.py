import itertools

import numpy as np
import pytest
from bag_target import Bag, bag_pairs

from recx.attribution.decisive_sets import DecisiveSets
from recx.evaluation.certification import certify_planted, fit_metrics, planted_citations
from recx.evaluation.faithfulness_sets import flip_named, measure_sets, set_table, sets_of


def test_the_chance_is_that_of_all_sets_of_the_same_size():
    (one,) = bag_pairs(1, Bag(), sizes=(7, 8))
    sets = DecisiveSets((0,), (1,), (1, 4))
    for size in (1, 2, 3):
        rows = [flip_named(one, cited, sets) for cited in itertools.combinations(range(7), size)]
        hits, gains = np.array(rows).T
        assert gains.mean() == pytest.approx(0) and hits - gains == pytest.approx(hits.mean())
    assert flip_named(one, [4], sets)[0] == 1 and flip_named(one, [0, 2], sets)[0] == 0


def test_what_cannot_be_compared_has_no_number():
    (one,) = bag_pairs(1, Bag(), sizes=(4, 5))
    known = DecisiveSets((0,), (1,), (1,))
    for cited, sets in (([], known), ([0, 1, 2, 3], known), ([1], None), ([1], DecisiveSets((0,), (1,), None))):
        assert np.isnan(flip_named(one, cited, sets)).all()


def test_texts_by_effects_name_the_flip_and_this_is_certified():
    effects = bag_pairs(60, Bag())
    sets = sets_of(effects)
    planted = {kind: measure_sets(effects, cited, sets) for kind, cited in planted_citations(effects).items()}
    assert set(fit_metrics(certify_planted(planted, np.arange(60)))) == {"flip_named", "flip_named_gain"}
    assert np.nanmean(planted["faithful"]["flip_named"]) > 0.9
    assert abs(np.nanmean(planted["random"]["flip_named_gain"])) < 0.15
    table = set_table(effects, sets).set_index(["set", "verdict"])
    assert (table.loc["sufficient", "found"] == 1).all() and table["n"].groupby("verdict").max().sum() == 60
    assert (table.loc["necessary", "size"] <= table.loc["flip", "size"] + 1e-9).all()
    assert set_table(effects, [None] * 60)["n"].sum() == 0
