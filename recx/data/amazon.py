"""Official files of Amazon Review Data 2018 and Amazon Reviews 2023: reviews and item metadata."""

import html
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

import polars as pl

from recx.data.json_lines import read_json_lines, read_literal_lines
from recx.data.platforms import platform_of
from recx.data.reading_report import ReadingReport
from recx.errors import DataError

# Page code that the crawler stored in place of a title.
_SCRIPT = ("getTime(", "function(", "<script")
REVIEW_TEXTS = {"_5.json": ("reviewerID", "asin", "reviewText"), ".jsonl": ("user_id", "parent_asin", "text")}
"""How the name of a file of reviews ends -> its fields for user, item and text, in 2018 and 2023."""


def reviews_2018(path: Path, report: ReadingReport) -> pl.DataFrame:
    """Read `user_id, item_id, timestamp, rating` from `<Category>_5.json.gz` or `<Category>.json.gz`."""
    schema = {"reviewerID": pl.String, "asin": pl.String, "unixReviewTime": pl.Float64, "overall": pl.Float64}
    names = ("user_id", "item_id", "timestamp", "rating")
    return _reviews(path, schema, names, report)


def reviews_2023(path: Path, report: ReadingReport) -> pl.DataFrame:
    """Read `user_id, item_id, timestamp, rating` from `<Category>.jsonl.gz`; items are the parents of variants."""
    schema = {"user_id": pl.String, "parent_asin": pl.String, "timestamp": pl.Float64, "rating": pl.Float64}
    return _reviews(path, schema, ("user_id", "item_id", "timestamp", "rating"), report)


def review_texts(
    path: Path, fields: tuple[str, str, str], pairs: Collection[tuple[str, str]]
) -> dict[tuple[str, str], str]:
    """Read what users wrote about items; the rest of the file is passed over, a piece at a time.

    Args:
        path: a file of reviews.
        fields: of user, item and text, a value of `REVIEW_TEXTS`.
        pairs: user id and item id of each review wanted.

    Returns:
        Pair -> text, the first that is not empty; pairs without one are missing.

    Raises:
        DataError: the file is damaged.
    """
    names = list(fields[:2])
    wanted = pl.DataFrame(sorted(set(pairs)), schema=dict.fromkeys(names, pl.String), orient="row")
    schema = dict.fromkeys(fields, pl.String)
    frame = read_json_lines(path, schema, keep=lambda piece: piece.join(wanted, on=names, how="semi"))
    found: dict[tuple[str, str], str] = {}
    for who, what, said in frame.iter_rows():
        if said and (plain := " ".join(html.unescape(said).split())):
            found.setdefault((who, what), plain)
    return found


def items_2018(path: Path, report: ReadingReport) -> pl.DataFrame:
    """`item_id, title, platform, brand, category, features, description, also_bought` of `meta_<Category>.json.gz`."""
    fields = {"item_id": "asin", "brand": "brand", "category": "category", "features": "feature"}
    return _items(path, fields | {"description": "description", "also_bought": "also_buy"}, report)


def items_2023(path: Path, report: ReadingReport) -> pl.DataFrame:
    """Read the same columns from `meta_<Category>.jsonl.gz`, where the brand is called the store."""
    fields = {"item_id": "parent_asin", "brand": "store", "category": "categories", "features": "features"}
    return _items(path, fields | {"description": "description", "also_bought": "bought_together"}, report)


def _reviews(
    path: Path, schema: Mapping[str, pl.DataType], names: tuple[str, ...], report: ReadingReport
) -> pl.DataFrame:
    user, item, *_ = schema
    frame = read_json_lines(path, schema, codes=(user, item)).rename(dict(zip(schema, names, strict=True)))
    if frame.height and frame["item_id"].null_count() == frame.height:
        raise DataError(f"{path}: no line has the fields {', '.join(schema)}; are these the reviews of that year?")
    complete = frame.drop_nulls(["user_id", "item_id"])
    report.note("reviews without a user or an item", frame.height - complete.height)
    return complete


def _items(path: Path, fields: Mapping[str, str], report: ReadingReport) -> pl.DataFrame:
    rows, scripts, nameless = [], 0, 0
    for _, record in read_literal_lines(path):
        item, title = record.get(fields["item_id"]), record.get("title")
        if not isinstance(item, str) or not item:
            nameless += 1
            continue
        title = title if isinstance(title, str) else ""
        if any(mark in title for mark in _SCRIPT):
            scripts, title = scripts + 1, ""
        row: dict[str, Any] = {"item_id": item, "title": title, "platform": []}
        row |= {name: texts(record.get(field)) for name, field in fields.items() if name != "item_id"}
        # The first category is the department, which is the same for every item.
        row["category"] = row["category"][1:]
        row["platform"] = platform_of(title) or platform_of(" / ".join(row["category"]))
        rows.append(row)
    if nameless and not rows:
        raise DataError(f"{path}: no line has the field {fields['item_id']!r}; are these the items of that year?")
    report.note("items without an id dropped", nameless)
    report.note("titles that are stray page code, treated as missing", scripts)
    lists = [name for name in ("platform", *fields) if name != "item_id"]
    schema = {"item_id": pl.String, "title": pl.String} | dict.fromkeys(lists, pl.List(pl.String))
    return pl.DataFrame(rows, schema=schema, orient="row")


def texts(value: Any) -> list[str]:
    """The texts in a field that may hold a text, a list of texts or nothing."""
    values: Iterable[Any] = [value] if isinstance(value, str) else value if isinstance(value, list) else []
    return [text for text in (" ".join(v.split()) for v in values if isinstance(v, str)) if text]
