import itertools
import re
from dataclasses import replace

import numpy as np
import pytest

from recx.data.demo import demo_catalogue
from recx.explaining.records import explanation_of
from recx.parsing.explanation_parser import ExplanationParser
from recx.prompts.controls import Control
from recx.prompts.evidence import (
    Evidence,
    evidence_of,
    explain_evidence,
    name_causes,
    said_strength,
    strength,
    strength_unread,
    tell,
)
from recx.prompts.pieces import Title, as_text
from recx.prompts.requests import Request

CATALOGUE = demo_catalogue()
PARSER = ExplanationParser(CATALOGUE)
CONTROLS = [
    Control(),
    Control(length="one sentence"),
    Control(length="detailed"),
    Control(audience="beginner"),
    Control(view="platform"),
]


def evidence(liked, effects=(1.0, 0.6, 0.1, -0.5), seed=0):
    items = np.random.default_rng(seed).permutation(np.arange(1, len(CATALOGUE) + 1))[: len(effects) + 1]
    numbers = np.array(effects) if liked else -np.array(effects)
    return evidence_of(items[1:], numbers, int(items[0]), liked, 0.97 if liked else 0.2)


def test_causes_come_in_the_order_of_their_effect_on_the_decision():
    liked = evidence_of(np.array([4, 5, 6]), np.array([-1.0, 2.0, 0.3]), 9, True, 0.9)
    assert liked.causes == (5, 6, 4) and liked.effects == pytest.approx((2.0, 0.3, -1.0))
    assert liked.notable == (5,) and liked.against == 4
    disliked = evidence_of(np.array([4, 5, 6]), np.array([-1.0, 2.0, 0.3]), 9, False, 0.1)
    assert disliked.causes == (4, 6, 5) and disliked.against == 5


@pytest.mark.parametrize("liked", [True, False])
@pytest.mark.parametrize("control", CONTROLS, ids=lambda c: f"{c.view or c.length}-{c.audience}")
def test_a_text_says_what_was_measured_and_nothing_else(liked, control):
    rng = np.random.default_rng(3)
    for seed in range(60):
        one = evidence(liked, seed=seed)
        text = as_text(explain_evidence(rng, CATALOGUE, one, control), CATALOGUE)
        found = PARSER.parse(text, one.causes, one.item)
        assert found.decision is liked, text
        assert all(c.in_history for c in found.citations) and all(s.true for s in found.statements), text
        causes = list(dict.fromkeys(c.item for c in found.citations if not c.against))
        assert causes[0] == one.causes[0] and set(causes) <= set(one.notable), text
        assert {c.item for c in found.citations if c.against} <= {one.against}, text
        assert text.endswith(".") and "  " not in text and "{" not in text
        if control.length == "one sentence":
            assert len(causes) == 1 and ". " not in re.sub('"[^"]*"', "", text)


def test_a_sentence_begins_with_a_capital():
    rng = np.random.default_rng(0)
    texts = [as_text(explain_evidence(rng, CATALOGUE, evidence(True, seed=n), Control()), CATALOGUE) for n in range(80)]
    openings = {text[5] for text in texts if text.startswith("Yes. ")}
    assert openings <= set('"WTA') and len(openings) > 1


def test_braces_in_titles_and_attributes_are_text():
    class Odd:
        attributes = {"genre": ((), ("{x}",), ("{x}",))}

    made = explain_evidence(np.random.default_rng(0), Odd(), Evidence(1, True, (2,), (1.0,), 0.5), Control())
    assert any("{x}" in piece for piece in made if isinstance(piece, str))


def test_words_of_strength_follow_the_place():
    rng = np.random.default_rng(0)

    def said(liked, place):
        return {strength(rng, Evidence(1, liked, (2,), (1.0,), place)) for _ in range(40)}

    assert not said(True, 0.995) & said(True, 0.96) and not said(True, 0.9) & said(True, 0.81)
    assert not said(False, 0.01) & said(False, 0.15) and not said(False, 0.3) & said(False, 0.45)
    assert len(said(True, 0.995)) == 3


@pytest.mark.parametrize("liked", [True, False])
def test_words_of_strength_are_read_back(liked):
    rng = np.random.default_rng(0)
    places = {True: (0.895, 0.96, 0.995), False: (0.4, 0.3, 0.1, 0.01)}[liked]
    for grade, place in enumerate(places, start=1 if liked else 0):
        surest = evidence_of(np.array([4, 5]), np.array([1.0, 0.2]), 9, liked, place)
        for _ in range(20):
            assert said_strength(f"Some text. {strength(rng, surest)}") == grade
    assert said_strength("It is a strong matchstick.") is None


