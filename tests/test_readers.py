import gzip
import subprocess
import sys
import time

import polars as pl
import pytest
from fuzz_readers import fuzz

from recx.data import parquet_files
from recx.data.catalogue import build_catalogue
from recx.data.column_roles import item_roles
from recx.data.csv_tables import read_table
from recx.data.dataset import Filtering, build_dataset
from recx.data.movielens import ratings_table
from recx.data.own_tables import items_of, own_tables, read_own_table
from recx.data.platforms import platform_of
from recx.data.reading_report import ReadingReport
from recx.data.recbole_atomic import interactions_from, read_atomic
from recx.data.registry import find_source, input_files, load_dataset
from recx.data.statistics import statistics
from recx.errors import DataError, SettingsError
from recx.profiles.resolve import resolve_settings
from recx.settings import Columns
from recx.settings import DataSettings as D


def write(path, text):
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


def log_of(path, columns=None):
    return own_tables(path, None, columns or Columns()).interactions


def listed(path, columns=None):
    columns, report = columns or Columns(), ReadingReport()
    frame = read_own_table(path, columns, report)
    return items_of(
        path,
        frame,
        *item_roles(path, frame, columns, report, "item_id", frame.to_series()),
        columns.value_separator,
        report,
    )


def test_row_form(tmp_path):
    path = write(tmp_path / "x.inter.gz", 'user_id:token\titem_id:token\ttimestamp:float\nu\t"a\t2\nu\tb\t1\n')
    frame = interactions_from(read_atomic(path), path, ReadingReport())
    assert frame.rows() == [("u", '"a', 2.0), ("u", "b", 1.0)]


def test_list_form_keeps_the_order(tmp_path):
    path = write(tmp_path / "x.inter", "user_id:token\titem_id_list:token_seq\titem_id:token\nu\tc a\tb\nv\ta\tc\n")
    frame = interactions_from(read_atomic(path), path, ReadingReport())
    assert frame["item_id"].to_list() == ["c", "a", "b", "a", "c"]
    assert frame["timestamp"].to_list() == [0, 1, 2, 0, 1]


def test_a_fuzzer_finds_nothing(capfd):
    """A small sample of the inputs of `tests/fuzz_readers.py`: no crash, no hang, and no silently lost row."""
    assert fuzz(4_000, seed=int(time.time())) == []


def parquet_file(path, **how):
    rows = {"user_id": ["u", "v"], "item_id": ["a", "b"], "timestamp": [1.0, 2.0], "tags": [["x", "y"], []]}
    pl.DataFrame(rows).write_parquet(path, **how)
    return path


@pytest.mark.parametrize("compression", ["zstd", "snappy", "gzip", "lz4", "brotli", "uncompressed"])
def test_a_sound_parquet_file_starts_no_process(tmp_path, monkeypatch, compression):
    path = parquet_file(tmp_path / "x.parquet", compression=compression, row_group_size=1)
    monkeypatch.setattr("subprocess.Popen.__init__", lambda *_, **__: pytest.fail("a process was started"))
    assert log_of(path).rows() == [("u", "a", 1.0), ("v", "b", 2.0)]


def test_bytes_of_a_parquet_file_are_read_as_text(tmp_path):
    path = tmp_path / "log.parquet"
    pl.DataFrame({"user": [b"ann", b"bob"], "when": [b"1200000000", None], "n": [1, 2]}).write_parquet(path)
    assert parquet_files.read_parquet(path).rows() == [("ann", "1200000000", 1), ("bob", None, 2)]
    pl.DataFrame({"user": ["ann"], "art": [b"\xff\xfe"]}).write_parquet(path)
    with pytest.raises(DataError, match="column 'art' holds bytes that are not UTF-8 text"):
        parquet_files.read_parquet(path)


def test_a_parquet_file_that_would_end_the_process_is_an_error(tmp_path):
    """Two values of a page become -20; polars would then allocate two exabytes and abort."""
    path = tmp_path / "x.parquet"
    pl.DataFrame({"user_id": ["u", "v"], "item_id": ["a", "b"], "timestamp": [1.0, 2.0]}).write_parquet(path)
    raw = bytearray(path.read_bytes())
    raw[raw.rindex(b",\x15\x04\x15\x00") + 2] = 39
    path.write_bytes(raw)
    alone = [sys.executable, "-c", "import sys, polars; polars.read_parquet(sys.argv[1])", path]
    assert subprocess.run(alone, capture_output=True).returncode < 0
    with pytest.raises(DataError, match="cannot be read as Parquet.*memory allocation"):
        log_of(path)


