import itertools

import numpy as np
import pytest

from recx.attribution.removal import ValueFunction
from recx.evaluation.certification import certify_planted, diagnosticity, fit_metrics, planted_citations
from recx.evaluation.faithfulness import (
    SetComparison,
    against_sets,
    by_attribution,
    cited_places,
    erasure,
    erasure_curve,
    f_auroc,
    falls_without,
    mattered,
    measure,
    phi_coefficient,
    sufficiency,
    top_cause,
)
from recx.evaluation.pair_effects import PairEffects
from recx.explaining.records import Explanation
from recx.parsing.parsed_explanation import Citation


class Sums:
    """A value function with known effects: each distinct item adds its own effect."""

    length = 30
    target = None
    players = ValueFunction.players

    def __init__(self, effects):
        self.effects = np.array(effects, dtype=float)

    def __call__(self, history, kept, items):
        return (kept @ self.effects)[:, None]


def effects_of_sum(effects, liked=True):
    return PairEffects(Sums(effects), np.arange(1, len(effects) + 1), 99, liked)


def test_the_curve_of_removals_interpolates_between_titles():
    effects = np.array([3.0, 1.0, 0.0, -2.0])
    # Without 0 to 4 titles, the highest first: fallen by 0, 3, 4, 4, 2, at 0, 25, 50, 75 and 100 % of the history.
    assert erasure_curve(effects_of_sum(effects), effects) == pytest.approx([0, 2.4, 3.6, 4, 3.6, 2])


def test_erasure_lies_between_random_and_best():
    one = effects_of_sum([3.0, 1.0, 0.0, -2.0])
    best, worst = erasure(one, [0, 1]), erasure(one, [3, 2])
    assert best.raw == pytest.approx(4) and best.normalised == pytest.approx(1) and best.p_value == pytest.approx(1 / 6)
    assert best.percentile == pytest.approx(5.5 / 6) and worst.percentile == pytest.approx(0.5 / 6)
    means = [erasure(one, pair).normalised for pair in itertools.combinations(range(4), 2)]
    assert np.mean(means) == pytest.approx(0) and worst.p_value == 1.0


def test_the_fall_without_the_cited_titles_is_among_those_of_all_sets():
    own, others = falls_without(effects_of_sum([3.0, 1.0, 0.0, -2.0]), [0, 3])
    assert own == pytest.approx(1) and sorted(others) == pytest.approx([-2, -1, 1, 1, 3, 4])
    assert falls_without(effects_of_sum([1.0, 2.0]), [0, 1]) is None


def test_of_a_disliked_item_a_cause_holds_it_down():
    one = effects_of_sum([3.0, 1.0, 0.0, -2.0], liked=False)
    assert one.shapley.argmax() == 3 and erasure(one, [3]).normalised == pytest.approx(1)
    assert top_cause(one, [3, 0]) == (1.0, 1.0) and top_cause(one, [0, 3]) == (1.0, 0.0)
    assert np.isnan(top_cause(one, [])[0])


def test_sufficiency_keeps_only_what_is_cited():
    one = effects_of_sum([3.0, 1.0, 0.0, -2.0])
    assert sufficiency(one, [0]).normalised == pytest.approx(1) and sufficiency(one, [0]).raw == pytest.approx(3)


def test_what_is_cited_mattered_where_it_moves_the_target_further_than_the_median_set():
    one = effects_of_sum([3.0, 1.0, 0.0, -2.0])
    assert mattered(one, [0, 1]) == 1.0 and mattered(one, [2, 3]) == 0.0
    assert mattered(effects_of_sum([3.0, 1.0, 0.0, -2.0], liked=False), [3]) == 1.0
    held_down = effects_of_sum([-1.0, -2.0, -3.0])  # all pull the other way: the weakest is no cause either
    assert erasure(held_down, [0]).percentile > 0.5 and mattered(held_down, [0]) == 0.0
    assert mattered(one, []) == 0.0 and np.isnan(mattered(one, [0, 1, 2, 3]))
    assert mattered(effects_of_sum([1.0, 1.0, 0.0]), [0]) == 0.0, "as far as the median set is not further"
    assert measure([one, one], [[0], []])["mattered"].tolist() == [1.0, 0.0]
    chance = [mattered(effects_of_sum(np.exp(range(7))), pair) for pair in itertools.combinations(range(7), 2)]
    assert np.mean(chance) == pytest.approx(10 / 21), "of random pairs the better half, less the median itself"


