"""Records of texts: persons, instructions and comparisons beside the texts of `recx judge`."""

import json

import pytest

from recx.data.text_records import comparison, read_text_records, text_record
from recx.errors import DataError

GIVEN = {
    "history": [{"title": "Alien", "attributes": {"genre": ["Horror"], "year": 1979}}, "Annie Hall"],
    "item": "Aliens",
}


def test_an_instruction_has_one_text_and_may_tell_of_the_person():
    record = text_record(GIVEN | {"text": "Because of Alien.", "person": {"gender": "female", "age": 24, "job": None}})
    assert record.texts == {"text": "Because of Alien."}
    assert record.person == (("age", ("24",)), ("gender", ("female",)))
    assert record.history[0] == ("Alien", (("genre", ("Horror",)), ("year", ("1979",))))
    assert record.user == json.dumps(["Alien", "Annie Hall"])


def test_nothing_in_a_record_acts_on_a_terminal():
    item = {"title": "Al\x1bien", "attributes": {"ge\x9bnre": ["Hor\x07ror"]}}
    record = text_record({"dataset": "a\x1b[2J\rb", "history": [item], "item": "B", "texts": {"x\x1b": "A\n\x1b[0m"}})
    assert (record.dataset, record.texts) == ("a [2J b", {"x": "A\n [0m"})
    assert record.history == (("Al ien", (("ge nre", ("Hor ror",)),)),)


def test_a_record_may_have_a_reference():
    assert text_record(GIVEN | {"text": "A.", "reference": "She liked it."}).reference == "She liked it."
    assert text_record(GIVEN | {"text": "A.", "reference": None}).reference == ""
    with pytest.raises(TypeError, match="reference must be a string"):
        text_record(GIVEN | {"text": "A.", "reference": 4})


def test_a_comparison_says_which_text_is_better():
    found = comparison(GIVEN | {"first": "A.", "second": "B.", "better": 2})
    assert (found.first, found.second, found.first_is_better) == ("A.", "B.", False)
    assert comparison(GIVEN | {"first": "A.", "second": "B.", "better": 1}).first_is_better


@pytest.mark.parametrize(
    "wrong",
    [{"better": 3}, {"better": None}, {"better": 1, "first": "A."}, {"better": 1, "first": "A.", "second": 4}],
)
def test_what_is_no_comparison_is_refused(wrong):
    with pytest.raises((TypeError, ValueError)):
        comparison(GIVEN | wrong)


@pytest.mark.parametrize(
    "wrong, said",
    [
        ({"person": ["female"], "text": "."}, "person must be an object"),
        ({}, "no 'texts'"),
        ({"text": 5}, "text must be a string"),
        ({"person": {"age": {"years": 4}}, "text": "."}, "attribute value must be a string"),
    ],
)
def test_a_wrong_line_is_named(tmp_path, wrong, said):
    path = tmp_path / "own.jsonl"
    path.write_text(json.dumps(GIVEN | {"text": "."}) + "\n" + json.dumps(GIVEN | wrong) + "\n")
    with pytest.raises(DataError, match=rf"line 2: .*{said}"):
        list(read_text_records(path))