@pytest.mark.parametrize("kind", [5, 6, 7, 8, 9, 12])
def test_a_stated_length_beyond_the_file_is_unsound_at_once(tmp_path, kind):
    """A list of 2^60 values in a file of thirty bytes is detected by its length, not by exhausting the memory."""
    varint = bytes([0x80] * 8 + [0x10])
    footer = bytes([0x19, 0xF0 | kind]) + varint + bytes(8)
    path = tmp_path / "x.parquet"
    path.write_bytes(b"PAR1" + footer + len(footer).to_bytes(4, "little") + b"PAR1")
    started = time.monotonic()
    assert not parquet_files.is_sound(path)
    assert time.monotonic() - started < 2


@pytest.mark.parametrize("kept", [0, 3, 60, -1])
def test_a_cut_parquet_file_is_an_error(tmp_path, kept):
    path = parquet_file(tmp_path / "x.parquet")
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(DataError, match="cannot be read as Parquet"):
        log_of(path)


def test_a_parquet_file_that_unpacks_to_much_is_read_in_a_child(tmp_path, monkeypatch):
    path = parquet_file(tmp_path / "x.parquet")
    monkeypatch.setattr(parquet_files, "_ALLOWED", 0)
    monkeypatch.setattr(parquet_files, "_RATIO", 0)
    assert not parquet_files.is_sound(path)
    assert log_of(path).rows() == [("u", "a", 1.0), ("v", "b", 2.0)]


def test_a_blank_line_of_a_csv_is_no_row(tmp_path):
    path = write(tmp_path / "x.csv", "user_id,item_id,timestamp\nu,a,1\n\nv,,2\n\n")
    assert log_of(path).rows() == [("u", "a", 1.0), ("v", None, 2.0)]


@pytest.mark.parametrize("before", ["\n", "  \n", "\t\r\n \n", " \r"])
def test_blank_lines_above_the_header_are_no_row(tmp_path, before):
    text = before + "user_id,item_id,timestamp\nu,a,1\nv,b,2\n"
    path = write(tmp_path / "x.csv", text if "\n" in before else text.replace("\n", "\r"))
    assert log_of(path).rows() == [("u", "a", 1.0), ("v", "b", 2.0)]


def test_times_called_tokens_are_numbers_all_the_same(tmp_path):
    """As text, nine digits sort after ten, which would reverse sequences around September 2001."""
    path = write(
        tmp_path / "x.inter", "user_id:token\titem_id:token\ttimestamp:token\nu\tb\t1000000000\nu\ta\t999999999\n"
    )
    frame = interactions_from(read_atomic(path), path, ReadingReport())
    assert frame.sort("timestamp")["item_id"].to_list() == ["a", "b"]
    for kind, words in (
        ("token)\nu\ta\tsoon", "'soon', expected a number"),
        ("token_seq)\nu\ta\t1 2", "is a sequence"),
    ):
        path = write(tmp_path / "y.inter", f"user_id:token\titem_id:token\ttimestamp:{kind}\n".replace(")", ""))
        with pytest.raises(DataError, match=words):
            interactions_from(read_atomic(path), path, ReadingReport())


def test_a_further_column_of_a_taken_name_is_called_otherwise(tmp_path):
    """A record label is not a label in the kit's sense, and a second column of titles is an attribute."""
    text = "item_id,title,label,item\n1,Night Road,Warp,x\n2,Day Road,Domino,y\n"
    path = write(tmp_path / "items.csv", text)
    report = ReadingReport()
    frame = read_own_table(path, Columns(), report)
    catalogue = build_catalogue(["1", "2"], ["a", "b"], {"label": [["Warp"], ["Domino"]]})
    items = items_of(path, frame, "item_id", "title", "|", report)
    assert items.columns == ["item_id", "title", "given label", "given item"]
    assert "column 'label' is renamed to 'given label'" in str(report)
    assert catalogue.frame()["label"].to_list() == ["a", "b"] and list(catalogue.attributes) == ["given label"]
    path = write(tmp_path / "named.csv", "item_id,name,title\n1,Ada,Dr\n")
    assert listed(path, Columns(title="name")).rows() == [("1", "Ada", ["Dr"])]
    path = write(tmp_path / "more.csv", "item_id,asin,title,given item_id\n1,B00,Ada,z\n")
    assert listed(path, Columns(item="asin")).columns == ["item_id", "title", "given item_id", "given item_id too"]


