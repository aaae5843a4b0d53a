"""Official MovieLens files: 100K, 1M, and the CSV format of latest and 25M."""

import re
from pathlib import Path

import polars as pl

from recx.data.column_checks import numbers_in
from recx.data.csv_tables import read_table
from recx.data.packed_files import read_bytes
from recx.data.reading_report import ReadingReport
from recx.errors import DataError

_YEAR = re.compile(r"\s*\((\d{4})(?:-\d{0,4})?\)\s*$")
_ARTICLE = re.compile(r"^(.*), (The|A|An|Il|La|Le|Les|Das|Der|Die|El|Los|Las|L')((?: \(.*\))?)$")
# Genre flags of u.item, from column 5 on, in this order.
GENRES_100K = (
    "unknown Action Adventure Animation Children's Comedy Crime Documentary Drama Fantasy Film-Noir Horror Musical "
    "Mystery Romance Sci-Fi Thriller War Western"
).split()


def ratings_table(path: Path, report: ReadingReport) -> pl.DataFrame:
    """Read `user_id, item_id, timestamp, rating` from `ratings.csv` (latest, 25M)."""
    numbers = {"userId": pl.Int64, "movieId": pl.Int64, "rating": pl.Float64, "timestamp": pl.Float64}
    frame = read_table(path, list(numbers), numbers)
    ids = [pl.col(old).cast(pl.String).cast(pl.Categorical).alias(new) for old, new in _IDS.items()]
    return frame.select(*ids, "timestamp", "rating")


def movies_table(path: Path, report: ReadingReport) -> pl.DataFrame:
    """Read `item_id, title, genre, year` from `movies.csv` (latest, 25M)."""
    frame = read_table(path, ["movieId", "title", "genres"])
    return _movies(frame["movieId"], frame["title"], frame["genres"].fill_null("").str.split("|"))


def ratings_1m(path: Path, report: ReadingReport) -> pl.DataFrame:
    """Read `user_id, item_id, timestamp, rating` from `ratings.dat`, separated by "::"."""
    return _ratings(path, _fields(path, "::", 4))


def movies_1m(path: Path, report: ReadingReport) -> pl.DataFrame:
    """Read `item_id, title, genre, year` from `movies.dat`, separated by "::", in Latin-1."""
    frame = _fields(path, "::", 3)
    return _movies(frame["f0"], frame["f1"], frame["f2"].str.split("|"))


def ratings_100k(path: Path, report: ReadingReport) -> pl.DataFrame:
    """Read `user_id, item_id, timestamp, rating` from `u.data`, separated by tabs."""
    return _ratings(path, _fields(path, "\t", 4))


def movies_100k(path: Path, report: ReadingReport) -> pl.DataFrame:
    """Read `item_id, title, genre, year` from `u.item`, separated by "|", in Latin-1, one flag per genre."""
    frame = _fields(path, "|", 5 + len(GENRES_100K))
    flags = frame.select(f"f{5 + n}" for n in range(len(GENRES_100K))).rows()
    genres = [[g for g, flag in zip(GENRES_100K, row, strict=True) if flag == "1" and g != "unknown"] for row in flags]
    return _movies(frame["f0"], frame["f1"], pl.Series(genres, dtype=pl.List(pl.String)))


def users_100k(path: Path) -> pl.DataFrame:
    """Read `user_id, age, gender, occupation` from `u.user`, separated by "|"."""
    frame = _fields(path, "|", 5)
    return frame.select(
        pl.col(f"f{n}").alias(name) for n, name in enumerate(("user_id", "age", "gender", "occupation"))
    )


_IDS = {"userId": "user_id", "movieId": "item_id"}


def _ratings(path: Path, frame: pl.DataFrame) -> pl.DataFrame:
    rating, timestamp = (numbers_in(path, frame[field]) for field in ("f2", "f3"))
    ids = [pl.col(f).cast(pl.Categorical).alias(n) for f, n in (("f0", "user_id"), ("f1", "item_id"))]
    return frame.select(*ids, timestamp.alias("timestamp"), rating.alias("rating"))


def _movies(ids: pl.Series, titles: pl.Series, genres: pl.Series) -> pl.DataFrame:
    """Titles without the year and with the article in front ("Matrix, The (1999)" becomes "The Matrix", year 1999)."""
    years = [_YEAR.search(t or "") for t in titles]
    plain = [_ARTICLE.sub(_in_front, _YEAR.sub("", t or "")) for t in titles]
    frame = pl.DataFrame(
        {
            "item_id": ids.cast(pl.String),
            "title": pl.Series(plain, dtype=pl.String),
            "genre": genres,
            "year": pl.Series([[y.group(1)] if y else [] for y in years], dtype=pl.List(pl.String)),
        }
    )
    known = pl.element().filter((pl.element() != "(no genres listed)") & (pl.element() != ""))
    return frame.with_columns(pl.col("genre").list.eval(known))


def _in_front(match: re.Match[str]) -> str:
    rest, article, more = match.groups()
    return f"{article}{'' if article.endswith(chr(39)) else ' '}{rest}{more}"


def _fields(path: Path, separator: str, width: int) -> pl.DataFrame:
    """Read columns `f0, f1, ...` from a file without a header, in Latin-1, the encoding of GroupLens.

    Raises:
        DataError: with file, line and what was expected.
    """
    lines = read_bytes(path).decode("latin-1").split("\n")
    rows = pl.Series("line", lines, dtype=pl.String).str.strip_chars("\r")
    frame = rows.to_frame().with_row_index("number", 1).filter(pl.col("line") != "")
    split = frame.select("number", pl.col("line").str.split(separator).alias("fields"))
    wrong = split.filter(pl.col("fields").list.len() != width)
    if wrong.height:
        number, fields = wrong.row(0)
        raise DataError(f"{path}, line {number}: {len(fields)} fields, expected {width} separated by {separator!r}.")
    out = split.select("number", *(pl.col("fields").list.get(n).alias(f"f{n}") for n in range(width)))
    return out.drop("number")
