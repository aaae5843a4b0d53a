"""Explaining a file of pairs into another file: input formats, unreadable rows, and resuming after an interruption."""

import json
import shutil

import polars as pl
import pytest
from filelock import FileLock
from test_shipped import SETTINGS, here, run  # noqa: F401

from recx import cli
from recx.errors import CheckpointError, DataError, SettingsError
from recx.evaluation.methods import files_of
from recx.explaining.imported import ImportedExplainer
from recx.pipeline import pairs_file, shipped
from recx.pipeline.explained_pairs import PairExplainer
from recx.pipeline.pairs_file import explain_file, rows_of
from recx.storage import locks

PROVENANCE = {"run": "shipped/demo", "fingerprint": "f", "mode": "relation"}
CSV = """user,id,history,item,view
ann,1,Halo 3; Okami (Wii),Halo: Reach,
bob,2,"[""Halo 3"", ""Halo 4""]",Halo Reech,Give details.
cem,3,Okami,Halo: Reach,
dee,4,Halo 3,Warhammer 40,000,x
eve,5,,Halo: Reach,
fay,6,Halo 4,"Halo 5: Guardians",
"""


@pytest.fixture
def explainer(here):  # noqa: F811
    return PairExplainer(shipped.open_shipped(), "relation")


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "pairs.csv"
    path.write_text(CSV)
    return path


def records(path):
    return [json.loads(line) for line in path.read_text().split("\n")[:-1]]


def test_each_row_becomes_a_line_in_order(explainer, source, tmp_path):
    out = tmp_path / "new" / "texts.jsonl"
    assert explain_file(explainer, source, out, PROVENANCE) == (6, 3)
    ann, bob, cem, dee, eve, fay = records(out)
    assert (ann["user"], ann["id"], ann["history"]) == ("ann", "1", ["Halo 3", "Okami (Wii)"])
    assert (bob["view"], bob["read_as"]) == ("Give details.", {"Halo Reech": "Halo: Reach"})
    assert fay["item"] == "Halo 5: Guardians" and fay["text"] and fay["target_rank"] > 0
    assert cem["error"].startswith("'Okami' may mean") and (cem["user"], cem["history"]) == ("cem", "Okami")
    assert "6 fields, expected 5" in dee["error"] and "history is empty" in eve["error"]
    told = json.loads((out.parent / "texts.jsonl.provenance.json").read_text())
    assert told["mode"] == "relation" and told["input"]["name"] == "pairs.csv" and len(told["input"]["sha256"]) == 64


def test_every_form_of_input_gives_the_same(source, tmp_path):
    rows = list(rows_of(source))[:3]
    (tmp_path / "pairs.tsv").write_text(
        "user\tid\thistory\titem\tview\n" + "\n".join("\t".join(r.values()) for r in rows)
    )
    lines = "\n\n".join(map(json.dumps, rows))
    (tmp_path / "pairs.jsonl").write_text("\ufeff" + lines)
    pl.DataFrame(rows).write_parquet(tmp_path / "pairs.parquet")
    for form in ("tsv", "jsonl", "parquet"):
        assert list(rows_of(tmp_path / f"pairs.{form}")) == rows, form
    (tmp_path / "semicolons.csv").write_text('history;item\n"Halo 3; Okami (Wii)";Halo 4\n')
    assert list(rows_of(tmp_path / "semicolons.csv")) == [{"history": "Halo 3; Okami (Wii)", "item": "Halo 4"}]


def test_values_of_other_types_are_read_or_refused_by_row(explainer, tmp_path):
    path, out = tmp_path / "pairs.jsonl", tmp_path / "out.jsonl"
    lines = [
        {"history": ["Halo 3"], "item": "Halo 4", "user": 7},
        {"history": ["Halo 3"], "item": ["Halo 4"]},
        {"history": {"a": 1}, "item": "Halo 4"},
        {"history": ["Halo 3", None], "item": "Halo 4"},
        {"history": "[Halo 3", "item": "Halo 4", "view": 3},
        {"item": "Halo 4"},
    ]
    path.write_text("\n".join([*map(json.dumps, lines), "{", "[1]"]))
    assert explain_file(explainer, path, out, PROVENANCE).rows == 8
    written = records(out)
    assert written[0]["user"] == 7 and written[3]["history"] == ["Halo 3"]
    said = [r.get("error", "") for r in written]
    assert [bool(s) for s in said] == [False, True, True, False, True, True, True, True]
    assert "is not a title" in said[1] and "view is 3" in said[4] and "is not a JSON object" in said[6]


@pytest.mark.parametrize(
    "name, text, said",
    [
        ("a.csv", "history;title\nHalo 3;x\n", "no column 'item'; found history, title"),
        ("a.jsonl", '{"item": "x"}\n', "no column 'history'; found item"),
        ("a.csv", "", "no column 'history'; found none"),
        ("a.csv", "history,item\n", "contains no rows"),
        ("a.xlsx", "history,item\n", "expected a name ending in .csv"),
        ("a.parquet", "PAR1", "cannot be read as Parquet"),
    ],
)
def test_a_file_without_pairs_is_refused(tmp_path, name, text, said):
    (tmp_path / name).write_text(text)
    with pytest.raises(DataError, match=said):
        pairs_file.require_pairs(tmp_path / name)


