"""Files as people have them: every form gives the same interactions, and the report states what was decided."""

import gzip
import io
import random
import time
import zipfile
from datetime import date, timedelta
from datetime import time as time_of_day
from decimal import Decimal

import polars as pl
import pytest

from recx.data.own_tables import own_tables
from recx.data.registry import load_dataset
from recx.errors import DataError, RecxError, SettingsError
from recx.settings import Columns, DataSettings

# Three of the names are what careless readers take for nothing.
ARTISTS = ["Velvet Foxes", "Sigur Rós", "Simon, Garf & Unkel", "AC//DC; Live", '"Odd" Al Yankel', "NULL", "nan", "1975"]
START = 1_230_000_000


def plays():
    """(user, artist, seconds): ten people with six choices each, the newest first."""
    chance = random.Random(0)
    rows = [
        (f"user_{u:03d}", artist, START + 86_400 * (30 * u + 3 * n) + 3_723)
        for u in range(10)
        for n, artist in enumerate(chance.sample(ARTISTS, 6))
    ]
    return sorted(rows, key=lambda row: (row[0], -row[2]))


def clock(form):
    return lambda seconds: time.strftime(form, time.gmtime(seconds))


def quoted(value, separator):
    return '"' + value.replace('"', '""') + '"' if separator in value or '"' in value else value


def text(separator, when, head="user,artist,time", end="\n", index=False, quotes=True):
    rows = [(u, a, str(when(t))) for u, a, t in plays()]
    rows = [[quoted(v, separator) if quotes else v for v in row] for row in rows]
    rows = [[str(n), *row] for n, row in enumerate(rows)] if index else rows
    top = [separator.join(([""] if index else []) + head.split(","))] if head else []
    return "".join(line + end for line in [*top, *(separator.join(row) for row in rows)])


def zipped(content):
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w") as archive:
        archive.writestr("folder/log.csv", content)
        archive.writestr("__MACOSX/log.csv", b"x")
    return raw.getvalue()


def parquet(frame):
    raw = io.BytesIO()
    frame.write_parquet(raw)
    return raw.getvalue()


FRAME = pl.DataFrame(plays(), schema=["user", "artist", "time"], orient="row")
ISO = "%Y-%m-%dT%H:%M:%SZ"
# name -> file, its content, the smallest unit of its times in seconds, and what is said of it
FORMS = {
    "the kit's own names": ("a.csv", text(",", int, "user_id,item_id,timestamp"), 1, "by commas, a header"),
    "tabs, no header, ISO dates": ("a.tsv", text("\t", clock(ISO), "", quotes=False), 1, "no header"),
    "semicolons, BOM, CRLF, words": ("a.csv", "\ufeff" + text(";", clock("%d %b %Y, %H:%M"), end="\r\n"), 60, "semi"),
    "pandas: index, float milliseconds": ("a.csv", text(",", lambda t: f"{t}000.0", index=True), 1, "row numbers"),
    "milliseconds": ("a.csv", text(",", lambda t: t * 1000), 1, "milliseconds since 1970"),
    "microseconds": ("a.csv", text(",", lambda t: t * 10**6), 1, "microseconds since 1970"),
    "pipes": ("a.txt", text("|", int), 1, "pipes"),
    "old Mac": ("a.csv", text(",", int, end="\r"), 1, "commas"),
    "UTF-16": ("a.csv", text(",", int).encode("utf-16"), 1, "to be utf-16"),
    "UTF-16 without a mark": ("a.csv", text(",", int).encode("utf-16-le"), 1, "utf-16-le"),
    "Latin-1": ("a.csv", text(";", int).encode("latin-1"), 1, "cp1252"),
    "days alone": ("a.csv", text(",", clock("%Y-%m-%d")), 86_400, "%Y-%m-%d, in UTC"),
    "ISO, zone named": ("a.csv", text(",", clock("%Y-%m-%d %H:%M:%S+00:00")), 1, "%#z"),
    "ISO, fractions": ("a.csv", text(",", clock("%Y-%m-%dT%H:%M:%S.250000")), 1, "%.f"),
    "German dates": ("a.csv", text(";", clock("%d.%m.%Y %H:%M")), 60, "%d.%m.%Y"),
    "American dates": ("a.csv", text(",", clock("%m/%d/%Y %I:%M %p")), 60, "%m/%d/%Y"),
    "letters": ("a.csv", text(",", clock("%a, %d %b %Y %H:%M:%S GMT")), 1, "%d %B %Y"),
    "Twitter": ("a.csv", text(",", clock("%a %b %d %H:%M:%S +0000 %Y")), 1, "%B %d %H:%M:%S %#z %Y"),
    "gz": ("a.csv.gz", gzip.compress(text(",", int).encode()), 1, "commas"),
    "zip": ("a.zip", zipped(text(",", int).encode()), 1, "commas"),
    "columns in other places": ("a.csv", text(",", int, "listener,Track Name,playedAt"), 1, "user is 'listener'"),
    "Parquet, dates": ("a.parquet", parquet(FRAME.with_columns(pl.from_epoch("time"))), 1, "item is 'artist'"),
    "Parquet, numbers": ("a.parquet", parquet(FRAME), 1, "seconds since 1970"),
}  # fmt: skip


