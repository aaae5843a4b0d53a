"""One's own tables: a log of interactions, alone or with a file of items, whatever their columns are called."""

from dataclasses import replace
from pathlib import Path

import polars as pl

from recx.data.catalogue import RESERVED, attribute_name
from recx.data.column_checks import numbers_in
from recx.data.column_roles import item_roles, log_roles
from recx.data.parquet_files import read_parquet
from recx.data.reading_report import ReadingReport
from recx.data.recbole_atomic import interactions_from
from recx.data.sources import Tables
from recx.data.text_table import read_text_table
from recx.data.time_columns import times_in
from recx.errors import DataError
from recx.settings import Columns


def read_own_table(path: Path, columns: Columns, report: ReadingReport) -> pl.DataFrame:
    """A Parquet file, or a table of text in whatever form.

    Raises:
        DataError: naming file, line and what was expected.
    """
    return read_parquet(path) if path.suffix == ".parquet" else read_text_table(path, columns, report)


def own_tables(log: Path, items: Path | None, columns: Columns) -> Tables:
    """Read a log and, where there is one, a file of items; without it the items' names in the log are their titles.

    Raises:
        DataError: naming file, place and what was expected; or the setting that tells two readings apart.
    """
    report = ReadingReport()
    frame = read_own_table(log, columns, report)
    listed = read_own_table(items, _beside(columns), report) if items else None
    return tables_of(log, frame, items, listed, columns, report)


def _beside(columns: Columns) -> Columns:
    """What settings say of the file of items; a number as a name is the place of a column in the log."""
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
    """From the rows of both files to the kit's tables.

    Args:
        log: path of the log.
        frame: its rows.
        items: path of the file of items, if there is one.
        listed: its rows.
        columns: what the settings name.
        report: says what was decided.
        atomic: whether these are RecBole's files, whose values need not be split, and which may hold lists.

    Raises:
        DataError: naming file, place and what was expected; or the setting that tells two readings apart.
    """
    roles = log_roles(log, frame, columns, report, None if listed is None else listed.columns)
    history = f"{roles['item']}_list"
    if atomic and history in frame.columns:
        renamed = frame.select(user_id=roles["user"], item_id_list=history, item_id=roles["item"])
        interactions = interactions_from(renamed, log, report)
    else:
        interactions = interactions_of(log, frame, roles, columns, report, *(("line", 2) if atomic else ()))
    if items is None or listed is None:
        return Tables(interactions, items_in_log(log, frame, interactions["item_id"], roles, report), report)
    named = "" if roles["item"].isdigit() else roles["item"]
    item, title = item_roles(items, listed, _beside(columns), report, named)
    separator = "" if atomic else columns.value_separator
    return Tables(interactions, items_of(items, listed, item, title, separator, report), report)


def interactions_of(
    path: Path, frame: pl.DataFrame, roles: dict[str, str], columns: Columns, report: ReadingReport,
    unit: str = "row", first: int = 1,
) -> pl.DataFrame:  # fmt: skip
    """`user_id, item_id` and, where there are such columns, `timestamp` (seconds) and `rating`.

    Args:
        path: of the log.
        frame: its rows.
        roles: role -> column.
        columns: has the form of dates.
        report: says what was decided.
        unit: what a row of the frame is in the file, for messages.
        first: number of the first of these.

    Raises:
        DataError: naming the place and what is there instead of a time or a number.
    """
    out = [_ids(path, frame[roles[role]], report).alias(f"{role}_id") for role in ("user", "item")]
    if "timestamp" in roles:
        times = times_in(path, frame[roles["timestamp"]], columns.date_format, report, unit, first)
        out.append(times.alias("timestamp"))
    if "rating" in roles:
        out.append(numbers_in(path, frame[roles["rating"]], unit, first).alias("rating"))
    return pl.DataFrame(out)


def items_in_log(
    path: Path, frame: pl.DataFrame, ids: pl.Series, roles: dict[str, str], report: ReadingReport
) -> pl.DataFrame:
    """`item_id, title` of the items that a log names: its titles where it has a column of them, else the ids.

    Args:
        path: of the log.
        frame: its rows.
        ids: of the items, one a row of the interactions.
        roles: role -> column.
        report: says what was decided.
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
            f"{path.name}: the items of {roles['item']!r} have numbers and no names, and explanations need names. Put "
            "a file of items beside it, with their ids and titles (as items.csv beside interactions.csv)."
        )
    left = [c for c in frame.columns if c not in roles.values()]
    if left:
        report.decisions.append(f"{path.name}: of no use here and left out: {', '.join(map(repr, left))}.")
    return items


def items_of(
    path: Path, frame: pl.DataFrame, item: str, title: str, value_separator: str, report: ReadingReport
) -> pl.DataFrame:
    """`item_id, title` and one list column for every further column of the file.

    Args:
        path: of the file of items.
        frame: its rows.
        item: column of ids.
        title: column of titles; lists of words are joined.
        value_separator: between several values in a column of text; empty where each has one.
        report: says what was decided.
    """
    named = frame[title]
    titles = named.list.join(" ") if named.dtype == pl.List(pl.String) else named.cast(pl.String)
    out = [_ids(path, frame[item], report).alias("item_id"), titles.alias("title")]
    for name in frame.columns:
        if name in (item, title):
            continue
        column, own = frame[name], attribute_name(name)
        if name in RESERVED:
            report.decisions.append(
                f"{path.name}: column {name!r} is called {own!r} here, as the kit has its own {name!r}."
            )
        while own in {c.name for c in out}:
            own += " too"
        if isinstance(column.dtype, pl.List):
            out.append(column.cast(pl.List(pl.String)).alias(own))
        elif value_separator:
            out.append(column.cast(pl.String).fill_null("").str.split(value_separator).alias(own))
        else:
            out.append(pl.select(pl.concat_list(column.cast(pl.String))).to_series().alias(own))
    return pl.DataFrame(out)


def _ids(path: Path, column: pl.Series, report: ReadingReport) -> pl.Series:
    """Ids as categories, without white space around them and a fraction of zeros; null where empty."""
    if column.dtype.is_nested():
        raise DataError(f"{path}: {column.name!r} holds lists, expected an id a row.")
    text = column.cast(pl.String, strict=False)
    coded = text.cast(pl.Categorical)
    values = coded.unique().cast(pl.String)  # far fewer than rows
    stripped = values.str.strip_chars().replace("", None)
    whole = stripped.str.ends_with(".0").any() and stripped.drop_nulls().str.contains(r"^-?\d+(?:\.0+)?$").all()
    if whole:
        example = stripped.filter(stripped.str.ends_with(".0").fill_null(False)).sort()[0]
        report.decisions.append(f"{path.name}: ids of {column.name!r} such as {example!r} are read as whole numbers.")
    if not whole and stripped.equals(values, null_equal=True):
        return coded
    cleaned = text.str.strip_chars().replace("", None)
    return (cleaned.str.replace(r"\.0+$", "") if whole else cleaned).cast(pl.Categorical)
