"""What a told text says otherwise than its evidence."""

import numpy as np
import pytest

from recx.data.demo import demo_catalogue
from recx.explaining.contradictions import contradictions, sentence_spans
from recx.explaining.records import explanation_of
from recx.parsing.explanation_parser import ExplanationParser
from recx.prompts.controls import Control
from recx.prompts.evidence import _STRENGTH, Evidence, explain_evidence, tell
from recx.prompts.pieces import as_text
from recx.prompts.requests import Request

CATALOGUE = demo_catalogue()
PARSER = ExplanationParser(CATALOGUE)
ITEM, FIRST, SECOND, OPPOSITE, OTHER = (
    CATALOGUE.index_of_label[title]
    for title in ("Halo: Reach", "Halo 3", "Gears of War 2", "Super Mario Galaxy", "Splatoon 2")
)
HISTORY = (FIRST, SECOND, OPPOSITE, OTHER)
EVIDENCE = Evidence(ITEM, True, (FIRST, SECOND, OTHER, OPPOSITE), (2.0, 1.0, 0.1, -1.0), 0.96, 0.59)
TRUE = (
    'Yes. "Halo 3" lifts it most, and next "Gears of War 2". It ranks above 96 of 100 titles; without "Halo 3" it '
    'would rank above 59. "Halo: Reach" is for Xbox 360, and so is "Halo 3". "Super Mario Galaxy" pulls the other way. '
    "A strong match."
)


def read(text, evidence=EVIDENCE):
    request = Request("explanation", np.array(HISTORY), (evidence.item,), evidence=tuple(tell(evidence)))
    return explanation_of(text, request, CATALOGUE, PARSER)


def test_a_text_that_says_what_was_measured_contradicts_nothing():
    assert contradictions(read(TRUE), EVIDENCE) == ()
    assert contradictions(read("Yes."), EVIDENCE) == ()
    assert contradictions(read(""), EVIDENCE) == ()


@pytest.mark.parametrize(
    ("said", "instead", "found"),
    [
        ("Yes.", "No.", "decision"),
        ('"Halo 3" lifts it most, and next "Gears of War 2"', '"Gears of War 2" lifts it most', "first cause"),
        ('and next "Gears of War 2"', 'and next "Splatoon 2"', "further cause"),
        ('and next "Gears of War 2"', 'and next "Halo 3"', "further cause"),
        ('"Super Mario Galaxy" pulls', '"Splatoon 2" pulls', "other way"),
        ('"Super Mario Galaxy" pulls', '"Halo: Reach" pulls', "other way"),
        ("above 96", "above 69", "number"),
        ("above 59", "above 96", "number"),
        ('"Halo 3" lifts it most', '"Halo: Reach" lifts it most', "first cause"),
        ('and next "Gears of War 2"', 'and next "Halo: Reach"', "further cause"),
        ('without "Halo 3"', 'without "Gears of War 2"', "number"),
        ('without "Halo 3"', 'without "Halo: Reach"', "number"),
        ("A strong match.", "It stands in the upper half.", "strength"),
        ("A strong match.", "It stands not far from the middle.", "strength"),
    ],
)
def test_each_kind_of_contradiction_is_found(said, instead, found):
    assert said in TRUE
    assert contradictions(read(TRUE.replace(said, instead)), EVIDENCE) == (found,)


def test_who_is_told_nothing_for_a_role_must_name_nobody_in_it():
    alone = Evidence(ITEM, True, (FIRST, SECOND), (2.0, 0.1), 0.96, 0.59)
    assert contradictions(read('Yes. "Halo 3" lifts it most, by far.', alone), alone) == ()
    assert contradictions(read('Yes. "Halo 3" lifts it most. "Splatoon 2" pulls the other way.', alone), alone) == (
        "other way",
    )
    nothing = Evidence(ITEM, True, (FIRST,), (0.0,), 0.96)
    assert contradictions(read('Yes. "Halo 3" lifts it most.', nothing), nothing) == ("first cause",)


def test_further_causes_are_named_in_their_order():
    three = Evidence(ITEM, True, (FIRST, SECOND, OTHER), (2.0, 1.0, 0.9), 0.96, 0.59)
    said = 'Yes. "Halo 3" lifts it most, and after that {}.'
    assert contradictions(read(said.format('"Gears of War 2", then "Splatoon 2"'), three), three) == ()
    assert contradictions(read("Yes."), three) == ()
    for wrong in ('"Splatoon 2"', '"Splatoon 2", then "Gears of War 2"'):
        assert contradictions(read(said.format(wrong), three), three) == ("further cause",)


def test_the_template_never_contradicts_its_evidence():
    rng = np.random.default_rng(0)
    lengths = ("one sentence", "normal", "detailed")
    for n in range(300):
        item, *history = (rng.permutation(len(CATALOGUE))[:8] + 1).tolist()
        effects = np.sort(rng.normal(size=7))[::-1]
        share, without = rng.random(2)
        evidence = Evidence(item, bool(rng.random() < 0.5), tuple(history), tuple(effects.tolist()), share, without)
        control = Control(length=lengths[n % 3])
        text = as_text(explain_evidence(rng, CATALOGUE, evidence, control, numbers=True), CATALOGUE)
        request = Request("explanation", np.array(history), (item,), evidence=tuple(tell(evidence)))
        assert contradictions(explanation_of(text, request, CATALOGUE, PARSER), evidence) == (), text


def test_sentences_end_outside_of_titles_only():
    text = 'Yes. "Super Mario Bros. Wonder" counts most for it! "What? No."  It ranks low'
    parts = [text[start:end] for start, end in sentence_spans(read(text))]
    assert parts == ["Yes.", ' "Super Mario Bros. Wonder" counts most for it!', ' "What? No."  It ranks low']
    assert "".join(parts) == text and sentence_spans(read("")) == []


def test_no_words_for_how_sure_the_target_is_mean_two_things():
    said = [words for levels in _STRENGTH.values() for _, options in levels for words in options]
    assert len(set(said)) == len(said)
