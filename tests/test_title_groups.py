"""Which titles of a clause belong together."""

import pytest

from recx.parsing.title_groups import grouped

A, B, C = "\x000\x00", "\x001\x00", "\x002\x00"


@pytest.mark.parametrize(
    "clause, groups",
    [
        (f"{A}, {B} and {C} are alike", [(7, 8, None)]),
        (f"{A} as well as {B} is", [(7, 8)]),
        (f"both {A} and {B}, like {C}", [(7, 8), (None,)]),
        (f"unlike {A}, {B} is", [(7,), (8,)]),
        (f"{A} is it", [(7,)]),
        ("it is", []),
    ],
)
def test_coordinated_titles_form_one_group(clause, groups):
    found = grouped(clause, [7, 8, None])
    assert [g.items for g in found] == groups
    assert all(clause[g.start] == clause[g.end - 1] == "\x00" for g in found)