def test_it_goes_on_after_a_stop_in_the_middle_of_a_line(explainer, source, tmp_path, monkeypatch):
    whole, out = tmp_path / "whole.jsonl", tmp_path / "texts.jsonl"
    explain_file(explainer, source, whole, PROVENANCE)
    shutil.copy(whole.with_name("whole.jsonl.provenance.json"), out.with_name("texts.jsonl.provenance.json"))
    lines = whole.read_bytes().splitlines(keepends=True)
    out.write_bytes(b"".join(lines[:4]) + lines[4][:20])
    monkeypatch.setattr(pairs_file, "BATCH", 1)
    asked, explain = [], explainer.explain
    monkeypatch.setattr(explainer, "explain", lambda pairs: asked.extend(pairs) or explain(pairs))
    assert explain_file(explainer, source, out, PROVENANCE) == (6, 3)
    assert out.read_bytes() == whole.read_bytes() and len(asked) == 1
    assert explain_file(explainer, source, out, PROVENANCE) == (6, 3) and len(asked) == 1


def test_a_batch_that_fails_loses_none_before_it(explainer, source, tmp_path, monkeypatch):
    out = tmp_path / "texts.jsonl"
    monkeypatch.setattr(pairs_file, "BATCH", 1)
    explain = explainer.explain

    def stopped(pairs):
        if pairs and pairs[0].read_as:
            raise KeyboardInterrupt
        return explain(pairs)

    monkeypatch.setattr(explainer, "explain", stopped)
    with pytest.raises(KeyboardInterrupt):
        explain_file(explainer, source, out, PROVENANCE)
    assert [r["user"] for r in records(out)] == ["ann"]


def test_another_input_or_setting_is_refused_until_told(explainer, source, tmp_path):
    out = tmp_path / "texts.jsonl"
    explain_file(explainer, source, out, PROVENANCE)
    before = out.read_bytes()
    with pytest.raises(SettingsError, match=r"other settings \(mode, view\), so"):
        explain_file(explainer, source, out, PROVENANCE | {"mode": "hybrid"}, view="x")
    moved = source.rename(tmp_path / "moved.csv")
    assert explain_file(explainer, moved, out, PROVENANCE) == (6, 3)
    moved.write_text("history,item\nHalo 3,Halo 4\n")
    with pytest.raises(SettingsError, match=r"written with other settings \(input"):
        explain_file(explainer, moved, out, PROVENANCE)
    assert out.read_bytes() == before
    assert explain_file(explainer, moved, out, PROVENANCE, overwrite=True) == (1, 0) and len(records(out)) == 1


def test_a_damaged_record_of_the_output_says_what_to_do(explainer, source, tmp_path):
    out = tmp_path / "texts.jsonl"
    explain_file(explainer, source, out, PROVENANCE)
    out.with_name("texts.jsonl.provenance.json").write_text("{")
    with pytest.raises(SettingsError, match="is damaged and does not say how texts.jsonl was made.*--overwrite"):
        explain_file(explainer, source, out, PROVENANCE)
    assert explain_file(explainer, source, out, PROVENANCE, overwrite=True) == (6, 3)


def test_nothing_of_others_is_written_over(explainer, source, tmp_path, monkeypatch):
    with pytest.raises(SettingsError, match="is the input"):
        explain_file(explainer, source, tmp_path / "." / "pairs.csv", PROVENANCE, overwrite=True)
    notes = tmp_path / "notes.jsonl"
    notes.write_text("mine\n")
    with pytest.raises(SettingsError, match="not written by this command"):
        explain_file(explainer, source, notes, PROVENANCE)
    assert notes.read_text() == "mine\n" and source.read_text() == CSV
    monkeypatch.setattr(locks, "PATIENCE", 0.1)
    with FileLock(tmp_path / ".out.jsonl.lock"), pytest.raises(CheckpointError, match="another process"):
        explain_file(explainer, source, tmp_path / "out.jsonl", PROVENANCE)
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="cannot be written"):
        explain_file(explainer, source, tmp_path / "file" / "out.jsonl", PROVENANCE)


def test_the_command_writes_what_imported_reads(here, source, tmp_path, monkeypatch, capsys):  # noqa: F811
    monkeypatch.setenv("RECX_RUNS_DIR", str(tmp_path / "runs"))
    out = tmp_path / "texts" / "explained.jsonl"
    cli.main(["explain", "--input", str(source), "--output", str(out)])
    said = capsys.readouterr().out
    assert said == (
        f"Explained by the run shipped/demo: 3 of 6 pairs, in {out}\n"
        "Rows that could not be read: 3. Their lines say why, in `error`.\n"
    )
    assert files_of(str(out.parent)) == [out]
    opened = shipped.open_shipped()
    read = ImportedExplainer(opened.data.catalogue, out, opened.target.length)
    (told,) = read.explain([["Halo 3", "Okami (Wii)"]], ["Halo: Reach"])
    assert told.text == records(out)[0]["text"] and told.decision == records(out)[0]["decision"]
