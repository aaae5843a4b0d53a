""" "As well" where nothing was said before."""

import pytest

from recx.parsing.parsed_explanation import Statement
from recx.parsing.said_as_well import false_as_well, first_mention, says_not_only

A, V, W = "\x000\x00", "\x010\x01", "\x011\x01"


@pytest.mark.parametrize(
    "clause, before, first",
    [
        (f"it is for {V} as well", (), 0),
        (f"it is for {V}, too", (), 0),
        (f"it is for {V} as well", ("PC",), None),
        (f"it is for {V} and {W} as well", (), 1),
        (f"it is for {V} as well as {W}", (), None),
        (f"it is too long for {V}", (), None),
        (f"it is a {V} game, and {A} is too", (), None),
        (f"it is for {V}", (), None),
    ],
)
def test_what_is_said_as_well_must_have_been_said(clause, before, first):
    values = [(name, clause.index(mark)) for name, mark in (("PC", V), ("Wii", W)) if mark in clause]
    assert first_mention(clause, values, before) == first


def test_the_mark_of_the_statement_ends_behind_as_well():
    text = "It is for PC as well. It is for Wii and long as well."
    marked = false_as_well(Statement((1,), "PC", False, True, (10, 12)), text)
    assert not marked.true and marked.false_as_well and text[slice(*marked.span)] == "PC as well"
    false = Statement((1,), "PC", False, False, (10, 12))
    assert false_as_well(false, text) is false


def test_not_only_is_seen():
    assert says_not_only("It is not only long") and not says_not_only("It is only long")
