import itertools

import numpy as np
import pytest
from test_faithfulness import Sums

from recx.data.catalogue import build_catalogue
from recx.evaluation.faithfulness_values import (
    RemovedValues,
    named_values,
    removed_values,
    value_records,
    value_scores,
)
from recx.evaluation.pair_effects import PairEffects
from recx.evaluation.test_set import Pairs
from recx.explaining.records import explanation_of
from recx.parsing.explanation_parser import ExplanationParser
from recx.prompts.requests import Request

PLATFORMS = ["Wii", "Wii", "PC", "DS", "", "DS", "PC"]


@pytest.fixture(scope="module")
def catalogue():
    names = ["Anvil", "Bramble", "Cinder", "Dapple", "Ember", "Fathom", "Gossamer"]
    return build_catalogue(names, names, {"platform": [[p] if p else [] for p in PLATFORMS], "all": [["x"]] * 7})


def pair_of(effects, liked=True):
    return PairEffects(Sums(effects), np.arange(1, 6), 7, liked)


def text_of(catalogue, text):
    return explanation_of(text, Request("explanation", np.arange(1, 6), (7,)), catalogue, ExplanationParser(catalogue))


def test_effects_are_those_of_all_titles_with_a_value(catalogue):
    one = pair_of([1.0, 2.0, 2.5, -1.0, 9.0])
    (own,) = removed_values(one, catalogue)  # what all titles share, or none has, cannot be compared
    assert own.values == ("Wii", "PC", "DS") and own.effects.tolist() == [3.0, 2.5, -1.0]
    assert not own.latest.any() and removed_values(pair_of([1.0, 2.0, 2.5, -1.0, 9.0], False), catalogue)[0].effects[
        2
    ] == pytest.approx(1)


def test_a_text_names_what_it_truly_says_of_the_history(catalogue):
    removed = removed_values(pair_of([1.0, 2.0, 2.5, -1.0, 9.0]), catalogue)
    for text, wanted in (
        ('Yes. "Anvil" and "Bramble" are on Wii.', [[0]]),
        ('Yes. "Anvil" is on DS.', [[]]),  # not true
        ("Yes. It is on PC.", [[]]),  # of the item alone
        ('No. "Dapple" is on DS, and "Cinder" is on PC.', [[1, 2]]),
    ):
        assert named_values(removed, text_of(catalogue, text)) == wanted, text


def test_random_values_score_what_chance_would():
    one = RemovedValues(tuple("abcde"), np.array([3.0, 1.0, 3.0, -1.0, 0.0]), np.zeros(5, bool))
    for size in (1, 2, 4):
        scores = np.array([value_scores([one], [list(s)]) for s in itertools.combinations(range(5), size)])
        assert scores[:, 0].mean() == pytest.approx(0.5) and scores[:, 2].mean() == pytest.approx(0)
    assert value_scores([one], [[0]]) == (pytest.approx(0.8), 1.0, pytest.approx(0.6))
    assert np.isnan(value_scores([one], [[]])).all() and np.isnan(value_scores([one], [[0, 1, 2, 3, 4]])).all()


def test_only_what_tells_planted_texts_apart_is_recorded():
    rng, names = np.random.default_rng(0), ["Anvil", "Bramble", "Cinder", "Dapple", "Ember", "Fathom", "Gossamer"]
    platforms = [["Wii"], ["Wii"], ["PC"], ["DS"], ["DS"], ["DS"], ["PC"]]  # the latest title has one, too
    catalogue = build_catalogue(names, names, {"platform": platforms})
    pairs = Pairs([np.arange(1, 6)] * 60, np.full(60, 7), np.arange(60) % 2 == 0, np.arange(60))
    effects = [pair_of(rng.normal(size=5), liked) for liked in pairs.liked]
    best = [removed_values(one, catalogue)[0] for one in effects]
    whose = {"Wii": "Anvil", "PC": "Cinder", "DS": "Dapple"}
    values = [own.values[own.effects.argmax()] for own in best]
    texts = [text_of(catalogue, f'Yes. "{whose[v]}" is on {v}.') for v in values]
    records = value_records(effects, {"good": texts}, {}, pairs, catalogue)
    means = {(r["method"], r["metric"]): r["value"] for r in records if r["verdict"] == "both"}
    assert means["good", "top_value_named"] == 1 and means["good", "value_percentile"] == pytest.approx(5 / 6)
    assert abs(means["random", "top_value_gain"]) < 0.2 and means["random", "value_percentile"] < 0.65
    blind = [pair_of(np.zeros(5), liked) for liked in pairs.liked]
    assert value_records(blind, {"good": texts}, {}, pairs, catalogue) == []
    plain = build_catalogue(list("abcdefg"), list("abcdefg"), {})
    assert value_records(effects, {"good": texts}, {}, pairs, plain) == []
