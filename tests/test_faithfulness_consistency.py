import itertools

import numpy as np
import pytest
from bag_target import Bag, bag_pairs

from recx.data.demo import demo_catalogue
from recx.evaluation.certification import certify_planted, fit_metrics, planted_citations
from recx.evaluation.faithfulness_consistency import (
    chance_consistency,
    repeated_cause,
    repeated_causes,
    self_consistency,
)
from recx.explaining.records import explanation_of
from recx.parsing.explanation_parser import ExplanationParser
from recx.prompts.controls import Control
from recx.prompts.evidence import Evidence, explain_evidence
from recx.prompts.pieces import Title, as_text
from recx.prompts.requests import Request

CATALOGUE = demo_catalogue()
PARSER = ExplanationParser(CATALOGUE)
HISTORY, ITEM = (1, 2, 3, 4), 9


def read(text):
    return explanation_of(text, Request("explanation", np.array(HISTORY), (ITEM,)), CATALOGUE, PARSER)


def planted(count, repeat):
    """Texts of the relation mode in all their wordings; `repeat` gives the first cause a second role."""
    rng, out = np.random.default_rng(0), []
    for n in range(count):
        causes = tuple(rng.permutation(HISTORY).tolist())
        evidence = Evidence(ITEM, bool(n % 2), causes, (3.0, 2.0, 0.1, -1.5), 0.95 if n % 2 else 0.1)
        pieces = explain_evidence(rng, CATALOGUE, evidence, Control())
        if repeat:
            other = {"second": causes[1], "against": causes[-1]}[repeat]
            at = [i for i, p in enumerate(pieces) if p == Title(other)][0 if repeat == "second" else -1]
            pieces[at] = Title(causes[0])
        out.append(read(as_text(pieces, CATALOGUE)))
    return out


def test_a_title_in_two_roles_is_found_in_every_wording():
    assert repeated_causes(planted(200, ""))["repeated_cause"].mean() == 0
    for kind in ("second", "against"):
        assert repeated_causes(planted(200, kind))["repeated_cause"].mean() == 1


def test_taking_a_title_up_again_is_no_repetition():
    a, b, c, item = (CATALOGUE.labels[n] for n in (1, 2, 3, ITEM))
    assert repeated_cause(read(f'Yes. "{a}" counts most for it. "{item}" is for PC, and so is "{a}".')) == 0
    assert repeated_cause(read(f'Yes. "{a}" counts most, then "{b}". "{c}" pulls the other way.')) == 0
    assert repeated_cause(read(f'Yes. "{a}" lifts it, "{b}" too, and "{a}".')) == 1
    assert repeated_cause(read(f'Yes. "{a}" lifts it. On the other hand, "{a}" pulls the other way.')) == 1
    assert repeated_cause(read(f'Yes. "{a}" lifts it.')) == 0 and np.isnan(repeated_cause(read("Yes.")))


def test_a_title_may_be_taken_up_behind_a_semicolon():
    label = CATALOGUE.labels
    assert repeated_cause(read(f'Yes. "{label[1]}" is for Wii; "{label[1]}" and "{label[2]}" fit.')) == 0


def test_a_full_stop_within_the_title_asked_about_ends_no_sentence():
    label = CATALOGUE.labels
    (item,) = [n for n, own in enumerate(label) if own == "Super Smash Bros. Brawl"]
    text = f'Yes. "{label[1]}" counts most for "{label[item]}", then "{label[1]}".'
    asked = Request("explanation", np.array(HISTORY), (item,))
    assert repeated_cause(explanation_of(text, asked, CATALOGUE, PARSER)) == 1


def test_the_same_causes_are_consistent():
    got = self_consistency([[0, 1], [0, 1], [2], []], [[1, 0], [1, 2], [3], [1]])
    assert got[:3].tolist() == [1.0, pytest.approx(1 / 3), 0.0] and np.isnan(got[3])


def test_chance_is_the_mean_over_all_draws():
    sets = list(itertools.combinations(range(6), 2))
    mean = np.mean(self_consistency([[0, 1, 2]] * len(sets), sets))
    assert chance_consistency([[0, 1, 2]], [[4, 5]], [6])[0] == pytest.approx(mean)
    assert np.isnan(chance_consistency([[]], [[1]], [6])[0])


def test_consistency_alone_is_no_sign_of_faithfulness():
    effects = bag_pairs(60, Bag())
    one, other = planted_citations(effects, seed=0), planted_citations(effects, seed=1)
    measured = {kind: {"self_consistency": self_consistency(one[kind], other[kind])} for kind in one}
    frame = certify_planted(measured, np.arange(60))
    assert fit_metrics(frame) == [], "who always names the latest titles is consistent too"
    assert frame.set_index("against").loc["random", "low"] > 0.5
