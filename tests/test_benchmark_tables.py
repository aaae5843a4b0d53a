"""Numbers of benchmarks are recorded with their origin, and the tables in the README are generated from them."""

import csv
import datetime
import platform
import re

import pytest

from recx import paths

FOLDER = paths.ROOT / "benchmarks"


@pytest.fixture
def recorded(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(str(FOLDER))
    import recorded

    monkeypatch.setattr(recorded, "FOLDER", tmp_path)
    return recorded


@pytest.fixture
def tables(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    import tables

    return tables


def document(name):
    return f"Before.\n<!-- table: {name} -->\nold\n<!-- end of table -->\nAfter.\n"


def test_the_readme_shows_what_was_recorded(tables):
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert tables.updated(text) == text, "run: python benchmarks/tables.py"
    files = sorted((FOLDER / "results").glob("*.csv"))
    assert files and {file.stem for file in files} <= set(re.findall(r"<!-- table: (\w+) -->", text))


def test_every_recorded_number_is_complete(tables, recorded):
    for file in sorted((FOLDER / "results").glob("*.csv")):
        with file.open(newline="", encoding="utf-8") as lines:
            assert tuple(next(csv.reader(lines))) == recorded.COLUMNS
        for row in tables.read(file):
            datetime.date.fromisoformat(row["date"])
            assert row["what"] and (row["value"] or row["ratio"]) and bool(row["alternative"]) >= bool(row["ratio"]), (
                row
            )
            assert row["quick"] in ("", "yes") and None not in row.values(), row


def test_numbers_are_appended_with_their_origin(recorded, tables, tmp_path, monkeypatch):
    row = recorded.Row("hybrid: time", 1.23456, "s", "a loop", 2.0, 1.5, 3.0)
    recorded.record("speed", [row], seed=3)
    monkeypatch.setattr(recorded, "_git", lambda *words: "abc1234" if words[0] == "rev-parse" else " M recx/cli.py")
    recorded.record(
        "speed", [row._replace(value=7), recorded.Row("memory", 34567.8, "B", "a loop", 4)], seed=4, quick=True
    )
    first, second, third = tables.read(tmp_path / "speed.csv")
    assert first["date"] == datetime.date.today().isoformat() and (first["seed"], first["quick"]) == ("3", "")
    assert [first[name] for name in recorded.Row._fields] == ["hybrid: time", "1.235", "s", "a loop", "2", "1.5", "3"]
    assert (second["value"], third["value"], third["ratio"]) == ("7", "34568", "4")
    assert third["quick"] == "yes" and second["commit"] == "abc1234+"
    assert re.search(r", \d+ cores, \d+ GB", first["machine"]) and platform.node() not in first["machine"]


def test_a_table_prefers_full_runs_and_later_numbers(recorded, tables, tmp_path):
    row = recorded.Row("hybrid: time", 1, "s", "a loop", 2.0, 1.5, 3.0)
    recorded.record("speed", [row, recorded.Row("behavior: length", 5, low=4, high=6)], quick=True)
    assert "| hybrid | 1 s | 2x (1.5 to 3) |  |" in tables.updated(document("speed"), tmp_path)
    recorded.record("speed", [row._replace(value=8)])
    recorded.record("speed", [row._replace(value=9)])
    recorded.record("speed", [row._replace(value=10)], quick=True)
    lines = tables.updated(document("speed"), tmp_path).split("\n")
    assert lines[2:6] == [
        "|  | time | time, over a loop | length |",
        "| --- | --- | --- | --- |",
        "| hybrid | 9 s | 2x (1.5 to 3) |  |",
        "| behavior |  |  | 5 (4 to 6) |",
    ]
    assert "quick run of" in lines[7] and lines[-3:] == ["<!-- end of table -->", "After.", ""]


def test_a_table_without_numbers_says_so(tables, tmp_path):
    assert "Nothing has been recorded yet." in tables.updated(document("speed"), tmp_path)
