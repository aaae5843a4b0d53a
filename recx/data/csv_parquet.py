"""CSV and Parquet files whose columns are named by the user."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl

from recx.data.column_checks import check_names, numbers_in, require_columns
from recx.data.parquet_files import read_parquet
from recx.data.recbole_atomic import read_bytes
from recx.errors import DataError
from recx.settings import Columns

SUFFIXES = (".csv", ".csv.gz", ".parquet")


def read_table(path: Path, required: Sequence[str], numbers: Mapping[str, pl.DataType] | None = None) -> pl.DataFrame:
    """Read a CSV (optionally gzipped) or Parquet file and check that the named columns are there.

    Args:
        path: the file.
        required: columns it must have.
        numbers: columns of a CSV to read at once as numbers; others are read as text.

    Raises:
        DataError: naming file, line or column and what was expected.
    """
    try:
        if path.name.endswith(".parquet"):
            frame = read_parquet(path)
        else:
            raw = read_bytes(path)
            frame = pl.read_csv(raw, infer_schema=False, schema_overrides=dict(numbers or {}))
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise DataError(f"{path}: cannot be read ({reason}){_where(path)}.") from error
    require_columns(path, frame, required)
    # A blank line is no row; polars makes one of nulls of it. Looked for first, as filtering copies the whole.
    blank = frame.select(pl.all_horizontal(pl.all().is_null())).to_series()
    return frame.filter(~blank) if blank.any() else frame


def interactions_from_table(path: Path, columns: Columns) -> pl.DataFrame:
    """`user_id, item_id` and, where the file has them, `timestamp` (float) and `rating` (float)."""
    frame = read_table(path, [columns.user, columns.item])
    out = [pl.col(columns.user).cast(pl.String).alias("user_id"), pl.col(columns.item).cast(pl.String).alias("item_id")]
    for name, column in (("timestamp", columns.timestamp), ("rating", columns.rating)):
        if column in frame.columns:
            out.append(numbers_in(path, frame[column]).alias(name))
    return frame.select(out)


def items_from_table(path: Path, columns: Columns) -> pl.DataFrame:
    """`item_id, title` and one list column for every further column of the file."""
    frame = read_table(path, [columns.item, columns.title])
    check_names(path, frame, {"item_id": columns.item, "title": columns.title})
    out = [pl.col(columns.item).cast(pl.String).alias("item_id"), pl.col(columns.title).cast(pl.String).alias("title")]
    for name in frame.columns:
        if name in (columns.item, columns.title):
            continue
        column = frame[name]
        if column.dtype == pl.List:
            out.append(pl.col(name).cast(pl.List(pl.String)))
        else:
            out.append(pl.col(name).cast(pl.String).fill_null("").str.split(columns.separator).alias(name))
    return frame.select(out)


def _where(path: Path) -> str:
    """Which line of a CSV file has another number of fields than its header, if that is what is wrong."""
    if path.name.endswith(".parquet"):
        return ""
    lines = read_bytes(path).split(b"\n")
    for number, line in enumerate(lines[1:], 2):
        if line and line.count(b",") > lines[0].count(b",") and b'"' not in line:
            return f"; line {number} has more fields than the header"
    return ""
