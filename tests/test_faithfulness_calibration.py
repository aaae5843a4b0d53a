from dataclasses import replace

import numpy as np
import pytest
from bag_target import Bag, bag_pairs
from scipy.stats import spearmanr

from recx.attribution.removal import value_function
from recx.data.demo import demo_catalogue
from recx.evaluation.agreement import spearman
from recx.evaluation.certification import UNFAITHFUL, certify_planted, fit_metrics, planted_citations
from recx.evaluation.faithfulness_calibration import (
    brier_score,
    calibration,
    expected_calibration_error,
    said_order,
    strength_order,
)
from recx.evaluation.pair_effects import PairEffects
from recx.explaining.measured import measure_evidence, template_explanations


def test_calibrated_and_overconfident_probabilities_are_told_apart():
    rng = np.random.default_rng(0)
    p = rng.random(4000)
    truth = rng.random(4000) < p
    users = np.arange(4000) // 4
    good, bold = calibration(p, truth, users), calibration(np.round(p), truth, users)
    assert good["ece"].value < 0.03 and bold["ece"].value == pytest.approx(0.25, abs=0.03)
    assert good["ece"].high < bold["ece"].low and good["brier"].value < bold["brier"].value
    assert good["ece"].n == 1000
    constant = calibration(np.full(4000, 0.5), np.arange(4000) % 2 == 0, users)
    assert constant["ece"].value == 0 and constant["brier"].value == 0.25, "calibrated, and tells nothing"
    assert constant["ece"].low == 0 and constant["ece"].high < 0.03


@pytest.mark.parametrize("seed", range(20))
def test_an_estimate_lies_in_its_interval_although_samples_are_noisier(seed):
    rng = np.random.default_rng(seed)
    p = rng.random(100)
    told = calibration(p, rng.random(100) < p, np.arange(100))["ece"]
    assert 0 <= told.low < told.value < told.high


def test_bins_are_weighed_by_their_size():
    p, truth = np.array([0.05, 0.05, 0.05, 1.0]), np.array([0.0, 0.0, 1.0, 1.0])
    assert expected_calibration_error(p, truth) == pytest.approx(3 / 4 * (1 / 3 - 0.05))
    assert brier_score(p, truth) == pytest.approx((2 * 0.05**2 + 0.95**2) / 4)
    none = calibration(np.array([np.nan]), np.array([True]), np.array([0]))
    assert np.isnan(none["ece"].value) and none["ece"].n == 0


def test_rank_correlation_is_scipys():
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 4, 30), rng.normal(size=30)
    assert spearman(a, b) == pytest.approx(spearmanr(a, b).statistic) and np.isnan(spearman(np.ones(3), b[:3]))


def test_causes_named_in_their_order():
    effects = bag_pairs(60, Bag())
    one = effects[0]
    order = np.argsort(-one.shapley).tolist()
    assert said_order(one, order) == pytest.approx(1) and said_order(one, order[::-1]) == pytest.approx(-1)
    assert said_order(one, order[:2], order[-1:]) == pytest.approx(1)
    assert said_order(one, order[:1], order[:-3:-1]) == pytest.approx(1), "the strongest opponent is named first"
    assert said_order(one, order[-1:], order[:1]) == pytest.approx(-1)
    assert said_order(one, [order[0], order[0], order[1]]) == pytest.approx(1) and np.isnan(said_order(one, order[:1]))
    measured = {
        kind: {"said_order": np.array([said_order(e, c) for e, c in zip(effects, cited, strict=True)])}
        for kind, cited in planted_citations(effects).items()
    }
    assert fit_metrics(certify_planted(measured, np.arange(60))) == ["said_order"]


@pytest.fixture(scope="module")
def templates():
    catalogue, rng = demo_catalogue(), np.random.default_rng(0)
    target = Bag(len(catalogue))
    histories = [rng.choice(np.arange(1, len(catalogue) + 1), 6, replace=False) for _ in range(120)]
    items = [int(rng.choice(np.setdiff1d(np.arange(1, len(catalogue) + 1), h))) for h in histories]
    value = value_function(target, histories, target.length)
    liked = [measure_evidence(value, h, i).liked for h, i in zip(histories, items, strict=True)]
    effects = [PairEffects(value, h, i, x) for h, i, x in zip(histories, items, liked, strict=True)]
    return effects, template_explanations(value, catalogue, histories, items)


@pytest.mark.parametrize("liked", [True, False])
def test_graded_words_follow_the_ranking_in_templates_alone(templates, liked):
    effects, texts = templates
    users = np.arange(len(texts)) // 2
    told = strength_order(texts, effects, users, liked)
    assert told.value > 0.7 and told.low > 0.5 and told.n <= 60
    rng = np.random.default_rng(0)
    mixed = [texts[n] for n in rng.permutation(len(texts))]  # words of other pairs
    assert strength_order(mixed, effects, users, liked).low < 0.3
    silent = [replace(t, text="Yes.") for t in texts]
    assert np.isnan(strength_order(silent, effects, users, liked).value)
    assert strength_order(texts, effects, users, liked) == told


def test_a_metric_needs_users_and_every_comparison_to_be_certified():
    def certified(faithful, **other):
        planted = {"faithful": {"m": np.array(faithful, dtype=float)}}
        zero = np.where(np.isnan(planted["faithful"]["m"]), np.nan, 0.0)
        planted |= {kind: {"m": other.get("wrong", zero)} for kind in UNFAITHFUL}
        if "missing" in other:
            planted[UNFAITHFUL[-1]] = {"m": np.full_like(zero, np.nan)}
        return fit_metrics(certify_planted(planted, np.arange(len(faithful))))

    assert certified([1] * 10) == ["m"] and certified([1] * 10 + [np.nan] * 5) == ["m"]
    assert certified([1, 1]) == [] and certified([1] + [np.nan] * 9) == [], "too few users"
    assert certified([1] * 10, missing=True) == [], "nothing to compare with"
