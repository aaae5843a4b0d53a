"""Texts are marked and cut into clauses."""

import pytest

from recx.parsing.clauses import clauses, marked


def test_titles_and_values_become_marks_in_the_order_of_the_text():
    text = 'Yes. "Halo: No" is a Shooter.'
    title, value = text.index('"'), text.index("Shooter")
    assert marked(text, 5, [(title, title + 10)], [(value, value + 7)]) == "\x000\x00 is a \x010\x01."


@pytest.mark.parametrize(
    "text, parts",
    [
        ("It is one. They like it", ["It is one", "They like it"]),
        ("It is one, while that is two", ["It is one", "that is two"]),
        ("Dr. Who, e.g. in Mr. Bean", ["Dr. Who, e.g. in Mr. Bean"]),
        ("It is one, you like it", ["It is one", "you like it"]),
        ("One; two\nthree", ["One", "two", "three"]),
        ("\x010\x01: \x000\x00 and more", ["\x010\x01: \x000\x00 and more"]),
        ("Its genres: \x010\x01", ["Its genres", "\x010\x01"]),
    ],
)
def test_a_clause_ends_where_its_subject_may_change(text, parts):
    assert [clause for clause, _ in clauses(text)] == parts
    assert "".join(separator + clause for clause, separator in clauses(text)) == text