def test_words_of_strength_that_nobody_taught_are_noticed():
    for invented in ("It stands above the middle.", " It barely ranks among them.", "A perfect match."):
        assert strength_unread(invented)
    rng = np.random.default_rng(0)
    for liked, place in itertools.product((True, False), (0.01, 0.1, 0.3, 0.45, 0.6, 0.9, 0.96, 0.995)):
        evidence = Evidence(1, liked, (2, 3), (1.0, 0.5), place, 0.4)
        assert not strength_unread(strength(rng, evidence))
    told = 'It ranks above 84 of 100 titles; without "It stands" it would rank above 84.'
    for other in (told, 'Yes. "A" lifts it most.', 'It is a match for "Football Match".', '"It ranks" is for Wii.'):
        assert not strength_unread(other)


def test_what_mattered_and_what_is_told_name_the_same():
    one = evidence(True)
    named = [p.item for p in name_causes(one) if isinstance(p, Title)]
    told = [p.item for p in tell(one) if isinstance(p, Title)]
    assert named == told == [*one.notable[:3], one.against]
    assert "Measured for it" in as_text(tell(one), CATALOGUE) and "97 of 100" in as_text(tell(one), CATALOGUE)
    assert "Measured against it" in as_text(tell(evidence(False)), CATALOGUE)


def test_an_effect_too_small_is_not_named():
    alone = evidence(True, effects=(1.0, 0.1, 0.05))
    assert len(alone.notable) == 1 and alone.against is None
    text = as_text(explain_evidence(np.random.default_rng(0), CATALOGUE, alone, Control()), CATALOGUE)
    assert "far" in text and len({c.item for c in PARSER.parse(text, alone.causes, alone.item).citations}) == 1


@pytest.mark.parametrize("liked", [True, False])
def test_where_nothing_is_a_cause_no_title_is_called_one(liked):
    none = evidence(liked, effects=(-0.2, -0.7))
    assert none.notable == () and none.against == none.causes[-1]
    for control in CONTROLS:
        text = as_text(explain_evidence(np.random.default_rng(0), CATALOGUE, none, control), CATALOGUE)
        found = PARSER.parse(text, none.causes, none.item)
        assert found.decision is liked and not [c for c in found.citations if not c.against], text
    assert "nothing" in as_text(tell(none), CATALOGUE) and "None of them" in as_text(name_causes(none), CATALOGUE)
    assert evidence(liked, effects=(0.0, 0.0)).against is None


@pytest.mark.parametrize("liked", [True, False])
def test_who_was_told_the_numbers_says_them_in_the_order_in_which_they_are_checked(liked):
    rng, told = np.random.default_rng(1), 0
    for seed in range(60):
        one = replace(evidence(liked, seed=seed), share_without=0.41 if seed % 2 else None)
        text = as_text(explain_evidence(rng, CATALOGUE, one, Control(), numbers=True), CATALOGUE)
        request = Request("explanation", np.array(one.causes), (one.item,), evidence=tuple(tell(one)))
        numbers = explanation_of(text, request, CATALOGUE, PARSER).numbers
        now = "97" if liked else "20"
        assert [n.value for n in numbers] == [now, "100", *(["41"] if seed % 2 else [])], text
        assert all(n.measured and text[slice(*n.span)] == n.value for n in numbers)
        told += len(numbers)
        plain = as_text(explain_evidence(rng, CATALOGUE, one, Control()), CATALOGUE)
        assert not explanation_of(plain, request, CATALOGUE, PARSER).numbers, "not told, not said"
    assert told == 150
    assert "without the first above 41" in as_text(tell(one), CATALOGUE)


def test_evidence_takes_the_share_without_the_first_cause():
    shares = np.array([0.1, 0.2, 0.3])
    made = evidence_of(np.array([4, 5, 6]), np.array([-1.0, 2.0, 0.3]), 9, True, 0.9, shares)
    assert made.causes[0] == 5 and made.share_without == 0.2
    assert evidence_of(np.array([4]), np.array([2.0]), 9, True, 0.9, np.array([np.nan])).share_without is None


def test_no_title_ranks_above_all_of_a_hundred():
    best = Evidence(9, True, (4, 5), (2.0, 0.1), 1.0, 0.0)
    assert as_text(tell(best), CATALOGUE).endswith("It ranks above 99 of 100, without the first above 0.")
