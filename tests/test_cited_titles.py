"""Which titles a text names, and in what role."""

import pytest

from recx.parsing.cited_titles import CitedTitles, PartsAgainst, is_claimed
from recx.parsing.value_mentions import ValueMentions


@pytest.fixture
def titles(small_catalogue):
    return CitedTitles(small_catalogue, ValueMentions(small_catalogue))


@pytest.mark.parametrize(
    "text, named",
    [
        ('"Portal" and Halo 3', [("Portal", 1), ("Halo 3", 3)]),
        ('"portal 2"', [("Portal 2", 2)]),
        ('"Nowhere"', [("Nowhere", None)]),
        ('the "Puzzle" tag and "Portal (PC)"', [("Portal", 1)]),
        ('"Puzzle, Shooter" and "Halo 3"', [("Halo 3", 3)]),
    ],
)
def test_titles_are_found_and_blanked(titles, text, named):
    found, plain = titles.find(text, text, {1})
    assert [(title.name, title.item) for title in found] == named
    assert len(plain) == len(text) and not any(name in plain for name, _ in named)


def test_the_name_of_an_unknown_title_is_that_which_was_written(titles):
    written = "“Nobody’s Land”"
    found, _ = titles.find('"Nobody\'s Land"', written, ())
    assert found[0].name == "Nobody’s Land"


def test_a_title_may_be_claimed_to_be_the_historys_or_a_cause():
    for text, claimed in (
        ("From the history, X is one.", True),
        ("The main reason for it is X.", True),
        ("X counts most for it.", True),
        ("It is like X.", False),
    ):
        place = text.index("X")
        assert is_claimed(text.replace("X", " "), (place, place + 1), 0) is claimed


def test_the_other_way_holds_within_its_part_of_the_text():
    text = "X lifts it, while Y pulls the other way. Z is next."
    against = PartsAgainst(text)
    assert [against.holds(text.index(letter)) for letter in "XYZ"] == [False, True, False]