@pytest.mark.parametrize(
    "text, words",
    [
        ("user_id:token\titem_id:token\nu\ta\nu\n", ["line 3", "1 fields; expected 2"]),
        ("user_id:token\titem_id:token\nu\ta\tb\n", ["line 2", "3 fields; expected 2"]),
        ("user_id\titem_id:token\nu\ta\n", ["line 1", "name:type"]),
        ("user_id:token\titem_id:text\nu\ta\n", ["line 1", "token_seq"]),
        ("user_id:token\trating:float\nu\tbad\n", ["line 2", "'bad'", "number"]),
        ("user_id:token\tuser_id:token\nu\ta\n", ["line 1", "twice"]),
    ],
)
def test_malformed_atomic_files_name_the_line(tmp_path, text, words):
    path = write(tmp_path / "x.inter", text)
    with pytest.raises(DataError) as error:
        read_atomic(path)
    assert all(w in str(error.value) for w in [*words, "x.inter"])


def test_unknown_columns_name_those_found(tmp_path):
    path = write(tmp_path / "x.inter", "who:token\titem_id:token\nu\ta\n")
    with pytest.raises(DataError, match="no column 'user_id'; found who, item_id"):
        interactions_from(read_atomic(path), path, ReadingReport())
    table = write(tmp_path / "i.csv", "who,item_id\nu,a\n")
    with pytest.raises(DataError, match="no column 'whom', set as data.columns.user; found who, item_id.*'who'"):
        log_of(table, Columns(user="whom"))
    assert log_of(table).rows() == log_of(table, Columns(user="who")).rows() == [("u", "a")]


def test_damaged_gzip_is_an_error(tmp_path):
    path = tmp_path / "x.inter.gz"
    path.write_bytes(gzip.compress(b"user_id:token\titem_id:token\nu\ta\n")[:-9])
    with pytest.raises(DataError, match="cannot be read"):
        read_atomic(path)


def test_csv_items_split_attributes(tmp_path):
    path = write(tmp_path / "items.csv", "item_id,title,genre\na,One,x|y\nb,Two,\n")
    assert listed(path)["genre"].to_list() == [["x", "y"], []]


def test_csv_with_too_many_fields_names_the_line(tmp_path):
    path = write(tmp_path / "items.csv", "item_id,title\na,One\nb,Two,3\n")
    with pytest.raises(DataError, match="line 3"):
        listed(path)


def test_a_csv_row_with_nothing_but_an_unknown_column_is_a_row_still(tmp_path):
    """It is dropped and counted like other rows without ids."""
    path = write(tmp_path / "ratings.csv", "userId,movieId,rating,timestamp,why\n1,2,3,4,x\n\n,,,,x\n")
    assert ratings_table(path, ReadingReport()).rows() == [("1", "2", 4.0, 3.0), (None, None, None, None)]


def test_csv_that_makes_the_parser_panic_is_an_error(tmp_path):
    path = write(tmp_path / "ratings.csv", 'userId,movieId\n1,2\n"')
    with pytest.raises(DataError, match="ratings.csv: cannot be read"):
        read_table(path, ["userId"], {"userId": pl.Int64, "movieId": pl.Int64})


def own_files(folder, users=6, items=5):
    rows = [f"u{u},{i},{t}" for u in range(users) for t, i in enumerate(range(items))]
    write(folder / "interactions.csv", "user_id,item_id,timestamp\n" + "\n".join(rows) + "\n")
    write(folder / "items.csv", "item_id,title,genre\n" + "\n".join(f"{i},Title {i},g" for i in range(items)) + "\n")


def test_an_empty_last_field_is_no_malformed_line(tmp_path):
    path = tmp_path / "x.item"
    path.write_text("item_id:token\ttitle:token_seq\tgenre:token_seq\n7\tPong\t\n8\tTetris\tPuzzle\n")
    assert read_atomic(path)["genre"].to_list() == [[""], ["Puzzle"]]


def test_damaged_inside_gzip_is_an_error(tmp_path):
    raw = bytearray(gzip.compress(b"user_id:token\titem_id:token\n" + b"1\t2\n" * 500))
    raw[14] ^= 0xFF
    (tmp_path / "x.inter.gz").write_bytes(raw)
    with pytest.raises(DataError, match="x.inter.gz"):
        read_atomic(tmp_path / "x.inter.gz")


def test_an_own_folder_called_demo_is_not_the_demo(tmp_path):
    own = tmp_path / "demo"
    own.mkdir()
    (own / "a.inter").write_text("user_id:token\titem_id:token\n1\t2\n")
    (own / "a.item").write_text("item_id:token\ttitle:token_seq\n2\tPong\n")
    theirs, ours = resolve_settings(dataset=str(own)), resolve_settings()
    assert input_files(theirs.data) == [own / "a.inter", own / "a.item"]
    assert theirs.dataset.startswith("demo-") and theirs.dataset != ours.dataset == "demo"


def test_unchanged_files_are_read_once(tmp_path):
    own_files(tmp_path)
    first = load_dataset(D(name=str(tmp_path)))
    assert load_dataset(D(name=str(tmp_path))) is first
    assert load_dataset(D(name=str(tmp_path), min_user=4)) is not first
    own_files(tmp_path, users=7)
    assert len(load_dataset(D(name=str(tmp_path))).user_ids) == 7


