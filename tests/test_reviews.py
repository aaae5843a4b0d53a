"""Texts of reviews, read on request, and the sentence that a rule picks."""

import gzip
import json

import pytest

from recx.data import json_lines
from recx.data.reviews import MAX_LETTERS, load_reviews, most_opinionated_sentence
from recx.errors import DataError
from recx.settings import DataSettings

EARLY = ("Video_Games_5.json", "meta_Video_Games.json", "reviewerID", "asin", "reviewText")
LATE = ("Video_Games.jsonl", "meta_Video_Games.jsonl", "user_id", "parent_asin", "text")


def settings_with(tmp_path, files, reviews):
    log, meta, user, item, text = files
    rows = [{user: u, item: i, **({} if said is None else {text: said})} for u, i, said in reviews]
    (tmp_path / f"{log}.gz").write_bytes(gzip.compress("\n".join(map(json.dumps, rows)).encode()))
    (tmp_path / meta).write_text("{}")
    return DataSettings("games", str(tmp_path))


@pytest.mark.parametrize("files", [EARLY, LATE])
def test_only_the_reviews_asked_for_are_kept(tmp_path, monkeypatch, files):
    monkeypatch.setattr(json_lines, "CHUNK_BYTES", 256)
    reviews = [("u1", "B1", "Great &amp; long.\nBuy."), ("u1", "B2", None), ("u2", "B1", " "), ("u2", "B1", "Later.")]
    reviews += [("u3", f"B{n}", "x" * 50) for n in range(40)] + [("u4", "B1", "y" * 2 * MAX_LETTERS)]
    sizes, original = [], json_lines.pl.concat
    monkeypatch.setattr(json_lines.pl, "concat", lambda frames: sizes.append(sum(map(len, frames))) or original(frames))
    found = load_reviews(
        settings_with(tmp_path, files, reviews), [("u1", "B1"), ("u1", "B2"), ("u2", "B1"), ("u9", "B1"), ("u4", "B1")]
    )
    assert found == {("u1", "B1"): "Great & long. Buy.", ("u2", "B1"): "Later.", ("u4", "B1"): "y" * MAX_LETTERS}
    assert sizes == [5], "rows that nobody asked for are dropped piece by piece"


def test_data_without_texts_of_reviews_says_so():
    with pytest.raises(DataError, match=r"'demo' has no texts of reviews.*xrec.reviews=false"):
        load_reviews(DataSettings("demo"), [("a", "b")])


def test_a_damaged_file_is_named(tmp_path):
    told = settings_with(tmp_path, EARLY, [("u", "B", "fine")])
    (tmp_path / "Video_Games_5.json.gz").write_bytes(gzip.compress(b'{"reviewerID": "u", "asin'))
    with pytest.raises(DataError, match=r"Video_Games_5.json.gz, line 1.*not valid JSON"):
        load_reviews(told, [("u", "B")])


@pytest.mark.parametrize(
    ("review", "sentence"),
    [
        (
            "It arrived on Monday. The story is wonderful and I love it! It has levels.",
            "The story is wonderful and I love it!",
        ),
        ("It came in a box. This is a terrible, awful game. It is nice.", "This is a terrible, awful game."),
        ("Love it! The box is blue and has a handle.", "The box is blue and has a handle."),
        ("Love it! Good.", "Love it!"),
        ("The battery lasts 4.5 hours and I love it so much.", "The battery lasts 4.5 hours and I love it so much."),
        ("It is blue. By Dr. Mario standards this is great fun.", "By Dr. Mario standards this is great fun."),
        ("!!!", "!!!"),
        ("", ""),
    ],
)
def test_the_sentence_with_the_strongest_opinion(review, sentence):
    assert most_opinionated_sentence(review) == sentence


def test_a_review_without_full_stops_is_cut():
    assert len(most_opinionated_sentence("great fun " * 200).split()) == 60
