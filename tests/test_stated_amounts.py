"""Of how many titles of a history a clause states a value."""

import pytest

from recx.parsing.stated_amounts import true_of_history

VALUE = "\x010\x01"


@pytest.mark.parametrize(
    "clause, holders_that_make_it_true",
    [
        (f"You enjoy {VALUE} games", {2, 3, 4, 5}),
        (f"Most of your history is for {VALUE}", {3, 4, 5}),
        (f"Nearly all are for {VALUE}", {3, 4, 5}),
        (f"Every game is for {VALUE}", {5}),
        (f"All of the games are for {VALUE}", {5}),
        (f"Not all of the games are for {VALUE}", {0, 1, 2, 3, 4}),
        (f"Your history contains a {VALUE} game", {1, 2, 3, 4, 5}),
        (f"One of your games is for {VALUE}", {1, 2, 3, 4, 5}),
        (f"There is only one {VALUE} game", {1}),
        (f"There are three {VALUE} games", {3}),
    ],
)
def test_as_many_titles_as_the_words_tell_must_have_the_value(clause, holders_that_make_it_true):
    place = clause.index(VALUE)
    assert {n for n in range(6) if true_of_history(n, 5, clause, place, negated=False)} == holders_that_make_it_true


def test_a_negation_is_true_of_none_and_in_a_history_of_one_title_that_one_suffices():
    clause = f"You have no {VALUE} games"
    assert [true_of_history(n, 5, clause, 12, negated=True) for n in range(3)] == [True, False, False]
    assert true_of_history(1, 1, f"You enjoy {VALUE} games", 10, negated=False)
