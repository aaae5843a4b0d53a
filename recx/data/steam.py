"""Steam: the official files (one Python literal per line), and reviews by Australian users as CSV."""

from pathlib import Path
from typing import Any

import polars as pl

from recx.data.amazon import texts
from recx.data.csv_tables import read_table
from recx.data.json_lines import read_literal_lines
from recx.data.reading_report import ReadingReport
from recx.errors import DataError

# Tags are sorted by votes; the many later ones say little.
TAGS = 5


def reviews(path: Path, report: ReadingReport) -> pl.DataFrame:
    """Read `user_id, item_id, timestamp` from `steam_reviews.json.gz`; the user is the id, or else the name.

    Several million lines at about twenty microseconds each take minutes, once; see `recx.data.table_cache`.
    """
    users: list[str] = []
    items: list[str] = []
    days: list[str] = []
    nameless = 0
    for _, record in read_literal_lines(path):
        user, item = record.get("user_id") or record.get("username"), record.get("product_id")
        if not user or not item:
            nameless += 1
            continue
        users.append(str(user))
        items.append(str(item))
        days.append(str(record.get("date") or ""))
    if nameless and not users:
        raise DataError(f"{path}: no line has the fields username and product_id; are these the reviews?")
    report.note("reviews without a user or an item", nameless)
    frame = pl.DataFrame(
        {"user_id": users, "item_id": items, "day": days},
        schema={"user_id": pl.Categorical, "item_id": pl.Categorical, "day": pl.String},
    )
    return frame.select("user_id", "item_id", _seconds("day").alias("timestamp"))


def games(path: Path, report: ReadingReport) -> pl.DataFrame:
    """Read `item_id, title, genre, tag, developer, publisher, year, features` from either `steam_games.json.gz`."""
    rows, empty = [], 0
    for _, record in read_literal_lines(path):
        item = record.get("id")
        if item is None or item != item:  # the second form uses NaN for unknown values
            empty += 1
            continue
        rows.append(
            {
                "item_id": str(item),
                "title": next(iter(texts(record.get("title")) or texts(record.get("app_name"))), ""),
                "genre": texts(record.get("genres")),
                "tag": texts(record.get("tags"))[:TAGS],
                "developer": texts(record.get("developer")),
                "publisher": texts(record.get("publisher")),
                "year": _year(record.get("release_date")),
                "features": texts(record.get("specs")),
            }
        )
    if empty and not rows:
        raise DataError(f"{path}: no line has the field 'id'; are these the games?")
    report.note("lines without an id dropped from the games", empty)
    lists = ("genre", "tag", "developer", "publisher", "year", "features")
    schema = {"item_id": pl.String, "title": pl.String} | dict.fromkeys(lists, pl.List(pl.String))
    return pl.DataFrame(rows, schema=schema, orient="row")


def reviews_table(path: Path, report: ReadingReport) -> pl.DataFrame:
    """Read `user_id, item_id, timestamp` from `reviews.csv`; undated reviews have no timestamp and are sorted last."""
    frame = read_table(path, ["user_id", "item_id", "posted"])
    seconds = _seconds("posted").alias("timestamp")
    return frame.select(pl.col("user_id", "item_id").cast(pl.Categorical), seconds)


def with_names(items: pl.DataFrame, path: Path, report: ReadingReport) -> pl.DataFrame:
    """Add titles from `app_names.csv` to games without one, and the apps that are in no other file."""
    names = read_table(path, ["item_id", "name"]).select("item_id", pl.col("name").fill_null(""))
    joined = items.join(names.unique("item_id", keep="first"), on="item_id", how="full", coalesce=True)
    title = pl.col("title").fill_null("")
    named = joined.with_columns(pl.when(title != "").then(title).otherwise(pl.col("name").fill_null("")).alias("title"))
    report.note(
        "titles from the list of apps", int((joined.select(title != "").to_series() != (named["title"] != "")).sum())
    )
    return named.drop("name").with_columns(pl.selectors.list().fill_null([])).sort("item_id")


def _seconds(column: str) -> pl.Expr:
    """A date as seconds since 1970; null if there is none."""
    day = pl.col(column).cast(pl.String).str.to_date("%Y-%m-%d", strict=False)
    return day.cast(pl.Datetime("ms")).dt.timestamp("ms").cast(pl.Float64) / 1000


def _year(value: Any) -> list[str]:
    """The year of a release date in any form ("2017-09-02", "Dec 2016", "Soon..")."""
    words = str(value or "").replace("-", " ").replace(",", " ").split()
    return [w for w in words if len(w) == 4 and w.isdigit() and "1970" <= w <= "2100"][:1]
