"""CSV files with known columns."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl

from recx.data.column_checks import require_columns
from recx.data.packed_files import read_bytes
from recx.errors import DataError


def read_table(path: Path, required: Sequence[str], numbers: Mapping[str, pl.DataType] | None = None) -> pl.DataFrame:
    """Read a CSV file, optionally gzipped, and check that the required columns are present.

    Args:
        path: the file.
        required: columns that must be present.
        numbers: columns to parse as numbers; all others are read as text.

    Raises:
        DataError: with file, line or column, and what was expected.
    """
    try:
        frame = pl.read_csv(read_bytes(path), infer_schema=False, schema_overrides=dict(numbers or {}))
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise DataError(f"{path}: cannot be read ({reason}){_where(path)}.") from error
    require_columns(path, frame, required)
    return without_blank_rows(frame)


def without_blank_rows(frame: pl.DataFrame) -> pl.DataFrame:
    """Drop the rows of nulls into which polars turns blank lines."""
    # Look for them first, since filtering copies the whole frame.
    blank = frame.select(pl.all_horizontal(pl.all().is_null())).to_series()
    return frame.filter(~blank) if blank.any() else frame


def _where(path: Path) -> str:
    """The first line of a CSV file with more fields than its header, if any, for the error message."""
    lines = read_bytes(path).split(b"\n")
    for number, line in enumerate(lines[1:], 2):
        if line and line.count(b",") > lines[0].count(b",") and b'"' not in line:
            return f"; line {number} has more fields than the header"
    return ""
