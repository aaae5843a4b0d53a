"""The public files of LLMXRec: what is kept apart for tests, what is merged, and what is refused."""

import gzip
import json

import pytest

from recx.data.llmxrec_files import read_llmxrec
from recx.errors import DataError


def row(*titles, dataset="steam", item="Portal", **more):
    items = [{"title": t, "attributes": {"tags": ["Indie", "nan"]}} for t in titles]
    return {"dataset": dataset, "history": items, "item": {"title": item, "attributes": {}}, **more}


def news(title):
    return {"title": title, "attributes": {"category": ["news"], "subcategory": ["newsus"]}}


FILES = {
    "instructions-train": [row("A", "B", text="Because of A.")],
    "instructions-test": [row("A", "B", text="Because of A."), row("C", text="Because of C.", user={"age": 30})],
    "comparisons-train": [row("D", "E", first="x", second="y", better=2)],
    "comparisons-test": [row("F", first="x", second="y", better=1)],
    "explanations": [
        row("A", "B", "Z", recommender="Sasrec", texts={"GPT4": "seen", "LLaMA2": "seen"}),
        row("E", "D", recommender="Sasrec", texts={"GPT4": "seen", "LLaMA2": "seen"}),
        row("G", recommender="Sasrec", texts={"GPT4": "one"}, user={"gender": "female"}),
        row("G", recommender="Sasrec", texts={"LLaMA2": "two"}, user={"gender": "female"}),
        row('u"H"', recommender="Sasrec", texts={"GPT4": "three", "LLaMA2": "four"}),
        row("I", recommender="Sasrec", texts={"GPT4": "alone"}),
        {**row("J", dataset="ml-100k", recommender="Sasrec", texts={"a": "1", "b": "2"}), "item": news("J")},
    ],
    "explanations-other-recommenders": [
        row(t, recommender="BPR-MF", texts={"GPT4": "1", "LLaMA2": "2"}) for t in ("G", 'u"H"', "K")
    ],
}


@pytest.fixture
def folder(tmp_path):
    for name, own in FILES.items():
        (tmp_path / f"{name}.jsonl.gz").write_bytes(gzip.compress("".join(json.dumps(r) + "\n" for r in own).encode()))
    return tmp_path


def test_what_was_learnt_from_is_not_tested(folder):
    study = read_llmxrec(folder)
    assert [r.texts["text"] for r in study.unseen] == ["Because of C."]
    assert study.unseen[0].person == (("age", ("30",)),)
    titles = [tuple(t for t, _ in r.history) for r in study.recommended["Sasrec"]]
    assert sorted(titles) == [("G",), ("H",)], "neither learnt people, nor single texts, nor news filed under films"
    assert [c.first_is_better for c in study.judged + study.judged_unseen] == [False, True]


def test_texts_of_one_recommendation_are_merged_and_unknown_values_dropped(folder):
    (found,) = [r for r in read_llmxrec(folder).recommended["Sasrec"] if r.history[0][0] == "G"]
    assert found.texts == {"GPT4": "one", "LLaMA2": "two"} and found.person == (("gender", ("female",)),)
    assert found.history[0][1] == (("tags", ("Indie",)),)


def test_recommenders_share_the_drawn_people(folder):
    drawn = read_llmxrec(folder, per_dataset=1).recommended
    whole = read_llmxrec(folder, per_dataset=2).recommended
    people = {name: [r.user for r in own] for name, own in drawn.items()}
    assert people["Sasrec"] == people["BPR-MF"] or people["BPR-MF"] == ['["K"]'], "K has no recommendation by SASRec"
    assert whole["Sasrec"][:1] == drawn["Sasrec"]


def test_a_damaged_file_is_named(folder):
    (folder / "comparisons-test.jsonl.gz").write_bytes(b"\x1f\x8bnothing")
    with pytest.raises(DataError, match=r"comparisons-test\.jsonl\.gz"):
        read_llmxrec(folder)


def test_a_row_without_a_field_is_refused(folder):
    (folder / "instructions-train.jsonl.gz").write_bytes(gzip.compress(json.dumps({"dataset": "steam"}).encode()))
    with pytest.raises(DataError, match="history"):
        read_llmxrec(folder)
    item = {"title": "A", "attributes": ["x"]}
    row = {"dataset": "steam", "history": [item], "item": item, "text": "", "texts": {}}
    (folder / "instructions-train.jsonl.gz").write_bytes(gzip.compress(json.dumps(row).encode()))
    with pytest.raises(DataError, match="does not have the fields"):
        read_llmxrec(folder)


def test_the_real_files(real_data):
    if not (real_data / "llmxrec").is_dir():
        pytest.skip("no real data: the public files of LLMXRec are not at hand (set RECX_DATA_DIR)")
    study = read_llmxrec(real_data / "llmxrec", per_dataset=5)
    assert (len(study.instructions), len(study.unseen), len(study.judged), len(study.judged_unseen)) == (
        240,
        60,
        1440,
        360,
    )
    assert set(study.recommended) == {"Sasrec", "BPR-MF", "LightGCN"}
    assert {name: len(own) for name, own in study.recommended.items()} == dict.fromkeys(study.recommended, 15)
