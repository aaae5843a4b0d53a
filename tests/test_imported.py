"""Explanations written elsewhere are compared with those made here."""

import json

import numpy as np
import pytest

from recx.data.demo import demo_catalogue
from recx.errors import DataError
from recx.explaining.imported import ImportedExplainer

CATALOGUE = demo_catalogue()
LABELS = CATALOGUE.labels


def explainer(tmp_path, *records, max_history=3):
    path = tmp_path / "texts.jsonl"
    path.write_text("\n\n".join(r if isinstance(r, str) else json.dumps(r) for r in records))
    return ImportedExplainer(CATALOGUE, path, max_history)


def test_texts_are_found_by_the_latest_items_and_checked(tmp_path):
    text = f'No. It is unlike "{LABELS[4]}" and "{LABELS[9]}".'
    history = [CATALOGUE.item_ids[5], LABELS[2], LABELS[3], LABELS[4]]
    given = explainer(tmp_path, {"history": history, "item": LABELS[8], "text": text})
    known, unknown = given.explain([np.array([7, 2, 3, 4]), [2, 3]], [8, 8])
    assert known.decision is False and [c.in_history for c in known.citations] == [True, False]
    assert (unknown.text, unknown.decision) == ("", None)
    assert [p.like for p in given.predict([[2, 3, 4], [2, 3]], [8, 8])] == [False, None]
    assert given.recommend([[1]], k=2)[0].items == (0, 0) and given.rank([[1]], [[5, 6, 7]]).tolist() == [[0, 0, 0]]
    assert not given.reads_vectors


def test_thinking_marks_and_separators_in_the_file_are_taken(tmp_path):
    text = f"<think>Yes?</think>No.\u2028It is unlike \u201c{LABELS[4]}\u201d."
    path = tmp_path / "texts.jsonl"
    record = {"history": [LABELS[4]], "item": LABELS[8], "text": text}
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(record, ensure_ascii=False).encode() + b"\r\n\r\n")
    (told,) = ImportedExplainer(CATALOGUE, path, 3).explain([[4]], [8])
    assert told.decision is False and told.text.startswith("No.\u2028It")
    assert [c.title for c in told.citations] == [LABELS[4]] and told.citations[0].in_history


@pytest.mark.parametrize(
    "line, word",
    [
        ("{", "line 1: not an explanation"),
        ('{"history": [], "item": "Halo 3", "text": ""}', "line 1: The history is empty"),
        ('{"history": "Halo 3", "item": "Halo 3", "text": ""}', "history must be a list"),
        (json.dumps({"history": ["Halo 33"], "item": "Halo 3", "text": "Yes"}), "line 1: No item is called 'Halo 33'"),
        (json.dumps({"history": ["Halo 3"], "text": "Yes"}), "'item'"),
        (json.dumps({"history": [True], "item": "Halo 3", "text": "Yes"}), "line 1"),
        (json.dumps({"history": [[1]], "item": "Halo 3", "text": "Yes"}), "line 1"),
    ],
)
def test_a_wrong_line_is_named(tmp_path, line, word):
    with pytest.raises(DataError, match=word):
        explainer(tmp_path, line)


def test_a_missing_file_is_a_clear_error(tmp_path):
    with pytest.raises(DataError, match="cannot be read"):
        ImportedExplainer(CATALOGUE, tmp_path / "none.jsonl", 5)
