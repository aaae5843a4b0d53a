import pytest

from recx.parsing.stated_first import stated_first


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("The recommender did put     first, as it goes with     .", True),
        ("It ranked     at the top because of its genre.", True),
        ("It was in fact not put first.", False),
        ("The recommender didn’t place it first. It came first elsewhere.", False),
        ("It has never been shown on top.", False),
        ("Was it put first? I cannot say.", None),
        ("Why it is so, I do not know. It is first of all a puzzle.", None),
        ("It is a first-person shooter.", None),
        ("It was the player's first RPG.", None),
        ("It was actually the first game released on it.", None),
        ("At first it was a racing game.", None),
        ("", None),
    ],
)
def test_only_a_statement_about_the_first_place_counts(text, said):
    assert stated_first(text) is said
