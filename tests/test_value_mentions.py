"""Which words of free prose are attribute values."""

import pytest

from recx.data.catalogue import build_catalogue
from recx.prompts.value_mentions import ValueMentions

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
