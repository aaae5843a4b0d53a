import gzip
import json

import polars as pl
import pytest

from recx.data import json_lines as lines
from recx.data.json_lines import line_chunks, read_json_lines, read_literal_lines
from recx.errors import DataError

SCHEMA = {"a": pl.String, "n": pl.Float64}


def write(path, raw):
    path.write_bytes(gzip.compress(raw) if path.suffix == ".gz" else raw)
    return path


@pytest.mark.parametrize("name", ["x.json", "x.json.gz"])
def test_pieces_of_any_size_hold_whole_lines(tmp_path, monkeypatch, rng, name):
    rows = [{"a": "x" * int(k), "n": float(k), "other": [1]} for k in rng.integers(0, 90, 300)]
    path = write(tmp_path / name, "\n".join(map(json.dumps, rows)).encode())
    for size in (1, 7, 64, 1000, 1 << 20):
        monkeypatch.setattr(lines, "CHUNK_BYTES", size)
        assert b"".join(line_chunks(path)) == b"\n".join(json.dumps(r).encode() for r in rows)
    monkeypatch.setattr(lines, "CHUNK_BYTES", 512)
    frame = read_json_lines(path, SCHEMA, codes=("a",))
    assert frame.rows() == [(r["a"], r["n"]) for r in rows]
    assert frame["a"].dtype == pl.Categorical


@pytest.mark.parametrize(
    "bad, words",
    [
        (b'{"a": "x", "n"', "not valid JSON"),
        (b"[1, 2]", "not a JSON object"),
        (b'{"a": "x", "n": "many"}', "does not have the expected type"),
        (b'{"a": "\xff"}', "not valid JSON"),
    ],
)
def test_a_bad_line_is_named(tmp_path, bad, words):
    path = write(tmp_path / "x.json", b'{"a": "x", "n": 1}\n\n' + bad + b"\n")
    with pytest.raises(DataError, match=f"x.json, line 3: .*{words}"):
        read_json_lines(path, SCHEMA)


def test_an_empty_file_is_an_empty_table(tmp_path):
    assert read_json_lines(write(tmp_path / "x.json", b""), SCHEMA, codes=("a",)).shape == (0, 2)
    assert list(read_literal_lines(write(tmp_path / "y.json", b"\n\n"))) == []


def test_literals_are_data_never_code(tmp_path):
    path = write(tmp_path / "x.json.gz", b"{'a': u'it\\'s', 'n': 1.5, 'b': True, 'l': ['x']}\n{\"a\": NaN}\n")
    (_, first), (number, second) = read_literal_lines(path)
    assert first == {"a": "it's", "n": 1.5, "b": True, "l": ["x"]}
    assert number == 2 and second["a"] != second["a"]
    harmful = write(tmp_path / "bad.json", b"{'a': __import__('os').getcwd()}\n")
    with pytest.raises(DataError, match=r"bad.json, line 1: .*literals"):
        list(read_literal_lines(harmful))


def test_a_cut_gzip_and_an_endless_line_are_errors(tmp_path, monkeypatch):
    whole = gzip.compress(b'{"a": "x"}\n' * 4000)
    (tmp_path / "cut.json.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match=r"cut.json.gz: cannot be read"):
        read_json_lines(tmp_path / "cut.json.gz", SCHEMA)
    monkeypatch.setattr(lines, "CHUNK_BYTES", 64)
    monkeypatch.setattr(lines, "MAX_LINE_BYTES", 128)
    with pytest.raises(DataError, match="a line is longer"):
        list(line_chunks(write(tmp_path / "long.json", b"x" * 500)))


def test_half_a_character_is_replaced(tmp_path):
    path = tmp_path / "a.json"
    path.write_text('{"title": "bad \\ud83d half"}\n{"title": "\\ud83d\\ude00"}\n')
    assert [r["title"] for _, r in read_literal_lines(path)] == ["bad ? half", "\N{GRINNING FACE}"]
