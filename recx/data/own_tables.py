"""The user's own tables: an interaction log, with or without an item file, whatever their columns are called."""

from dataclasses import replace
from pathlib import Path

import polars as pl

from recx.data.attribute_columns import FRACTION, are_whole_numbers, attribute_columns
from recx.data.column_checks import MISSING_IDS
from recx.data.column_roles import item_roles, log_roles
from recx.data.parquet_files import read_parquet
from recx.data.reading_report import ReadingReport
from recx.data.recbole_atomic import interactions_from
from recx.data.sources import Tables
from recx.data.text_table import read_text_table, without_index
from recx.data.time_columns import times_in
from recx.errors import DataError
from recx.settings import Columns

NUMBER = r"^-?\d+(?:\.0+)?$"


def read_own_table(path: Path, columns: Columns, report: ReadingReport, of_items: bool = False) -> pl.DataFrame:
    """Read a Parquet file or a text table in any common form, whose rows are events or items.

    Raises:
        DataError: with file, line and what was expected.
    """
    return read_parquet(path) if path.suffix == ".parquet" else read_text_table(path, columns, report, of_items)


def own_tables(log: Path, items: Path | None, columns: Columns) -> Tables:
    """Read a log and, if given, an item file; otherwise item names in the log serve as titles.

    Raises:
        DataError: with file, place and what was expected, or the setting that resolves an ambiguity.
    """
    report = ReadingReport()
    frame = read_own_table(log, columns, report)
    listed = read_own_table(items, _beside(columns), report, of_items=True) if items else None
    return tables_of(log, frame, items, listed, columns, report)


def _beside(columns: Columns) -> Columns:
    """Column settings for the item file; a numeric name is a column position in the log."""
    item = "" if columns.item.isdigit() else columns.item
    return replace(columns, user="", item=item, timestamp="", rating="")


def tables_of(
    log: Path,
    frame: pl.DataFrame,
    items: Path | None,
    listed: pl.DataFrame | None,
    columns: Columns,
    report: ReadingReport,
    atomic: bool = False,
) -> Tables:
    """Build interaction and item tables from the rows of both files.

    Args:
        log: path of the log.
        frame: rows of the log.
        items: path of the item file, if there is one.
        listed: rows of the item file.
        columns: column names from the settings.
        report: receives the decisions.
        atomic: whether these are RecBole files, whose values need no splitting and may be lists.

    Raises:
        DataError: with file, place and what was expected, or the setting that resolves an ambiguity.
    """
    roles = log_roles(log, frame, columns, report, None if listed is None else listed.columns)
    history = f"{roles['item']}_list"
    if atomic and history in frame.columns:
        user, last = (_ids(log, frame[roles[role]], report).cast(pl.String) for role in ("user", "item"))
        before = frame[history].list.eval(pl.element().cast(pl.String).str.replace(FRACTION, "")) \
            if frame.schema[history] == pl.List(pl.Float64) else frame[history]  # fmt: skip
        renamed = pl.DataFrame({"user_id": user, "item_id_list": before, "item_id": last})
        interactions = interactions_from(renamed, log, report)
    else:
        interactions = interactions_of(log, frame, roles, columns, report, *(("line", 2) if atomic else ()))
    left = [c for c in frame.columns if c not in (*roles.values(), history)]
    if left:
        report.decisions.append(f"{log.name}: columns not used: {', '.join(map(repr, left))}.")
    if items is None or listed is None:
        return Tables(interactions, items_in_log(log, frame, interactions["item_id"], roles, report), report)
    named = "" if roles["item"].isdigit() else roles["item"]
    beside = _beside(columns)
    if beside.item not in listed.columns:  # then it is a column of the log, where `log_roles` has found it
        beside = replace(beside, item="")
    item, title = item_roles(items, listed, beside, report, named, interactions["item_id"])
    if listed.columns[0] not in (item, title):
        listed = without_index(items, listed, True, report)
    separator = "" if atomic else columns.value_separator
    return Tables(interactions, items_of(items, listed, item, title, separator, report), report)


