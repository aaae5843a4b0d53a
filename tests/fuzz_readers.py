"""Fuzzes all readers: a damaged file gives a `DataError` or all its rows, never a crash, a hang or a silent loss.

    python tests/fuzz_readers.py [--inputs 1000000] [--seed 0]

Well-formed files are damaged at random: bytes are flipped, removed or repeated, and suspicious pieces are inserted.
An input with another outcome is written to `fuzz-findings/`, and the run ends with an error.
"""

import argparse
import gzip
import io
import json
import random
import signal
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from recx.data import amazon, movielens, steam
from recx.data.added_sets import read_mapping, with_mapping
from recx.data.column_roles import item_roles
from recx.data.custom_files import custom_source
from recx.data.dataset import Filtering, build_dataset
from recx.data.own_tables import items_of, own_tables, read_own_table
from recx.data.parquet_files import is_sound
from recx.data.reading_report import ReadingReport
from recx.data.recbole_atomic import interactions_from, read_atomic
from recx.errors import DataError
from recx.settings import Columns, DataSettings

PIECES = [b"\t", b"\n", b"\r\n", b'"', b"'", b"::", b"|", b",", b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"nan", b"NaN",
          b"1e999", b"-", b"{", b"}", b"[", b"]", b"null", b"\\", b"\\u0000", b"9" * 30, b"&amp;", b"(1999)", b" ",
          b"__import__('os')", b"\xc3\xa9", b"{'id':", b"(" * 300, b"user_id:token"]  # fmt: skip


UNSOUND_EVERY = 50  # such a Parquet file is read in a process of its own, which takes a third of a second


@dataclass(frozen=True)
class Case:
    """One reader: a well-formed file, the function that reads it, and how many rows a file must give."""

    name: str
    good: bytes
    read: Callable[[Path, ReadingReport], int]
    rows: Callable[[bytes], int]


def lines(raw: bytes, head: int = 0) -> int:
    """The number of non-empty lines, without the header."""
    return max(0, sum(bool(line.strip(b"\r")) for line in raw.split(b"\n")[head:]))


def csv_rows(raw: bytes) -> int:
    """The number of non-empty rows of a CSV file.

    It is -1 if the number is unclear: a line may end within quotes, and white space is a valid text but not a number.
    """
    rows = [row.strip(b",\r") for row in raw.removeprefix(b"\xef\xbb\xbf").lstrip(b"\r\n").split(b"\n")]
    if b'"' in raw or any(row and not row.strip() for row in rows):
        return -1
    return sum(bool(row) for row in rows[1:])


def text_rows(raw: bytes) -> int:
    """The number of non-empty lines of a table of any form, header included; -1 if the number is unclear.

    A line may end within quotes or with a carriage return alone, and the separator determines what counts as empty.
    """
    rows = [row.strip(b"\r") for row in raw.removeprefix(b"\xef\xbb\xbf").lstrip(b"\r\n").split(b"\n")]
    if b'"' in raw or b"\0" in raw or b"\n" not in raw or raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return -1
    return -1 if any(row and not row.strip(b" \t\r,;|") for row in rows) else sum(map(bool, rows))


def own_log(path: Path, report: ReadingReport) -> int:
    """The number of rows of a log that is read without any settings, including the header if one was detected."""
    tables = own_tables(path, None, Columns())
    assert tables.items["item_id"].n_unique() == tables.items.height
    return tables.interactions.height + any(", a header" in said for said in tables.report.decisions)


def own_items(path: Path, report: ReadingReport) -> int:
    frame = read_own_table(path, Columns(), report)
    items = items_of(
        path, frame, *item_roles(path, frame, Columns(), report, "item_id", frame.to_series()), "|", report
    )
    return items.height + any(", a header" in said for said in report.decisions)


def own_folder(name: str) -> Callable[[Path, ReadingReport], int]:
    """Build a data set from a folder with one file of that name."""

    def read(path: Path, report: ReadingReport) -> int:
        folder = path.parent / "own"
        folder.mkdir(exist_ok=True)
        file = path.rename(folder / name)
        try:
            source = custom_source(folder, {})
            layout, located = source.locate(None)
            tables = layout.read(located, DataSettings())
            data = build_dataset("fuzz", *tables[:2], Filtering(min_user=3, min_item=1), tables.report)
            assert len(set(data.catalogue.labels)) == len(data.catalogue) + 1
        finally:
            file.unlink()
        return -1

    return read


def mapping(path: Path, report: ReadingReport) -> int:
    folder = path.parent / "mapped"
    folder.mkdir(exist_ok=True)
    path.rename(folder / "recx.toml")
    with_mapping(DataSettings(), folder, read_mapping(folder))
    return -1


