"""Which words of free prose are attribute values."""

import pytest

from recx.data.catalogue import build_catalogue
from recx.parsing.explanation_parser import ExplanationParser
from recx.parsing.value_mentions import ValueMentions

GENRES = "Action Adventure Comedy Crime Drama Romance Sci-Fi Thriller War Animation RPG news foodanddrink music".split()
VALUES = ValueMentions(build_catalogue([str(n) for n in range(len(GENRES))], GENRES, {"genre": [[g] for g in GENRES]}))


@pytest.mark.parametrize(
    "text, values",
    [
        ("It's a crime drama with a strong cast.", "Crime Drama"),
        ("a classic action-adventure film", "Action Adventure"),
        ("a unique blend of humor, adventure, and time travel", "Adventure"),
        ("a thriller with a touch of romance", "Thriller Romance"),
        ("given your interest in comedy and war", "Comedy War"),
        ("combining intense action with sci-fi elements", "Action Sci-Fi"),
        ("an animated film, a romantic comedy", "Animation Romance Comedy"),
        ("falls under the category of food and drink", "foodanddrink"),
        ("the category of this news is news", "news"),
        ("a role-playing game", "RPG"),
        ("an action-packed plot with thrilling action sequences", ""),
        ("the tension and drama of the eruption", ""),
        ("this news article is about the war", ""),
        ("The romance between the two, and the crime scene.", ""),
        ("You'll enjoy the fast-paced action and its strategy.", ""),
    ],
)
def test_values_in_free_prose(text, values):
    assert [value for _, value in VALUES.find(text, 0)] == values.split()


def test_what_is_quoted_may_be_nothing_but_values():
    assert VALUES.only("Drama, Thriller, or Sci-Fi.") and not VALUES.only("Drama Queen") and not VALUES.only("and")


@pytest.mark.parametrize(
    "text, stated",
    [
        ('Yes. "Halo 3" is part of the Halo series.', [("Halo", True)]),
        ('Yes. "Halo 3" is part of the well-known Halo series.', [("Halo", True)]),
        ('Yes. "Halo 3" is part of the DSoulcalibur II series.', [("DSoulcalibur II", False)]),
        ('Yes. "Halo 3" is part of theMak and Daxter franchise.', [("Mak and Daxter", False)]),
        ('Yes. "Okami" is not part of the Jak series, "Halo 3" is.', [("Jak", True)]),
        ('Yes. "Halo 3" is part of the same series as "Okami".', []),
        ('Yes. "Halo 3" is part of the Halo 3 series. It is part of a series.', []),
    ],
)
def test_a_series_that_no_item_belongs_to_is_a_false_statement(text, stated):
    catalogue = build_catalogue(list("ab"), ["Halo 3", "Okami"], {"series": [["Halo"], []]})
    found = ExplanationParser(catalogue).parse(text, [1], 2).statements
    assert [(s.value, s.true) for s in found] == stated


def test_a_series_named_after_its_only_title_is_a_value_and_no_citation():
    catalogue = build_catalogue(list("ab"), ["The Last Story", "Okami"], {"series": [["The Last Story"], []]})
    parser = ExplanationParser(catalogue)
    for name in ("Last Story", "The Last Story"):
        reading = parser.parse(f'Yes. "The Last Story" is part of the {name} series.', [1], 2)
        assert [(s.value, s.true) for s in reading.statements] == [("The Last Story", True)] and not reading.unverified
        assert [c.item for c in reading.citations] == [1]


def test_a_series_is_looked_for_only_where_items_have_series(small_catalogue):
    assert not ExplanationParser(small_catalogue).parse('Yes. "Portal" is part of the Jak series.', [1], 2).statements
