"""What a clause without a subject of its own is about."""

import pytest

from recx.parsing.carried_subjects import ClauseBefore, carried_subjects, without_aside

VALUE, ITEM = "\x010\x01", 9


@pytest.mark.parametrize(
    "clause, separator, named, subjects, carried",
    [
        (f"They are {VALUE}", ". ", (1, 2), (), [1, 2]),
        (f"They are {VALUE}", ". ", (1,), (), None),
        (f"Both are {VALUE} games", ". ", (1,), (), [ITEM, 1]),
        (f"Both are {VALUE} games", ". ", (ITEM,), (), None),
        (f"They are {VALUE} fans", ". ", (1, 2), (), None),
        (f"also a {VALUE} game", ", but ", (), (3,), [3]),
        (f"{VALUE}", ": ", (), (3, 4), [3, 4]),
        (f"also a {VALUE} game", ". ", (), (3,), None),
        (f"the story of it is for {VALUE}", ", but ", (), (3,), None),
        (f"They are {VALUE} like \x000\x00", ". ", (1, 2), (), None),
    ],
)
def test_subjects_are_taken_from_the_clause_before(clause, separator, named, subjects, carried):
    before = ClauseBefore(named, subjects)
    assert carried_subjects(clause, separator, clause.index(VALUE), before, aside=False, item=ITEM) == carried


def test_a_title_named_by_the_way_is_blanked_and_the_one_before_it_goes_on():
    clause, aside = without_aside(f"\x001\x00, is for {VALUE}", ", unlike ")
    assert clause == f"{' ' * 4} is for {VALUE}" and aside
    place = clause.index(VALUE)
    assert carried_subjects(clause, ", unlike ", place, ClauseBefore((1,), ()), aside=aside, item=ITEM) == [1]
    assert without_aside("\x001\x00 is not", ". ") == ("\x001\x00 is not", False)