def filled(raw: bytes) -> int:
    return sum(bool(line.strip()) for line in raw.split(b"\n"))


def filled_text(raw: bytes) -> int:
    """The number of non-empty lines of a file read as text, in which a carriage return alone also ends a line."""
    return filled(raw.replace(b"\r", b"\n"))


def dropped(report: ReadingReport) -> int:
    return sum(count for what, count in report.lines if what.startswith(("reviews without a", "items without an id"))
               or "without an id dropped" in what and not what.startswith("items without an id"))  # fmt: skip


def counted(reader: Callable[[Path, ReadingReport], object]) -> Callable[[Path, ReadingReport], int]:
    def read(path: Path, report: ReadingReport) -> int:
        return reader(path, report).height + dropped(report)

    return read


def atomic(path: Path, report: ReadingReport) -> int:
    frame = read_atomic(path)
    if {"user_id", "item_id"} <= set(frame.columns):
        interactions_from(frame, path, report)
    return frame.height


def whole(path: Path, report: ReadingReport) -> int:
    """Build a data set from a damaged file: filters and catalogues must accept whatever a reader returns."""
    interactions = interactions_from(read_atomic(path), path, report)
    ids = interactions["item_id"].unique().to_list()
    items = (
        interactions.select("item_id").unique().with_columns(title=interactions.select("item_id").unique()["item_id"])
    )
    data = build_dataset("fuzz", interactions, items, Filtering(min_user=3, min_item=1), report)
    assert len(set(data.catalogue.labels)) == len(data.catalogue) + 1 <= len(ids) + 1
    assert all(0 < s.min() and s.max() <= len(data.catalogue) for s in data.sequences)
    return -1


def reviewed(path: Path, report: ReadingReport) -> int:
    """Read the texts of two reviews; nothing else may come back."""
    wanted = {("A0", "B1"), ("A2", "B1")}
    found = amazon.review_texts(path, amazon.REVIEW_TEXTS["_5.json"], wanted)
    assert found.keys() <= wanted and all(text.strip() for text in found.values())
    return -1


def named(path: Path, report: ReadingReport) -> int:
    """Join names to games; no game may be lost."""
    games = pl.DataFrame({"item_id": ["70", "80"], "title": ["Half-Life", ""]}, schema_overrides={"item_id": pl.String})
    joined = steam.with_names(games, path, report)
    assert {"70", "80"} <= set(joined["item_id"].cast(pl.String))
    return -1


def parquet(frame: pl.DataFrame) -> bytes:
    raw = io.BytesIO()
    frame.write_parquet(raw)
    return raw.getvalue()


def written(*records: dict) -> bytes:
    return b"".join(json.dumps(record).encode() + b"\n" for record in records)


AMAZON = written(*({"reviewerID": f"A{n}", "asin": "B1", "overall": 5.0, "unixReviewTime": n} for n in range(4)))
WORDS = written(*({"reviewerID": f"A{n}", "asin": "B1", "reviewText": f"Fun &amp; {n}."} for n in range(4)))
LATE = written(*({"user_id": f"A{n}", "parent_asin": "B1", "rating": 5.0, "timestamp": n} for n in range(4)))
ITEM = {"title": "Pong &amp; Co - PS4", "brand": "x", "category": ["Games", "PC"], "feature": ["a"], "also_buy": []}
META = written(*({"asin": f"B{n}", "description": ["long"]} | ITEM for n in range(3)))
META_LATE = written(*({"parent_asin": f"B{n}", "store": "x", "categories": ["A"]} | ITEM for n in range(3)))
STEAM = b"{u'username': u'x', u'product_id': u'70', u'date': u'2017-12-17', u'text': u'it\\'s'}\n" * 3
GAMES = b"{u'id': u'70', u'app_name': u'Half-Life', u'genres': [u'Action'], u'release_date': u'1998-11-08'}\n" * 3
ROWS = b"user_id:token\titem_id:token\ttimestamp:float\nu\ta\t1\nu\tb\t2\nu\tc\t3\nv\ta\t4\nv\tb\t5\nv\tc\t6\n"
LISTS = b"user_id:token\titem_id_list:token_seq\titem_id:token\nu\ta b c\td\nv\ta d\tb\n"
GENRES = [["x", "y"], [], None, [None]] * 10
ITEMS = parquet(pl.DataFrame({"item_id": range(40), "title": [*"ab"] * 20, "genre": GENRES, "sold": [True, None] * 20}))
LOG = [("u1", "Sigur R\u00f3s", 1_230_000_000), ("u1", "The Foxes", 1_240_000_000), ("u1", "Iron Choir", 1_250_000_000)]
LOG += [
    ("u2", "Iron Choir", 1_260_000_000),
    ("u2", "Sigur R\u00f3s", 1_270_000_000),
    ("u2", "The Foxes", 1_280_000_000),
]


