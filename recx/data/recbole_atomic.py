"""RecBole atomic files: tab-separated with a header of `name:type`, unquoted, optionally gzipped."""

import io
from pathlib import Path

import polars as pl

from recx.data.column_checks import numbers_in, require_columns
from recx.data.packed_files import read_bytes
from recx.data.reading_report import ReadingReport
from recx.errors import DataError

TYPES = ("token", "token_seq", "float", "float_seq")


def read_atomic(path: Path) -> pl.DataFrame:
    """Read one atomic file.

    Returns:
        One column per field: text for `token`, list of text for `token_seq` (split at spaces), float for `float`.

    Raises:
        DataError: with file, line and what was expected.
    """
    raw = read_bytes(path)
    head, _, body = raw.partition(b"\n")
    names, types = _header(path, head.decode("utf-8", "replace").rstrip("\r"))
    lines = [line for line in body.split(b"\n") if line.strip(b"\r")]
    # Polars would pad short lines instead of rejecting them, and treat empty lines as rows.
    if any(line.count(b"\t") + 1 != len(names) for line in lines):
        raise _malformed(path, raw, len(names))
    body = b"\n".join(lines)
    try:
        frame = pl.read_csv(
            io.BytesIO(body), separator="\t", has_header=False, quote_char=None, infer_schema=False, new_columns=names
        ) if body else pl.DataFrame(schema=dict.fromkeys(names, pl.String))  # fmt: skip
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise _malformed(path, raw, len(names)) from error
    frame = frame.with_columns(pl.all().fill_null("").str.strip_chars("\r"))
    return frame.with_columns(_typed(path, frame[name], kind) for name, kind in zip(names, types, strict=True))


def interactions_from(frame: pl.DataFrame, path: Path, report: ReadingReport) -> pl.DataFrame:
    """Interactions in either form: one per row, or one row per user with `item_id_list` and the last `item_id`.

    Returns:
        `user_id, item_id` and, if present, `timestamp` and `rating`; in the list form `timestamp` is the position in
        the list.

    Raises:
        DataError: a column is missing, or a time or rating is not a number.
    """
    require_columns(path, frame, ("user_id", "item_id"))
    if "item_id_list" not in frame.columns:
        for name in {"timestamp", "rating"} & set(frame.columns):
            if isinstance(frame.schema[name], pl.List):
                raise DataError(f"{path}, line 1: {name} is a sequence; expected a number.")
            if frame.schema[name] == pl.String:  # declared as a token; as text, 999999999 would sort after 1000000000
                frame = frame.with_columns(_numbers(path, frame[name]))
        return frame.select([c for c in ("user_id", "item_id", "timestamp", "rating") if c in frame.columns])
    joined = frame.select("user_id", pl.concat_list("item_id_list", pl.concat_list("item_id")).alias("item_id"))
    report.note("users in list form (history, then last item)", joined.height)
    return (
        joined.explode("item_id")
        .filter(pl.col("item_id") != "")
        .with_columns(pl.int_range(pl.len()).over("user_id").cast(pl.Float64).alias("timestamp"))
    )


def _header(path: Path, line: str) -> tuple[list[str], list[str]]:
    fields = [f.rpartition(":") for f in line.lstrip("\ufeff").split("\t")]
    names, types = [f[0] for f in fields], [f[2] for f in fields]
    wrong = [n or t for n, t in zip(names, types, strict=True) if not n or t not in TYPES]
    if wrong:
        raise DataError(
            f"{path}, line 1: {wrong[0]!r} is not of the form name:type, with type one of {', '.join(TYPES)}."
        )
    if len(set(names)) < len(names):
        raise DataError(f"{path}, line 1: a column name occurs twice.")
    return names, types


def _malformed(path: Path, raw: bytes, width: int) -> DataError:
    for number, line in enumerate(raw.split(b"\n"), 1):
        fields = line.count(b"\t") + 1
        if number > 1 and line and fields != width:
            return DataError(f"{path}, line {number}: {fields} fields; expected {width}, separated by tabs.")
    return DataError(f"{path}: cannot be read as UTF-8 text with {width} fields separated by tabs.")


def _typed(path: Path, column: pl.Series, kind: str) -> pl.Series:
    if kind == "token_seq":
        return column.str.strip_chars(" ").str.split(" ")
    if kind == "float_seq":
        return column.str.split(" ").list.eval(pl.element().cast(pl.Float64, strict=False))
    return _numbers(path, column) if kind == "float" else column


def _numbers(path: Path, column: pl.Series) -> pl.Series:
    return numbers_in(path, column, "line", 2)  # below the header