def interactions_of(
    path: Path, frame: pl.DataFrame, roles: dict[str, str], columns: Columns, report: ReadingReport,
    unit: str = "row", first: int = 1,
) -> pl.DataFrame:  # fmt: skip
    """Build `user_id, item_id` and, if present, `timestamp` (seconds) and `rating`.

    Args:
        path: of the log.
        frame: rows of the log.
        roles: role -> column.
        columns: settings that hold the date format.
        report: receives the decisions.
        unit: what a row of the frame is in the file ("row" or "line"), for messages.
        first: number of the first row or line.

    Raises:
        DataError: with the place and the value that is not a time or number.
    """
    out = [_ids(path, frame[roles[role]], report).alias(f"{role}_id") for role in ("user", "item")]
    if "timestamp" in roles:
        times = times_in(path, frame[roles["timestamp"]], columns.date_format, report, unit, first)
        out.append(times.alias("timestamp"))
    if "rating" in roles:
        rating = frame[roles["rating"]]  # read but not used, so what is no number stops nothing
        if not rating.dtype.is_nested():
            out.append(rating.cast(pl.Float64, strict=False).alias("rating"))
    return pl.DataFrame(out)


def items_in_log(
    path: Path, frame: pl.DataFrame, ids: pl.Series, roles: dict[str, str], report: ReadingReport
) -> pl.DataFrame:
    """Build `item_id, title` for the items of a log, from its title column if it has one, otherwise from the ids.

    Args:
        path: of the log.
        frame: rows of the log.
        ids: item ids, one per interaction.
        roles: role -> column.
        report: receives the decisions.
    """
    if "title" in roles:
        titles = frame[roles["title"]].cast(pl.String).alias("title")
        named = pl.DataFrame([ids, titles]).drop_nulls("item_id")
        items = named.group_by("item_id", maintain_order=True).agg(pl.col("title").drop_nulls().first())
    else:
        items = (
            ids.unique(maintain_order=True)
            .drop_nulls()
            .to_frame()
            .with_columns(title=pl.col("item_id").cast(pl.String))
        )
    if "title" not in roles and items.height and items["title"].str.contains(r"^[\d.]+$").mean() > 0.9:  # type: ignore[operator]
        report.warnings.append(
            f"{path.name}: the items in {roles['item']!r} are numbers without names, but explanations need names. Add "
            "an item file with ids and titles beside it (such as items.csv beside interactions.csv)."
        )
    return items


def items_of(
    path: Path, frame: pl.DataFrame, item: str, title: str, value_separator: str, report: ReadingReport
) -> pl.DataFrame:
    """Build `item_id, title` and the list columns of `attribute_columns`.

    Args:
        path: path of the item file.
        frame: rows of the item file.
        item: id column.
        title: title column; lists of words are joined.
        value_separator: separator between several values in a text column; empty if there is one value per item.
        report: receives the decisions.
    """
    named = frame[title]
    titles = named.list.join(" ") if named.dtype == pl.List(pl.String) else named.cast(pl.String)
    out = [_ids(path, frame[item], report).alias("item_id"), _without_markers(titles).alias("title")]
    others = [name for name in frame.columns if name not in (item, title)]
    out += attribute_columns(path, frame, others, value_separator, report)
    return pl.DataFrame(out)


def _without_markers(titles: pl.Series) -> pl.Series:
    """Titles without what programs write for a missing one, where several items have such: one may be called "Null"."""
    key = titles.str.strip_chars().str.to_lowercase()
    marker = key.is_in(MISSING_IDS)
    several = marker & (key.is_duplicated() | (marker.sum() > 1))
    return titles.set(several.fill_null(False), None)


def _ids(path: Path, column: pl.Series, report: ReadingReport) -> pl.Series:
    """Ids as categories, stripped of white space and of a zero fraction (".0"); null if empty.

    Among numbers, "nan" or "NULL" is a missing id; among names, it may be one (there are artists called NULL).
    """
    if column.dtype.is_nested():
        raise DataError(f"{path}: {column.name!r} holds lists; expected one id per row.")
    text = column.cast(pl.String, strict=False)
    coded = text.cast(pl.Categorical)
    values = coded.unique().cast(pl.String)  # far fewer than rows
    stripped = values.str.strip_chars()
    wordy = stripped.filter((stripped != "") & ~stripped.str.contains(NUMBER))
    absent = wordy.to_list() if len(wordy) and wordy.str.to_lowercase().is_in(MISSING_IDS).all() else []
    if absent:
        report.decisions.append(f"{path.name}: {sorted(absent)[0]!r} in {column.name!r} is read as a missing id.")
    stripped = stripped.replace(["", *absent], None)
    whole = are_whole_numbers(stripped)
    if whole:
        example = stripped.filter(stripped.str.ends_with(".0").fill_null(False)).sort()[0]
        report.decisions.append(f"{path.name}: ids of {column.name!r} such as {example!r} are read as whole numbers.")
    if not whole and stripped.equals(values, null_equal=True):
        return coded
    cleaned = text.str.strip_chars().replace(["", *absent], None)
    return (cleaned.str.replace(FRACTION, "") if whole else cleaned).cast(pl.Categorical)