def log(separator: str, when: str, head: str = "", end: str = "\n") -> str:
    """The log in one form; `when` is the format of its timestamps, empty for numbers."""
    times = [time.strftime(when, time.gmtime(t)) if when else str(t) for *_, t in LOG]
    rows = [separator.join((user, item, at)) for (user, item, _), at in zip(LOG, times, strict=True)]
    return "".join(row + end for row in ([head] if head else []) + rows)


def zipped(text: str) -> bytes:
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("log.csv", text)
    return raw.getvalue()


DATED = log(";", "%d %b %Y, %H:%M", "user;artist;date", "\r\n")
PANDAS = ",user,artist,timestamp\n" + "".join(f"{n},{u},{i},{t}000.0\n" for n, (u, i, t) in enumerate(LOG))
ARTISTS = b"user_id:token\tartist_id:token\tweight:float\n" + b"".join(
    b"u\ta%d\t5\nv\ta%d\t6\n" % (n, n) for n in range(4)
)
TOML = b'log = "a.csv"\nmin_user = 3\n[columns]\nitem = "artist"\nseparator = ";"\n'
FLAGS = b"1|Toy Story (1995)|01-Jan-1995||http://x|" + b"|".join([b"0"] * 19) + b"\n"
CASES = [
    Case("atomic rows", ROWS, atomic, lambda raw: lines(raw, 1)),
    Case("atomic lists", LISTS, atomic, lambda raw: lines(raw, 1)),
    Case("data set", ROWS, whole, lambda raw: -1),
    Case("amazon 2018", AMAZON, counted(amazon.reviews_2018), filled),
    Case("amazon 2023", LATE, counted(amazon.reviews_2023), filled),
    Case("amazon review texts", WORDS, reviewed, lambda raw: -1),
    Case("amazon items", META, counted(amazon.items_2018), filled),
    Case("amazon items 2023", META_LATE, counted(amazon.items_2023), filled),
    Case("steam reviews", STEAM, counted(steam.reviews), filled_text),
    Case("steam games", GAMES, counted(steam.games), filled_text),
    Case("u.data", b"196\t242\t3\t881250949\n" * 3, counted(movielens.ratings_100k), lambda raw: lines(raw)),
    Case("u.item", FLAGS * 3, counted(movielens.movies_100k), lambda raw: lines(raw)),
    Case("ratings.dat", b"1::2::3::4\n" * 3, counted(movielens.ratings_1m), lambda raw: lines(raw)),
    Case("movies.dat", b"1::Toy Story (1995)::A|B\n" * 3, counted(movielens.movies_1m), lambda raw: lines(raw)),
    Case("ratings.csv", b"userId,movieId,rating,timestamp\n" + b"1,2,3,4\n" * 3,
         lambda p, r: movielens.ratings_table(p, r).height, csv_rows),
    Case("movies.csv", b'movieId,title,genres\n1,"Story, The (1995)",A|B\n' * 2,
         lambda p, r: movielens.movies_table(p, r).height, csv_rows),
    Case("own csv", b"user_id,item_id,timestamp\nu,a,1\nv,b,2\n",
         own_log, text_rows),
    Case("own items", b'item_id,title,genre\na,"One, two",x|y\nb,Two,\n', own_items, text_rows),
    Case("own csv, tabs and ISO dates", log("\t", "%Y-%m-%dT%H:%M:%SZ").encode(), own_log, text_rows),
    Case("own csv, semicolons and words", DATED.encode("utf-8-sig"), own_log, text_rows),
    Case("own csv, pandas", PANDAS.encode(), own_log, text_rows),
    Case("own csv, Latin-1 and slashes", log("|", "%d/%m/%Y %H:%M", "user|item|when").encode("latin-1"), own_log,
         text_rows),
    Case("own csv, UTF-16", log(",", "", "user,item,time").encode("utf-16"), own_log, lambda raw: -1),
    Case("own csv, spaces", b"user item time\nu1 a 1230000000\nu1  b 1240000000\n", own_log, text_rows),
    Case("own csv, quotes", b'user,item,time\nu,"A ""b""",1230000000\nu,"x, y",1240000000\n', own_log, lambda raw: -1),
    Case("own zip", zipped(log(",", "%Y-%m-%d %H:%M", "user,item,time")), own_folder("log.zip"), lambda raw: -1),
    Case("own log as a data set", log("\t", "%Y-%m-%dT%H:%M:%S+01:00").encode(), own_folder("plays.tsv"),
         lambda raw: -1),
    Case("atomic, other names", ARTISTS, own_folder("lastfm.inter"), lambda raw: -1),
    Case("toml", TOML, mapping, lambda raw: -1),
    Case("own parquet", parquet(pl.DataFrame({"user_id": ["u", "v"], "item_id": ["a", "b"], "timestamp": [1.0, 2.0]})),
         own_log, lambda raw: -1),
    Case("own items, parquet", ITEMS, own_items, lambda raw: -1),
    Case("steam reviews, csv", b"user_id,item_id,posted,row\n1,70,2014-02-01,0\n2,80,,1\n",
         lambda p, r: steam.reviews_table(p, r).height, csv_rows),
    Case("app names, csv", b"item_id,name,type\n70,Half-Life,game\n80,Portal,game\n90,Dota,game\n", named,
         lambda raw: -1),
]  # fmt: skip


