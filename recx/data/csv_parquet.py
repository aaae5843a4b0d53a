"""CSV and Parquet files whose columns are named by the user."""

import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl

from recx.data.recbole_atomic import read_bytes
from recx.errors import DataError
from recx.settings import Columns

SUFFIXES = (".csv", ".csv.gz", ".parquet")
_CHILD = "import sys, polars; polars.read_parquet(sys.argv[1]).write_ipc(sys.argv[2])"


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
            frame = _read_parquet(path)
        else:
            raw = read_bytes(path)
            frame = pl.read_csv(raw, infer_schema=False, schema_overrides=dict(numbers or {}))
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        words = (str(error).splitlines() or [type(error).__name__])[0]
        raise DataError(f"{path}: cannot be read ({words}){_where(path)}.") from error
    missing = [c for c in required if c not in frame.columns]
    if missing:
        raise DataError(f"{path}: no column {missing[0]!r}; found {', '.join(frame.columns)}.")
    # A blank line is no row; polars makes one of nulls of it. Looked for first, as filtering copies the whole.
    blank = frame.select(pl.all_horizontal(pl.all().is_null())).to_series()
    return frame.filter(~blank) if blank.any() else frame


def _read_parquet(path: Path) -> pl.DataFrame:
    """Read in a process of its own: a damaged file can ask for more memory than there is, which ends the process."""
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / "table.arrow"
        line = [sys.executable, "-c", _CHILD, str(path), str(plain)]
        done = subprocess.run(line, capture_output=True, text=True, errors="replace", check=False)
        if done.returncode:
            told = [
                row for row in done.stderr.splitlines() if "exceptions." in row or "memory" in row or "Error" in row
            ]
            raise DataError(f"{path}: cannot be read as Parquet ({(told or ['damaged'])[-1].strip()[:200]}).")
        return pl.read_ipc(plain.read_bytes())


def interactions_from_table(path: Path, columns: Columns) -> pl.DataFrame:
    """`user_id, item_id` and, where the file has them, `timestamp` (float) and `rating` (float)."""
    frame = read_table(path, [columns.user, columns.item])
    out = [pl.col(columns.user).cast(pl.String).alias("user_id"), pl.col(columns.item).cast(pl.String).alias("item_id")]
    for name, column in (("timestamp", columns.timestamp), ("rating", columns.rating)):
        if column in frame.columns:
            check_numbers(path, frame, column)
            out.append(pl.col(column).cast(pl.Float64, strict=False).alias(name))
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


def check_names(path: Path, frame: pl.DataFrame, taken: Mapping[str, str]) -> None:
    """Raise where a further column bears a name that another column is to take.

    Args:
        path: of the file.
        frame: its content.
        taken: name of the kit -> the column that takes it.

    Raises:
        DataError: naming both columns.
    """
    for name, column in taken.items():
        if column != name and name in frame.columns:
            raise DataError(f"{path}: has a column {name!r} beside {column!r}, which is to be the {name}; rename one.")


def check_numbers(path: Path, frame: pl.DataFrame, column: str) -> None:
    """Raise where a column holds something else than numbers.

    Raises:
        DataError: naming the row and what stands there.
    """
    values = frame[column]
    text = values.cast(pl.String).fill_null("")
    bad = (values.cast(pl.Float64, strict=False).is_null() & (text != "")).arg_true()
    if len(bad):
        raise DataError(f"{path}, row {bad[0] + 1}: {column} is {text[bad[0]]!r}, expected a number.")


def _where(path: Path) -> str:
    """Which line of a CSV file has another number of fields than its header, if that is what is wrong."""
    if path.name.endswith(".parquet"):
        return ""
    lines = read_bytes(path).split(b"\n")
    for number, line in enumerate(lines[1:], 2):
        if line and line.count(b",") > lines[0].count(b",") and b'"' not in line:
            return f"; line {number} has more fields than the header"
    return ""