@pytest.mark.parametrize("cited", [[], [0, 1, 2]])
def test_nothing_or_everything_cited_cannot_be_compared(cited):
    one = effects_of_sum([1.0, 2.0, 3.0])
    assert erasure(one, cited) is None and sufficiency(one, cited) is None and np.isnan(f_auroc(one, cited))
    assert np.isnan(top_cause(one, cited)).all()


def test_sets_that_are_all_alike_have_no_scale():
    got = against_sets(1.0, np.ones(6))
    assert isinstance(got, SetComparison) and np.isnan(got.normalised) and got.percentile == 0.5 and got.p_value == 1.0


def test_f_auroc_is_the_chance_of_a_larger_effect():
    one = effects_of_sum([3.0, 1.0, 0.0, -2.0])
    assert f_auroc(one, [0, 1]) == 1.0 and f_auroc(one, [2, 3]) == 0.0 and f_auroc(one, [1]) == pytest.approx(2 / 3)


def test_long_histories_are_compared_with_sampled_sets():
    one = effects_of_sum(np.linspace(-1, 1, 24))
    own = np.arange(24)[None] >= 16
    sets = one.sets_like(own)
    assert sets.shape == (4096, 24) and (sets.sum(1) == 8).all() and (sets[0] == own).all()
    best = erasure(one, list(range(16, 24)))
    assert best.percentile > 0.99 and best.p_value == pytest.approx(1 / 4096) and best.normalised <= 1


def test_phi_is_a_correlation():
    named, changed = np.array([1, 1, 0, 0], bool), np.array([1, 1, 0, 0], bool)
    assert phi_coefficient(named, changed) == pytest.approx(1) and phi_coefficient(named, ~changed) == pytest.approx(-1)
    assert np.isnan(phi_coefficient(named, np.ones(4, bool)))


def test_what_pulls_the_other_way_is_no_cause():
    one = effects_of_sum([1.0, 2.0, 3.0])
    citations = (
        Citation("c", 3, True),
        Citation("a", 1, True, against=True),
        Citation("x", None, False),
        Citation("c", 3, True),
    )
    assert cited_places(one, Explanation(99, "i", True, "", citations, ())) == [2]


def test_certification_tells_a_good_metric_from_a_blind_one():
    rng = np.random.default_rng(0)
    effects = [effects_of_sum(rng.normal(size=8), bool(n % 2)) for n in range(60)]

    def certify(effects):
        planted = {kind: measure(effects, cited) for kind, cited in planted_citations(effects).items()}
        return certify_planted(planted, np.arange(60))

    frame = certify(effects)
    assert set(fit_metrics(frame)) == set(frame["metric"]) and (frame["value"] > 0.75).all()
    blind = [effects_of_sum(np.ones(8)) for _ in range(60)]  # every item counts the same: nothing to tell
    assert fit_metrics(certify(blind)) == []
    planted = planted_citations(effects)
    assert measure(effects, planted["faithful"])["top_cause_first"].mean() == 1.0
    assert measure(effects, planted["weakest"])["top_cause_cited"].mean() == 0.0


def test_diagnosticity_counts_pairs():
    got = diagnosticity(np.array([1.0, 0.0, 2.0, np.nan]), np.array([0.0, 0.0, 3.0, 1.0]))
    assert got[:3].tolist() == [1.0, 0.5, 0.0] and np.isnan(got[3])


def test_an_attribution_never_cites_everything():
    one = effects_of_sum([1.0, 2.0])
    assert by_attribution(one, one.shapley, 2) == [1]