def test_own_files_by_folder(tmp_path):
    own_files(tmp_path)
    data = load_dataset(D(name=str(tmp_path)))
    assert (len(data.user_ids), len(data.catalogue)) == (6, 5)
    assert data.catalogue.facts(1) == {"genre": ("g",)}


def test_unknown_data_set_lists_the_known():
    with pytest.raises(SettingsError, match="demo, ml-100k, ml-1m, .*games, movies, steam"):
        find_source("nonesuch")


def test_folder_without_data_says_what_is_accepted(tmp_path):
    with pytest.raises(DataError, match="named interactions beside a file named items.*found nothing"):
        find_source(str(tmp_path))


def test_missing_data_folder_is_explained(monkeypatch):
    monkeypatch.delenv("RECX_DATA_DIR", raising=False)
    with pytest.raises(DataError, match="--data-dir"):
        load_dataset(resolve_settings(dataset="games").data)


def frames(pairs, titles):
    interactions = pl.DataFrame(pairs, orient="row", schema=["user_id", "item_id", "timestamp"])
    return interactions, pl.DataFrame({"item_id": list(titles), "title": list(titles.values())})


def test_untitled_repeated_and_undated_are_counted():
    pairs = [(u, i, float(t)) for u in "pqrst" for t, i in enumerate("abcde")]
    pairs += [("p", "a", 9.0), ("p", "zz", 3.0), ("q", "f", None)]
    titles = dict.fromkeys("abcde", "T") | {"f": ""}
    interactions, items = frames(pairs, titles)
    data = build_dataset("x", interactions, items, Filtering())
    report = str(data.report)
    assert "1  items without a title" in report
    assert "2  interactions dropped because their item has no title" in report
    assert "1  repeated user-item pairs" in report
    assert data.sequences[0].tolist() == [1, 2, 3, 4, 5]


def test_undated_come_last_in_file_order():
    pairs = [(u, i, t) for u in "pqrst" for i, t in zip("abcde", [None, 5.0, 1.0, None, 2.0], strict=True)]
    interactions, items = frames(pairs, {c: c.upper() for c in "abcde"})
    data = build_dataset("x", interactions, items, Filtering())
    assert [data.catalogue.item_ids[i] for i in data.sequences[0]] == ["c", "e", "b", "a", "d"]
    assert "10  undated" in str(data.report)


def test_nothing_left_is_an_error_with_the_counts():
    interactions, items = frames([("p", "a", 1.0)], {"a": "A"})
    with pytest.raises(DataError, match="nothing is left(.|\n)*interactions read"):
        build_dataset("x", interactions, items, Filtering())


def test_no_titles_at_all_is_an_error():
    interactions, items = frames([("p", "a", 1.0)], {"a": ""})
    with pytest.raises(DataError, match="No item in the catalogue has a title"):
        build_dataset("x", interactions, items, Filtering())


def test_platform_from_amazon_titles():
    assert platform_of("NFL Street - PlayStation 2") == ["PlayStation 2"]
    assert platform_of("Medal of Honor: Warfighter - PS3") == ["PlayStation 3"]
    assert platform_of("Watch Dogs xbox one") == ["Xbox One"]
    assert platform_of("Charging Station for PS4 [Playstation 4]") == ["PlayStation 4"]
    assert platform_of("World of Warcraft - PC/Mac - (Obsolete)") == ["PC"]
    assert platform_of("Sonic Lost World WiiU") == ["Wii U"]
    assert platform_of("AV Cable for Playstation 3 and Wii") == []
    assert platform_of("Epic Mickey: PCs and Macaroni") == []
    assert platform_of("PlayStation VR Launch Bundle") == platform_of("Xbox LIVE 12 Month Gold Membership Card") == []
    assert platform_of("PlayStation Portable Core (PSP 1000)") == ["PSP"]
    assert platform_of("Diablo") == []


def test_games_at_the_size_of_the_paper(real_data):
    data = load_dataset(resolve_settings(dataset="games", data_dir=str(real_data)).data)
    numbers = statistics(data)
    assert (numbers["users"], numbers["items"], numbers["interactions"]) == (3930, 1947, 31420)
    assert len(set(data.catalogue.labels)) == 1948
    assert not any("&amp;" in t for t in data.catalogue.titles)


def test_ml_100k(real_data):
    numbers = statistics(load_dataset(resolve_settings(dataset="ml-100k", data_dir=str(real_data)).data))
    assert (numbers["users"], numbers["items"], numbers["interactions"]) == (943, 1349, 99287)
