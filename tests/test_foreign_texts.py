"""Files of texts by anyone: what is read, and what is refused."""

import gzip
import json

import pytest

from recx.data.text_records import MAX_TEXT
from recx.errors import DataError
from recx.evaluation.foreign_texts import read_foreign_texts

ITEM = {"title": "Halo 3", "attributes": {"genre": ["Shooter"], "year": 2007}}
RECORD = {"history": [ITEM, "Okami"], "item": "Portal", "texts": {"a": "Because of Okami."}}


def read(tmp_path, *records, name="texts.jsonl"):
    path = tmp_path / name
    raw = "\n".join(r if isinstance(r, str) else json.dumps(r) for r in records).encode()
    path.write_bytes(gzip.compress(raw) if name.endswith(".gz") else raw)
    return read_foreign_texts(path)


@pytest.mark.parametrize("name", ["texts.jsonl", "texts.jsonl.gz"])
def test_records_become_a_catalogue_pairs_and_texts(tmp_path, name):
    other = {"history": ["Halo 3"], "item": ITEM, "texts": {"b": "No.\u2028Or yes."}, "user": 7}
    (given,) = read(tmp_path, RECORD, "", other, name=name)
    labels = given.catalogue.labels
    assert labels == ("", "Halo 3", "Okami", "Portal") and given.catalogue.facts(1) == {
        "genre": ("Shooter",),
        "year": ("2007",),
    }
    assert [[labels[i] for i in h] for h in given.pairs.histories] == [["Halo 3", "Okami"], ["Halo 3"]]
    assert [labels[i] for i in given.pairs.items] == ["Portal", "Halo 3"] and given.pairs.users.tolist() == [0, 1]
    assert given.texts == {"a": ["Because of Okami.", ""], "b": ["", "No.\u2028Or yes."]}


def test_data_sets_stand_apart_and_users_are_told_by_user_or_history(tmp_path):
    one, two, three = ({**RECORD, "dataset": d, "user": u} for d, u in (("x", "ann"), ("y", "ann"), ("x", "ann")))
    first, second = read(tmp_path, one, two, three, {**RECORD, "dataset": "x"}, {**RECORD, "dataset": "x"})
    assert (first.dataset, second.dataset) == ("x", "y")
    assert first.pairs.users.tolist() == [0, 0, 1, 1] and len(second.pairs) == 1


def test_items_of_one_title_are_told_apart_by_attributes(tmp_path):
    films = [{"title": "Sabrina", "attributes": {"year": [y]}} for y in ("1954", "1995")]
    (given,) = read(tmp_path, {"history": [*films, "Sabrina"], "item": films[1], "texts": {"a": "x"}})
    assert given.catalogue.labels[1:] == ("Sabrina (1954)", "Sabrina (1995)")
    assert given.pairs.histories[0].tolist() == [1, 2, 1] and given.pairs.items.tolist() == [2]


@pytest.mark.parametrize(
    "change, said",
    [
        ({"history": []}, "history must be a list"),
        ({"history": "Halo"}, "history must be a list"),
        ({"history": [""]}, "an item has no title"),
        ({"history": [{"title": None}]}, "title must be a string"),
        ({"item": {"title": "x", "attributes": ["a"]}}, "attributes must be an object"),
        ({"item": {"title": "x", "attributes": {"a": [["b"]]}}}, "attribute value must be a string"),
        ({"texts": {}}, "texts must be an object"),
        ({"texts": {"a": None}}, "text must be a string"),
        ({"texts": {"a": "x" * (MAX_TEXT + 1)}}, "text is longer than"),
        ({"user": {"age": 3}}, "user must be"),
        ({"dataset": 3}, "dataset must be a string"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(tmp_path, change, said):
    with pytest.raises(DataError, match=f"line 3: .*{said}.*expected"):
        read(tmp_path, RECORD, "", {**RECORD, **change})


@pytest.mark.parametrize("line", ["{", "[]", "3", '{"history": ["a"], "item": "b"}', "[" * 100_000])
def test_what_is_no_record_is_refused(tmp_path, line):
    with pytest.raises(DataError, match="line 2: not a record of texts"):
        read(tmp_path, RECORD, line)
    with pytest.raises(DataError, match="contains no records"):
        read(tmp_path, "", "")


def test_half_of_a_pair_of_letters_does_no_harm(tmp_path):
    (given,) = read(tmp_path, json.dumps({**RECORD, "texts": {"a": "\ud83d bad"}}))
    assert given.texts["a"][0].encode() == b"? bad"
