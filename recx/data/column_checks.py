"""Checks of table columns, shared by the readers."""

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from recx.errors import DataError

MISSING_IDS = ("nan", "<na>", "null", "none", "n/a", "#n/a", "\\n")
"""What programs write for a missing id or time, in lower case."""


def require_columns(path: Path, frame: pl.DataFrame, required: Sequence[str]) -> None:
    """Refuse a file that lacks a required column.

    Raises:
        DataError: with the missing column and those found.
    """
    missing = [c for c in required if c not in frame.columns]
    if missing:
        raise DataError(f"{path}: no column {missing[0]!r}; found {', '.join(frame.columns)}.")


def numbers_in(path: Path, column: pl.Series, unit: str = "row", first: int = 1) -> pl.Series:
    """Convert a column to floats; empty values become null.

    Args:
        path: path of the file, for messages.
        column: text or numbers.
        unit: what one value corresponds to in the file, e.g. "row" or "line", for messages.
        first: number of the first row or line.

    Raises:
        DataError: with the place and the value that is not a number.
    """
    if column.dtype.is_nested():
        raise DataError(f"{path}: {column.name!r} holds lists or records; expected a number in each {unit}.")
    column = column.str.strip_chars() if column.dtype == pl.String else column  # "a, 1" has a space before the number
    numbers, text = column.cast(pl.Float64, strict=False), column.cast(pl.String).fill_null("")
    bad = (numbers.is_null() & (text != "")).arg_true()
    if len(bad):
        raise DataError(f"{path}, {unit} {bad[0] + first}: {column.name} is {text[bad[0]]!r}, expected a number.")
    return numbers
