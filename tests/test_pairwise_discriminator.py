"""Discriminators on compared texts: what they learn, both orders, and win ratios by hand."""

import numpy as np
import pytest
from chat_server import ChatServer

from recx.data.text_records import comparison, text_record
from recx.errors import DataError
from recx.evaluation.pairwise_discriminator import (
    accuracy,
    compared_by_amount,
    discriminator_rows,
    in_both_orders,
    prefer_by_judge,
    prefer_by_words,
    preferences,
    win_ratios,
)
from recx.settings import ChatSettings

GOOD, BAD = "because of {} it fits you well", "as an assistant I cannot say {}"


def judged(n, better=2):
    first, second = (GOOD, BAD) if better == 1 else (BAD, GOOD)
    given = {"history": [f"Game {n}"], "item": "Portal", "better": better}
    return comparison(given | {"first": first.format(n), "second": second.format(n)})


ALL_SECOND = [judged(n) for n in range(20)]
RECORDS = [
    text_record(
        {
            "dataset": "d",
            "history": [f"Game {n}"],
            "item": "Portal",
            "texts": {"x": BAD.format(n), "y": GOOD.format(n)},
        }
    )
    for n in range(6)
]


def second_is_better(records, first, second):
    """A judge that looks at nothing but the place."""
    return np.full(len(first), 0.2)


def test_words_learn_the_text_and_not_the_place():
    found = accuracy(prefer_by_words(ALL_SECOND), [judged(n, 1 + n % 2) for n in range(30, 50)])
    values = dict(zip(found["choice"], found["value"], strict=True))
    assert values["both orders averaged"] == values["as the pair stands"] == values["with the texts swapped"] == 1
    assert values["always the first"] == values["always the second"] == 0.5


def test_a_judge_of_places_is_right_as_the_pair_stands_and_nowhere_else():
    found = accuracy(second_is_better, ALL_SECOND)
    values = dict(zip(found["choice"], found["value"], strict=True))
    assert values["as the pair stands"] == values["always the second"] == 1
    assert values["with the texts swapped"] == 0 and values["both orders averaged"] == 0.5
    assert in_both_orders(second_is_better)([], ["a"], ["b"]).tolist() == [0.5]


def test_without_comparisons_there_is_nothing_to_learn():
    with pytest.raises(DataError, match="no comparisons"):
        prefer_by_words([])


def test_every_comparison_is_taught_in_both_orders():
    rows = discriminator_rows([judged(1)])
    assert [answer for _, answer in rows] == ["B", "A"]
    assert rows[0][0].index("assistant") < rows[0][0].index("fits") and rows[1][0].index("fits") < rows[1][0].index(
        "assistant"
    )


def test_win_ratios_by_hand():
    ours = {"mf": [GOOD.format(n) for n in range(4)] + ["", ""], "sasrec": [BAD.format(n) for n in range(2)]}
    compared = preferences(prefer_by_words(ALL_SECOND), {"mf": RECORDS, "sasrec": RECORDS}, ours)
    assert len(compared) == 2 * 4 + 2 * 2, "empty texts are not compared, and a part of the texts is enough"
    won = win_ratios(compared, ["recommender", "against"]).set_index(["recommender", "against"])["value"]
    assert won.to_dict() == {("mf", "x"): 1.0, ("mf", "y"): 0.5, ("sasrec", "x"): 0.5, ("sasrec", "y"): 0.0}
    tied = win_ratios(compared.assign(preference=0.5), ["recommender"])
    assert set(tied["value"]) == {0.5} and tied["n"].tolist() == [4, 2]


def test_amounts_and_judges_stand_in_columns():
    texts = {0: {"mf": [BAD.format(0)]}, 50: {"mf": [GOOD.format(0)]}}
    found = compared_by_amount(
        {"words": prefer_by_words(ALL_SECOND), "place": second_is_better}, {"mf": RECORDS}, texts
    )
    won = win_ratios(found, ["judge", "amount"]).set_index(["judge", "amount"])["value"].to_dict()
    assert won == {("words", 0): 0.25, ("words", 50): 0.75, ("place", 0): 0.5, ("place", 50): 0.5}


def test_a_chat_model_gives_a_second_opinion():
    def answer(messages, number):
        shown = messages[-1]["content"].partition("The recommender's decision")[2]
        return '{"better": "A"}' if shown.index("fits you") < shown.index("assistant") else '{"better": "B"}'

    server = ChatServer(answer)
    prefer = prefer_by_judge(ChatSettings(server.address, "m", retries=0, parallel=1, seconds=5))
    first, second = [GOOD.format(1), BAD.format(2), GOOD.format(3)], [BAD.format(1), GOOD.format(2), ""]
    preferred = prefer(RECORDS[:3], first, second)
    server.stop()
    assert np.array_equal(preferred, [1.0, 0.0, np.nan], equal_nan=True)
    assert len(server.asked) == 4, "each pair in both orders, and none with a missing text"
