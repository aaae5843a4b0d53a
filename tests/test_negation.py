"""Which values a clause denies."""

import pytest

from recx.parsing.negation import is_negated
from recx.parsing.title_groups import grouped

A, B, VALUE = "\x000\x00", "\x001\x00", "\x010\x01"


@pytest.mark.parametrize(
    "clause, negated",
    [
        (f"it is not for {VALUE}", True),
        (f"it isn't a {VALUE} game", True),
        (f"it is far from a {VALUE} game", True),
        (f"the {VALUE} genre is not among its own", True),
        (f"it is not only for {VALUE}", False),
        (f"no doubt it is for {VALUE}", False),
        (f"it is not new, and it is for {VALUE}", False),
        (f"it is for {VALUE}", False),
    ],
)
def test_a_negation_before_the_value_or_right_behind_it_denies_it(clause, negated):
    assert is_negated(clause, clause.index(VALUE), 0, []) is negated


def test_a_negation_before_the_titles_denies_the_value_of_both():
    clause = f"neither {A} nor {B} is for {VALUE}"
    groups = grouped(clause, [1, 2])
    assert is_negated(clause, clause.index(VALUE), groups[0].end, groups)
    clause = f"both {A} and {B} are for {VALUE}"
    groups = grouped(clause, [1, 2])
    assert not is_negated(clause, clause.index(VALUE), groups[0].end, groups)
