"""Files, settings and calls that an audit found to be accepted, to end in a traceback, or to lose work."""

import io
import json
import sys
from types import SimpleNamespace

import polars as pl
import pytest

from recx import cli
from recx.commands.judge_command import JudgeCommand
from recx.data import time_columns
from recx.data.catalogue import clean_title
from recx.data.reading_report import ReadingReport
from recx.errors import DataError, SettingsError
from recx.evaluation.foreign_texts import read_foreign_texts
from recx.evaluation.judged_texts import FACTS, judge_texts
from recx.pipeline import pairs_file
from recx.pipeline.pairs_file import explain_file, require_pairs, rows_of
from recx.profiles.resolve import resolve_settings


class Stub:
    """Explains every pair in the same words, and counts how often it is asked."""

    def __init__(self):
        self.asked = 0
        self.names = SimpleNamespace(pair=lambda history, item, view: pairs_file.Pair(history, item, view, {}))

    def explain(self, pairs):
        self.asked += len(pairs)
        return pairs

    def record(self, pair):
        return {"text": "Yes."}


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "pairs.csv"
    path.write_text("history,item\n" + "Halo 3,Halo: Reach\n" * 20)
    return path


def text_record(**changes):
    return {"history": ["A"], "item": "B", "texts": {"a": "one"}} | changes


@pytest.mark.parametrize("row", ['"Halo 3,Halo: Reach', 'Halo 3,"Halo" Reach'])
def test_a_stray_quotation_mark_swallows_no_rows(source, row):
    lines = source.read_text().splitlines()
    source.write_text("\n".join([*lines[:5], row, *lines[5:]]) + "\n")
    with pytest.raises(DataError, match="line"):
        list(rows_of(source))


def test_two_stray_quotation_marks_swallow_no_rows(source):
    lines = source.read_text().splitlines()
    source.write_text("\n".join([*lines[:5], '"Halo 3,Halo: Reach', *lines[5:9], 'Halo 3",Halo: Reach', *lines[9:]]))
    with pytest.raises(DataError, match="quotation mark may be missing|cannot be read"):
        list(rows_of(source))


def test_two_columns_of_one_name_are_refused(tmp_path):
    path = tmp_path / "pairs.csv"
    path.write_text("history,item,history\nHalo 3,Halo 4,Fez\n")
    with pytest.raises(DataError, match="several columns 'history'"):
        require_pairs(path)


def test_damage_in_the_middle_of_an_output_is_named_and_nothing_is_lost(source, tmp_path):
    out = tmp_path / "texts.jsonl"
    explain_file(Stub(), source, out, {})
    lines = out.read_bytes().splitlines(keepends=True)
    out.write_bytes(b"".join([*lines[:10], b'{"text": \n', *lines[11:]]))
    before, stub = out.read_bytes(), Stub()
    with pytest.raises(SettingsError, match="line 11: is damaged"):
        explain_file(stub, source, out, {})
    assert out.read_bytes() == before and not stub.asked
    out.write_bytes(b"".join(lines[:10]) + lines[10][:7])  # a last line cut short is written again
    assert explain_file(stub, source, out, {}) == (20, 0) and stub.asked == 10


def test_an_output_with_more_rows_than_the_input_is_refused(source, tmp_path):
    out = tmp_path / "texts.jsonl"
    explain_file(Stub(), source, out, {})
    out.write_bytes(out.read_bytes() + b'{"text": "Yes."}\n')
    with pytest.raises(SettingsError, match="21 rows, but pairs.csv only 20"):
        explain_file(Stub(), source, out, {})


def test_judging_never_replaces_its_input(tmp_path):
    path = tmp_path / "texts.jsonl"
    path.write_text(json.dumps(text_record()) + "\n")
    before = path.read_bytes()
    with pytest.raises(SettingsError, match="is the input"):
        JudgeCommand(str(path), json=str(path)).run()
    with pytest.raises(SettingsError, match="both outputs"):
        JudgeCommand(str(path), json=str(tmp_path / "x"), html=str(tmp_path / "x")).run()
    with pytest.raises(DataError, match="cannot be written"):
        JudgeCommand(str(path), json=str(tmp_path)).run()
    assert path.read_bytes() == before


def test_sources_with_the_name_of_a_baseline_are_refused(tmp_path):
    path = tmp_path / "texts.jsonl"
    path.write_text(json.dumps(text_record(texts={FACTS: "x"})) + "\n")
    with pytest.raises(DataError, match="name of a baseline"):
        judge_texts(read_foreign_texts(path)[0])


def test_a_name_that_occurs_twice_in_an_object_is_an_error(tmp_path):
    path = tmp_path / "texts.jsonl"
    path.write_text('{"history": ["A"], "item": "B", "texts": {"a": "one", "a": "two"}}\n')
    with pytest.raises(DataError, match="line 1: .*'a' occurs twice"):
        read_foreign_texts(path)


def test_infinite_times_are_missing(tmp_path):
    text = pl.Series("time", ["1600000000", "inf", "1e400", "1600000005"])
    times = time_columns.times_in(tmp_path / "log.csv", text, "", ReadingReport())
    assert times.to_list() == [1.6e9, None, None, 1.6e9 + 5]


def test_marks_that_reverse_a_line_are_no_part_of_a_title():
    assert clean_title("Halo \u202e3\u202c") == "Halo 3"


@pytest.mark.parametrize(
    "change",
    [
        "data.demo.seed=-1",
        "align.seed=-1",
        "data.demo.mean_length=inf",
        "data.demo.mean_length=9999",
        "data.demo.noise=nan",
        "data.demo.noise=-3",
        "data.demo.users=-5",
        "target.learning_rate=nan",
        "target.learning_rate=-1",
        "target.weight_decay=-1",
        "evaluate.judge.price_in=-1",
        "evaluate.judge.address=ftp://x",
        "evaluate.users=-1",
        "align.modes=behavior,behavior",
    ],
)
def test_impossible_settings_are_refused_by_name(change):
    key, _, value = change.partition("=")
    with pytest.raises(SettingsError, match=key.replace(".", r"\.")):
        resolve_settings(overrides={key: value})


def test_output_whose_encoding_has_no_tick_is_no_error(monkeypatch):
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding="cp1252"))
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    print("\u2713", flush=True)
    assert written.getvalue().rstrip().endswith(b"?")
