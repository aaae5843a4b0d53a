"""A fuzzer over every reader: damaged files give a `DataError` or all their rows; never a crash, a hang, a silent loss.

    python tests/fuzz_readers.py [--inputs 1000000] [--seed 0]

Files of the right form are damaged at random: bytes flipped, cut, doubled, and telling pieces put in. An input that
does something else than it should is written to `fuzz-findings/`, and the run ends with an error.
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
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from recx.data import amazon, movielens, steam
from recx.data.csv_parquet import interactions_from_table, items_from_table
from recx.data.dataset import Filtering, build_dataset
from recx.data.parquet_files import is_sound
from recx.data.reading_report import ReadingReport
from recx.data.recbole_atomic import interactions_from, read_atomic
from recx.errors import DataError
from recx.settings import Columns

PIECES = [b"\t", b"\n", b"\r\n", b'"', b"'", b"::", b"|", b",", b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"nan", b"NaN",
          b"1e999", b"-", b"{", b"}", b"[", b"]", b"null", b"\\", b"\\u0000", b"9" * 30, b"&amp;", b"(1999)", b" ",
          b"__import__('os')", b"\xc3\xa9", b"{'id':", b"(" * 300, b"user_id:token"]  # fmt: skip


UNSOUND_EVERY = 50  # such a Parquet file is read in a process of its own, which takes a third of a second


@dataclass(frozen=True)
class Case:
    """One reader: a good file of its form, how it is read, and how many rows a file must give."""

    name: str
    good: bytes
    read: Callable[[Path, ReadingReport], int]
    rows: Callable[[bytes], int]


def lines(raw: bytes, head: int = 0) -> int:
    """Lines that hold something, without the header."""
    return max(0, sum(bool(line.strip(b"\r")) for line in raw.split(b"\n")[head:]))


def csv_rows(raw: bytes) -> int:
    """Rows of a CSV file that hold something.

    -1 where that is not plain: a line may end within quotes, and white space is a value of text but not of numbers.
    """
    rows = [row.strip(b",\r") for row in raw.removeprefix(b"\xef\xbb\xbf").lstrip(b"\r\n").split(b"\n")]
    if b'"' in raw or any(row and not row.strip() for row in rows):
        return -1
    return sum(bool(row) for row in rows[1:])


def filled(raw: bytes) -> int:
    return sum(bool(line.strip()) for line in raw.split(b"\n"))


def filled_text(raw: bytes) -> int:
    """Of a file read as text, where a lone carriage return ends a line too."""
    return filled(raw.replace(b"\r", b"\n"))


def dropped(report: ReadingReport) -> int:
    return sum(count for what, count in report.lines if what.startswith(("reviews that name", "items without an id"))
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
    """From a damaged file to a data set: filters and catalogues must take whatever a reader gives."""
    interactions = interactions_from(read_atomic(path), path, report)
    ids = interactions["item_id"].unique().to_list()
    items = (
        interactions.select("item_id").unique().with_columns(title=interactions.select("item_id").unique()["item_id"])
    )
    data = build_dataset("fuzz", interactions, items, Filtering(min_user=3, min_item=1), report)
    assert len(set(data.catalogue.labels)) == len(data.catalogue) + 1 <= len(ids) + 1
    assert all(0 < s.min() and s.max() <= len(data.catalogue) for s in data.sequences)
    return -1


def named(path: Path, report: ReadingReport) -> int:
    """Names joined to games: none of the games may be lost by it."""
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
FLAGS = b"1|Toy Story (1995)|01-Jan-1995||http://x|" + b"|".join([b"0"] * 19) + b"\n"
CASES = [
    Case("atomic rows", ROWS, atomic, lambda raw: lines(raw, 1)),
    Case("atomic lists", LISTS, atomic, lambda raw: lines(raw, 1)),
    Case("data set", ROWS, whole, lambda raw: -1),
    Case("amazon 2018", AMAZON, counted(amazon.reviews_2018), filled),
    Case("amazon 2023", LATE, counted(amazon.reviews_2023), filled),
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
         lambda p, r: interactions_from_table(p, Columns()).height, csv_rows),
    Case("own items", b'item_id,title,genre\na,"One, two",x|y\nb,Two,\n',
         lambda p, r: items_from_table(p, Columns()).height, csv_rows),
    Case("own parquet", parquet(pl.DataFrame({"user_id": ["u", "v"], "item_id": ["a", "b"], "timestamp": [1.0, 2.0]})),
         lambda p, r: interactions_from_table(p, Columns()).height, lambda raw: -1),
    Case("own items, parquet", ITEMS, lambda p, r: items_from_table(p, Columns()).height, lambda raw: -1),
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
    raise TimeoutError("ten seconds for one small file")


def check(case: Case, raw: bytes, folder: Path, chance: random.Random) -> str | None:
    """What is wrong with how the reader took the file; None if nothing is."""
    suffix = ".csv" if "csv" in case.name or "own" in case.name else ".json"
    suffix = ".parquet" if "parquet" in case.name else suffix
    packed = chance.random() < 0.05 and suffix != ".parquet"
    path = folder / f"x{suffix}{'.gz' if packed else ''}"
    path.write_bytes(gzip.compress(raw, 1) if packed else raw)
    if packed and chance.random() < 0.5:
        whole_file = bytearray(path.read_bytes())
        whole_file[chance.randrange(len(whole_file))] ^= 1 << chance.randrange(8)
        path.write_bytes(whole_file)
        raw = b""
    if suffix == ".parquet" and not is_sound(path) and chance.randrange(UNSOUND_EVERY):
        return None
    signal.alarm(10)
    try:
        rows = case.read(path, ReadingReport())
    except DataError as error:
        return None if str(error).strip() else "an error without words"
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        return f"{type(error).__name__}: {error}"[:300]
    finally:
        signal.alarm(0)
    expected = case.rows(raw) if raw else -1
    return None if expected < 0 or rows == expected else f"{rows} rows of {expected}"


def fuzz(inputs: int, seed: int, report: bool = False) -> list[tuple[str, str, bytes]]:
    """Findings: reader, what went wrong, input."""
    chance, findings = random.Random(seed), []
    signal.signal(signal.SIGALRM, hang)
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