def write(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_read_to_the_same_interactions(tmp_path, form):
    name, content, unit, said = FORMS[form]
    tables = own_tables(write(tmp_path / name, content), None, Columns())
    read = [(u, a, t // unit) for u, a, t in tables.interactions.select("user_id", "item_id", "timestamp").rows()]
    assert read == [(u, a, t // unit) for u, a, t in plays()]
    assert tables.items.sort("item_id").rows() == [(a, a) for a in sorted(ARTISTS)]
    assert said in str(tables.report) and not tables.report.warnings


def test_spaces_between_columns(tmp_path):
    path = write(tmp_path / "a.dat", "u1   12 1230000000\nu1 7   1230000001\n u2 12 1230000002\n")
    tables = own_tables(path, None, Columns(user="1", item="2"))
    assert tables.interactions.rows() == [("u1", "12", 1.23e9), ("u1", "7", 1.23e9 + 1), ("u2", "12", 1.23e9 + 2)]
    assert "columns separated by spaces, no header" in str(tables.report)
    assert "numbers without names" in tables.report.warnings[0]


DAY = 86_400.0
NEITHER = "user,item,when\nu,a,03/04/2009\nu,b,05/04/2009\n"


@pytest.mark.parametrize(
    "content, setting, told, rows",
    [
        (NEITHER, "date_format", {"date_format": "%d/%m/%Y"}, [("u", "a", 14337 * DAY), ("u", "b", 14339 * DAY)]),
        (NEITHER, "date_format", {"date_format": "%m/%d/%Y"}, [("u", "a", 14307 * DAY), ("u", "b", 14368 * DAY)]),
        ("u,a,1230000000\n", "user", {"user": "2", "item": "1"}, [("a", "u", 1.23e9)]),
        ("user,artist,track\nu,a,x\n", "item", {"item": "track"}, [("u", "x")]),
        ("user,item,in,out\nu,a,2009-01-01,2009-01-02\n", "timestamp", {"timestamp": "out"}, [("u", "a", 14246 * DAY)]),
        ("user;a,b\nu;1,2\n", "separator", {"separator": "comma", "user": "user;a", "item": "b"}, [("u;1", "2")]),
        ("ada,portal\nben,okami\n", "header", {"header": "no", "user": "1", "item": "2"},
         [("ada", "portal"), ("ben", "okami")]),
        ("ada,portal\nben,okami\n", "header", {"header": "yes", "user": "ada", "item": "portal"}, [("ben", "okami")]),
        ('user\titem\nu\t"a b"\nu\t"c" d\n', "quote", {"quote": "none"}, [("u", '"a b"'), ("u", '"c" d')]),
        ("user,item,time\nu,a,1230000000\nu,b,1230000000000\n", "date_format", {"date_format": "number"},
         [("u", "a", 1.23e9), ("u", "b", 1.23e12)]),
        ("user,item\nu,Луна\n".encode("cp1251"), "encoding", {"encoding": "cp1251"}, [("u", "Луна")]),
        ("user,item\nu,é\n".encode() + b"u,\xe9\n", "encoding", {"encoding": "latin-1"}, [("u", "Ã©"), ("u", "é")]),
    ],
)  # fmt: skip
def test_two_readings_ask_for_the_setting_and_take_it(tmp_path, content, setting, told, rows):
    path = write(tmp_path / "a.csv", content)
    with pytest.raises(DataError, match=f"a.csv.*data.columns.{setting}="):
        own_tables(path, None, Columns())
    assert own_tables(path, None, Columns(**told)).interactions.rows() == rows


def test_a_later_row_decides_between_two_forms_of_dates(tmp_path):
    path = write(tmp_path / "a.csv", NEITHER + "u,c,25/04/2009\n")
    tables = own_tables(path, None, Columns())
    assert tables.interactions["timestamp"][0] == 14337 * DAY and "%d/%m/%Y" in str(tables.report)


@pytest.mark.parametrize(
    "told, words",
    [
        ({"timestamp": "whem"}, "no column 'whem', set as data.columns.timestamp; found user, item, when.*'when'"),
        ({"rating": "stars"}, "no column 'stars', set as data.columns.rating"),
        ({"title": "name"}, "no column 'name', set as data.columns.title"),
        ({"separator": "::"}, "data.columns.separator is '::'"),
        ({"separator": ";", "header": "yes"}, "found user,item,when.*data.columns.separator="),
        ({"encoding": "nonesuch"}, "data.columns.encoding="),
        ({"date_format": "%Q"}, "expected a date in the format '%Q'"),
        ({"date_format": "%Y"}, "row 1: when is '03/04/2009', expected a date in the format '%Y'"),
        ({"date_format": "seconds"}, "row 1: when is '03/04/2009', expected a number"),
        ({"quote": "''"}, "data.columns.quote is"),
    ],
)
def test_a_setting_that_does_not_fit_is_an_error(tmp_path, told, words):
    with pytest.raises(DataError, match=words):
        own_tables(write(tmp_path / "a.csv", NEITHER), None, Columns(**told))


def test_a_header_is_there_or_not():
    with pytest.raises(SettingsError, match="data.columns.header"):
        Columns(header="perhaps")


def test_a_time_that_is_none_names_its_row(tmp_path):
    path = write(tmp_path / "a.csv", "user,item,when\nu,a,2009-03-17\nu,b,\nu,c,soon\n")
    with pytest.raises(DataError, match="row 3: when is 'soon', expected a date in the format '%Y-%m-%d'"):
        own_tables(path, None, Columns())


def test_a_log_without_times_says_so(tmp_path):
    tables = own_tables(write(tmp_path / "a.csv", "user,artist\nu,Velvet Foxes\nu,Iron Choir\n"), None, Columns())
    assert "no time column, so the order of its rows is used" in tables.report.warnings[0]
    assert tables.interactions.columns == ["user_id", "item_id"]


def test_ids_with_and_without_a_fraction_are_the_same(tmp_path):
    """pandas writes a column of ids with a gap as 12.0; a column that has other fractions stays as it is."""
    log = write(tmp_path / "log.csv", "user_id,item_id,timestamp\n1.0,12.0,1\n,7.0,2\n2.0,12.0,3\n")
    items = write(tmp_path / "items.csv", "item_id,title\n12,Portal\n7,Okami\n")
    tables = own_tables(log, items, Columns())
    assert tables.interactions["item_id"].to_list() == ["12", "7", "12"]
    assert tables.interactions["user_id"].to_list() == ["1", None, "2"]
    assert "ids of 'item_id' such as '12.0' are read as whole numbers" in str(tables.report)
    other = write(tmp_path / "b.csv", "user_id,item_id,timestamp\nu,1.0,1\nu,1.5,2\n")
    assert own_tables(other, None, Columns()).interactions["item_id"].to_list() == ["1.0", "1.5"]


@pytest.mark.parametrize("missing", ["nan", "NaN", "None", "NULL", "<NA>", "\\N"])
def test_among_numbers_a_missing_id_may_be_a_word(tmp_path, missing):
    rows = f"1.0,7,1\n{missing},7,2\n1.0,{missing},3\n"
    log = write(tmp_path / "log.csv", f"user_id,item_id,timestamp\n{rows}")
    tables = own_tables(log, None, Columns())
    assert tables.interactions["user_id"].to_list() == ["1", None, "1"]
    assert tables.interactions["item_id"].to_list() == ["7", "7", None]
    assert f"log.csv: {missing!r} in 'user_id' is read as a missing id." in tables.report.decisions
    write(log, f"user_id,item_id,timestamp\n{rows.replace('7', 'Iron Choir')}")  # among names it may be one
    assert own_tables(log, None, Columns()).interactions["item_id"].to_list() == ["Iron Choir", "Iron Choir", missing]


UNNAMED = {
    "row numbers that are the ids": (",name,genre", "{n},Film {n},{g}", "the first column, which has no name"),
    "other numbers that are the ids": (",name,genre", "{m},Film {n},{g}", "the first column, which has no name"),
    "row numbers beside equal ids": (",code,name,genre", "{n},{n},Film {n},{g}", "'code'"),
    "row numbers beside other ids": (",code,name,genre", "{n},{m},Film {n},{g}", "'code'"),
    "row numbers beside named ids": ("index,item,name,genre", "{n},{m},Film {n},{g}", "'item'"),
    "row numbers beside titles that are the ids": (",name,genre", "{n},Film {n},{g}", "'name'"),
}


@pytest.mark.parametrize("case", UNNAMED)
def test_a_first_column_without_a_name_is_the_id_if_it_holds_those_of_the_log(tmp_path, case):
    header, line, said = UNNAMED[case]
    rows = [{"n": n, "m": 100 + 7 * n, "g": "ab"[n % 2]} for n in range(8)]
    chosen = "Film {n}" if "titles" in case else "{m}" if "{m}" in line else "{n}"
    bought = "".join(f"ann,{chosen.format(**row)},{1_230_000_000 + row['n']}\n" for row in rows)
    log = write(tmp_path / "log.csv", f"user_id,item,time\n{bought}")
    items = write(tmp_path / "items.csv", "\n".join([header, *(line.format(**row) for row in rows)]) + "\n")
    tables = own_tables(log, items, Columns())
    assert tables.items.columns == ["item_id", "title", "genre"]
    assert tables.items.rows() == [(chosen.format(**row), f"Film {row['n']}", [row["g"]]) for row in rows]
    assert f"items.csv: item is {said}, title is 'name'." in tables.report.decisions


def test_two_files_of_different_forms(tmp_path):
    log = write(tmp_path / "log.tsv", "1\t7\t1230000000\n2\t7\t1240000000\n")
    items = write(tmp_path / "items.csv", "id;name;genre\n7;Portal;Puzzle|Shooter\n8;Okami;\n")
    tables = own_tables(log, items, Columns(user="1", item="2"))
    assert tables.items.rows() == [("7", "Portal", ["Puzzle", "Shooter"]), ("8", "Okami", [])]


def test_a_list_of_names_beside_the_log(tmp_path):
    log = write(tmp_path / "log.csv", "user,artist,time\nu,Halo 3,1230000000\n")
    items = write(tmp_path / "items.csv", "artist\nHalo 3\nSimon, Garf & Unkel\n")
    titles = ["Halo 3", "Simon, Garf & Unkel"]
    assert own_tables(log, items, Columns()).items.rows() == list(zip(titles, titles, strict=True))


@pytest.mark.parametrize("columns", [Columns(), Columns(item="nr")])
def test_the_id_column_of_the_items_is_the_one_that_holds_the_ids_of_the_log(tmp_path, columns):
    rows = "".join(f"ann,{n},{1_230_000_000 + n}\n" for n in range(7, 27))
    log = write(tmp_path / "log.csv", f"user_id,{columns.item or 'item'},time\n{rows}")
    listed = "".join(f"{n % 3},{n}.0,Track {n},{n % 4}\n" for n in range(40))
    items = write(tmp_path / "items.csv", f"shelf,number,name,disc\n{listed}")
    tables = own_tables(log, items, columns)
    assert tables.items["item_id"].to_list() == [str(n) for n in range(40)]
    assert "items.csv: item is 'number', title is 'name'." in tables.report.decisions
    write(tmp_path / "items.csv", f"shelf,number,name,disc\n{listed.replace('.0,', 'x,')}")
    with pytest.raises(DataError, match="item column may be .*--set data.columns.item=COLUMN"):
        own_tables(log, items, columns)


def test_columns_that_are_not_used_are_named(tmp_path):
    log = write(tmp_path / "log.csv", "user_id,item_id,timestamp,channel\nann,1,5,web\n")
    items = write(tmp_path / "items.csv", "item_id,title\n1,Portal\n")
    for beside in (items, None):
        assert "log.csv: columns not used: 'channel'." in own_tables(log, beside, Columns()).report.decisions


def test_titles_in_the_log_itself(tmp_path):
    log = write(tmp_path / "log.csv", "user,artist_id,artist_name,country,time\nu,7,Velvet Foxes,IS,1230000000\n")
    tables = own_tables(log, None, Columns())
    assert tables.items.rows() == [("7", "Velvet Foxes")]
    assert "not used: 'country'" in str(tables.report)


ODD = {
    "records": [{"a": n, "b": "x"} for n in range(60)],
    "lists": [[1, 2]] * 60,
    "arrays": pl.Series([[1, 2]] * 60, dtype=pl.Array(pl.Int64, 2)),
    "lists of bytes": [[b"a", b"b"]] * 60,
    "bytes": [str(n % 6).encode() for n in range(60)],
    "categories": pl.Series([str(n % 6) for n in range(60)], dtype=pl.Enum(list("012345"))),
    "durations": [timedelta(seconds=n % 6) for n in range(60)],
    "decimals": [Decimal(n % 6) for n in range(60)],
    "times of day": [time_of_day(1, 2, n % 6) for n in range(60)],
    "dates": [date(2020, 1, 1 + n % 6) for n in range(60)],
    "nothing": [None] * 60,
}
IDS = ("bytes", "categories", "durations", "decimals", "times of day", "dates")


@pytest.mark.parametrize("kind", ODD)
@pytest.mark.parametrize("role", ["user", "item", "timestamp", "rating", "extra"])
def test_columns_of_every_type_of_parquet_are_read_or_refused(tmp_path, kind, role):
    pairs = [(n % 10, n // 10) for n in range(60)]
    log = {"user": [f"u{u}" for u, _ in pairs], "item": [f"i{i}" for _, i in pairs]}
    log |= {"timestamp": [1_200_000_000 + n for n in range(60)], "rating": [5.0] * 60, "extra": ["x"] * 60}
    pl.DataFrame(log | {role: ODD[kind]}).write_parquet(tmp_path / "log.parquet")
    columns = Columns(user="user", item="item", timestamp="timestamp", rating="rating")
    settings = DataSettings(name=str(tmp_path), min_user=3, min_item=1, columns=columns)
    if role in ("user", "item") and kind in IDS:
        data = load_dataset(settings)
        assert (len(data.sequences), len(data.catalogue)) == ((6, 6) if role == "user" else (10, 6))
        return
    try:
        load_dataset(settings)
    except RecxError as error:
        assert role != "extra" and repr(role) in str(error) or "nothing" in kind


@pytest.mark.parametrize("shared", ["brand", "genre", "date"])
def test_a_column_named_as_the_item_is_the_item_whatever_else_both_files_share(tmp_path, shared):
    rows = [f"c{n % 9},p{n % 30},x{n % 6},{1_500_000_000 + n}" for n in range(90)]
    (tmp_path / "log.csv").write_text("\n".join([f"customer,product_id,{shared},when", *rows]))
    items = [f"p{n},Product {n},x{n % 6}" for n in range(30)]
    (tmp_path / "items.csv").write_text("\n".join([f"id,name,{shared}", *items]))
    tables = own_tables(tmp_path / "log.csv", tmp_path / "items.csv", Columns(timestamp="when"))
    assert tables.interactions["item_id"].n_unique() == 30 and tables.items["title"].str.starts_with("Product").all()


@pytest.mark.parametrize("form", ["%y/%m/%d", "%y.%m.%d"])
def test_a_year_of_two_digits_may_come_first(tmp_path, form):
    days = [date(2019, 11, 1) + timedelta(days=n) for n in range(29)]
    rows = [f"u{n % 3},i{n},{day.strftime(form)}" for n, day in enumerate(days)]
    (tmp_path / "log.csv").write_text("\n".join(["user,item,when", *rows]))
    with pytest.raises(DataError, match="date_format"):  # 19/11/20 may also be the 19th of November 2020
        own_tables(tmp_path / "log.csv", None, Columns())
    told = own_tables(tmp_path / "log.csv", None, Columns(date_format=form)).interactions
    assert told["timestamp"].is_sorted() and told["timestamp"][0] == 1_572_566_400


def test_titles_that_both_files_share_are_the_items(tmp_path):
    rows = [f"u{n % 9},Game {n % 30},tv{n % 2},{1_500_000_000 + n}" for n in range(90)]
    (tmp_path / "log.csv").write_text("\n".join(["user,title,device,when", *rows]))
    (tmp_path / "items.csv").write_text("\n".join(["title,genre", *(f"Game {n},g{n % 3}" for n in range(30))]))
    tables = own_tables(tmp_path / "log.csv", tmp_path / "items.csv", Columns())
    assert tables.interactions["item_id"].n_unique() == 30 and len(tables.items) == 30
