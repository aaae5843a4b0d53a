from dataclasses import replace

import numpy as np
import pytest
import torch

from recx.attribution.removal import value_function
from recx.data.demo import demo_catalogue
from recx.evaluation.certification import certify_planted, fit_metrics, planted_citations
from recx.evaluation.faithfulness_simulation import (
    Edits,
    Said,
    draw_edits,
    las,
    las_estimate,
    said_in,
    shuffled,
    simulate,
)
from recx.evaluation.pair_effects import PairEffects
from recx.explaining.measured import template_explanations
from recx.recommenders.item_rank import item_ranks

LENGTH = 8


class Bag:
    """Scores are sums, over a history, of rows of a fixed random table; a few titles have large weights."""

    length = LENGTH

    def __init__(self, items):
        self.table = torch.randn(items + 1, items + 1, generator=torch.Generator().manual_seed(0)) ** 3
        self.table[0] = 0

    def score(self, histories):
        return self.table[histories].sum(1)


@pytest.fixture(scope="module")
def world():
    catalogue, rng = demo_catalogue(), np.random.default_rng(0)
    target = Bag(len(catalogue))
    histories = [rng.choice(np.arange(1, len(catalogue) + 1), 7, replace=False) for _ in range(400)]
    value = value_function(target, histories, LENGTH)
    effects = []
    for history in histories:
        item = int(rng.choice(np.setdiff1d(np.arange(1, len(catalogue) + 1), history)))
        decision = item_ranks(target, [history], item, LENGTH)[0].decision
        if decision != "between" and len(effects) < 160:
            effects.append(PairEffects(value, history, item, decision == "yes"))
    users = np.arange(len(effects)) // 2
    return catalogue, value, effects, users, draw_edits(effects, users, catalogue)


def test_edits_are_what_the_target_says_and_balanced(world):
    _, value, effects, users, edits = world
    assert edits.changed.mean() == 0.5 and len(edits) > 200
    for liked in (True, False):
        for kind in (0, 1):
            assert edits.changed[(edits.liked == liked) & (edits.seen[:, -1] == kind)].mean() == 0.5
    for row in np.flatnonzero(edits.seen[:, -1] == 0)[:30]:
        one = effects[edits.pairs[row]]
        left = one.history[one.history != one.players[edits.places[row]]]
        before, after = item_ranks(value.target, [one.history, left], one.item, LENGTH, changed_from=one.history)
        assert edits.changed[row] == (before.decision != after.decision)
        assert edits.users[row] == users[edits.pairs[row]] and edits.items[row] == one.item
    again = draw_edits(effects, users, world[0])
    assert (again.pairs == edits.pairs).all() and (again.seen == edits.seen).all()


def test_the_causes_help_and_others_do_not(world):
    _, _, effects, _, edits = world
    planted = {
        kind: simulate(edits, [Said(own) for own in cited]) for kind, cited in planted_citations(effects).items()
    }
    assert planted["faithful"]["simulatability_gain"].mean() > 0.1
    assert abs(planted["random"]["simulatability_gain"].mean()) < 0.06
    gains = {kind: {"simulatability_gain": own["simulatability_gain"]} for kind, own in planted.items()}
    frame = certify_planted(gains, edits.users).set_index("against")
    assert frame.loc[["random", "latest"], "low"].min() > 0.5
    assert frame.loc["weakest", "value"] < frame.loc["random", "value"], "who names the weakest tells what is safe"
    same = dict.fromkeys(planted, gains["random"])
    assert fit_metrics(certify_planted(same, edits.users)) == []


def test_a_text_is_read_and_another_pairs_text_adds_nothing(world):
    catalogue, value, effects, _, edits = world
    histories, items = [one.history for one in effects], [one.item for one in effects]
    texts = template_explanations(value, catalogue, histories, items)
    said = [said_in(one, text) for one, text in zip(effects, texts, strict=True)]
    assert all(s.causes[0] == one.shapley.argmax() and s.strength > 0 for s, one in zip(said, effects, strict=True))
    assert any(s.against for s in said)
    told, other = simulate(edits, said), simulate(edits, shuffled(effects, texts))
    named = sorted((len(s.causes), len(s.against), s.strength) for s in said)
    assert sorted((len(s.causes), len(s.against), s.strength) for s in shuffled(effects, texts)) == named
    assert told["simulatability_gain"].mean() > 0.1 > other["simulatability_gain"].mean() + 0.04
    half = [s if n % 2 else None for n, s in enumerate(said)]
    some = simulate(edits, half)["simulatability_gain"]
    assert (np.isnan(some) == (edits.pairs % 2 == 0)).all(), "no text, no number"
    assert said_in(effects[0], replace(texts[0], text=" ")) is None


def test_what_leaks_is_told_apart():
    gain = np.array([1.0, 0.0, 0.0, -1.0, 1.0, 1.0])
    leaks = np.array([1, 1, 1, 1, 0, 0], dtype=float)
    assert las(gain, leaks) == pytest.approx((0.0 + 1.0) / 2)
    assert np.isnan(las(gain, np.ones(6))) and np.isnan(las(gain, np.zeros(6)))
    rng = np.random.default_rng(0)
    users, changed = np.repeat(np.arange(100), 4), rng.random(400) < 0.5
    edits = Edits(np.arange(400), np.zeros(400, int), np.ones(400, int), changed, users, changed, rng.random((400, 3)))
    # A text whose number of causes gives the answer away leaks; one that names the edited title does not.
    leaking = simulate(edits, [Said([5] * (1 + c)) for c in changed])
    assert leaking["leaks"].all() and leaking["simulatability_gain"].mean() > 0.3
    assert np.isnan(las_estimate(leaking, users, np.ones(400, bool)).value)
    naming = simulate(edits, [Said([0 if c else 5]) for c in changed])
    found = las_estimate(naming, users, np.ones(400, bool))
    assert 0.4 < naming["leaks"].mean() < 0.6 and found.value > 0.3 and found.low < found.value < found.high


def test_few_edits_make_no_student(world):
    catalogue, _, effects, users, _ = world
    few = draw_edits(effects[:2], users[:2], catalogue)
    assert np.isnan(simulate(few, [Said([0])] * 2)["simulatability_gain"]).all()
    assert len(draw_edits([], users[:0], catalogue)) == 0
