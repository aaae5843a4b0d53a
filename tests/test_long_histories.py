"""Histories longer than what the target reads: older items are no players, but they are not ranked either."""

import numpy as np
import pytest
from bag_target import Bag, bag_pairs

from recx.attribution.decisive_sets import decisive_sets
from recx.attribution.removal import value_function
from recx.data.demo import demo_catalogue
from recx.evaluation.pair_effects import decision_changes
from recx.evaluation.removal_tables import without
from recx.explaining.measured import measure_evidence, template_explanations
from recx.prompts.requests import requests_about
from recx.recommenders.item_rank import item_ranks


@pytest.fixture(scope="module")
def pairs():
    """The target reads ten of 60 chosen items; leaving the rest out would change many decisions."""
    return bag_pairs(40, Bag(), sizes=(60, 61))


def test_the_rank_before_a_change_is_that_of_the_whole_history(pairs):
    decisions = set()
    for one in pairs:
        whole = item_ranks(one.value.target, [one.whole], one.item, Bag.length)[0]
        cut = item_ranks(one.value.target, [one.history], one.item, Bag.length)[0]
        assert len(one.history) == 10 and len(one.older) == 50
        assert one.ranks([one.history])[0] == whole and whole.unseen == 60 and cut.unseen == 110
        decisions.add((whole.decision, cut.decision))
    assert any(whole != cut for whole, cut in decisions)


def test_decisive_sets_are_about_the_decision_on_the_whole_history(pairs):
    for one in pairs[:10]:
        sets = decisive_sets(one.value.target, one.whole, one.item, Bag.length)
        left = one.history[np.isin(one.history, one.players[list(sets.sufficient)])]
        assert one.ranks([left])[0].decision == ("yes" if one.liked else "no")
        if sets.necessary is not None and len(sets.necessary) == 1:
            assert decision_changes(one)[sets.necessary[0]]
        catalogue = demo_catalogue()
        shown = without(one.value.target, one.history, one.item, catalogue, Bag.length, one.players[:1], one.older)
        assert shown.before[1] == ("yes" if one.liked else "no")
        assert shown.unseen == 60 + (not np.isin(one.players[0], one.older)), "what is taken out competes, too"


def test_texts_are_told_the_decision_on_the_whole_history(pairs):
    catalogue = demo_catalogue()
    value = value_function(Bag(len(catalogue)), [one.whole for one in pairs], Bag.length)
    for one in pairs[:8]:
        (request,) = requests_about(catalogue, "explanation", [one.whole], [[one.item]], Bag.length)
        assert request.whole.tolist() == one.whole.tolist() and request.history.tolist() == one.history.tolist()
        told = measure_evidence(value, request.whole, one.item)
        (text,) = template_explanations(value, catalogue, [one.whole], [one.item])
        assert told.liked == text.decision
        assert set(told.causes) <= set(one.history.tolist())