def damaged(chance: random.Random, good: bytes) -> bytes:
    raw = bytearray(good)
    for _ in range(chance.choice((1, 1, 1, 2, 3, 6))):
        at = chance.randrange(len(raw) + 1)
        what = chance.randrange(6)
        if what == 0 and raw:
            raw[at % len(raw)] = chance.randrange(256)
        elif what == 1:
            del raw[at : at + chance.choice((1, 2, 5, 20))]
        elif what == 2:
            raw[at:at] = raw[at : at + chance.choice((1, 8, 40))]
        elif what == 3:
            raw[at:at] = chance.choice(PIECES)
        elif what == 4:
            raw[at : at + 1] = chance.choice(PIECES)
        else:
            del raw[at:]
    return bytes(raw)


def hang(*_: object) -> None:
    raise TimeoutError("ten seconds of work, or two minutes of waiting, for one small file")


def check(case: Case, raw: bytes, folder: Path, chance: random.Random) -> str | None:
    """What is wrong with the way the reader handled the file; None if nothing is."""
    suffix = ".csv" if "csv" in case.name or "own" in case.name else ".json"
    suffix = ".parquet" if "parquet" in case.name else suffix
    suffix = ".zip" if "zip" in case.name else suffix
    packed = (
        chance.random() < 0.05 and suffix not in (".parquet", ".zip") and "own_folder" not in case.read.__qualname__
    )
    path = folder / f"x{suffix}{'.gz' if packed else ''}"
    path.write_bytes(gzip.compress(raw, 1) if packed else raw)
    if packed and chance.random() < 0.5:
        whole_file = bytearray(path.read_bytes())
        whole_file[chance.randrange(len(whole_file))] ^= 1 << chance.randrange(8)
        path.write_bytes(whole_file)
        raw = b""
    if suffix == ".parquet" and not is_sound(path) and chance.randrange(UNSOUND_EVERY):
        return None
    # On a busy machine the process that reads an unsound Parquet file may wait long for its turn.
    signal.setitimer(signal.ITIMER_PROF, 10)
    signal.alarm(120)
    try:
        rows = case.read(path, ReadingReport())
    except DataError as error:
        return None if str(error).strip() else "an error without words"
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        return f"{type(error).__name__}: {error}"[:300]
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.alarm(0)
    expected = case.rows(raw) if raw else -1
    return None if expected < 0 or rows == expected else f"{rows} rows of {expected}"


def fuzz(inputs: int, seed: int, report: bool = False) -> list[tuple[str, str, bytes]]:
    """The findings: reader, what went wrong, and the input."""
    chance, findings = random.Random(seed), []
    signal.signal(signal.SIGALRM, hang)
    signal.signal(signal.SIGPROF, hang)
    started = time.monotonic()
    base = "/dev/shm" if Path("/dev/shm").is_dir() else None
    with tempfile.TemporaryDirectory(dir=base) as name:
        for n in range(inputs):
            case = CASES[n % len(CASES)]
            raw = damaged(chance, case.good)
            wrong = check(case, raw, Path(name), chance)
            if wrong:
                findings.append((case.name, wrong, raw))
                if report and len(findings) < 30:
                    print(f"{case.name}: {wrong}\n    {raw!r}"[:700], flush=True)
            if report and n and n % 50_000 == 0:
                print(f"{n:,} inputs, {len(findings)} findings, {time.monotonic() - started:.0f} s", flush=True)
    return findings


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--inputs", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    findings = fuzz(arguments.inputs, arguments.seed, report=True)
    for n, (name, _, raw) in enumerate(findings[:50]):
        folder = Path("fuzz-findings")
        folder.mkdir(exist_ok=True)
        (folder / f"{n}-{name.replace(' ', '-')}.bin").write_bytes(raw)
    print(f"{arguments.inputs:,} inputs over {len(CASES)} readers, {len(findings)} findings")
    sys.exit(bool(findings))


if __name__ == "__main__":
    main()
