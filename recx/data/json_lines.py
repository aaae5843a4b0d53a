"""Files with one record per line, read in chunks: JSON, and the Python literals of the Steam files."""

import ast
import gzip
import json
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any, TypeVar

import polars as pl
from tqdm.auto import tqdm

from recx.errors import DataError

CHUNK_BYTES = 1 << 25
MAX_LINE_BYTES = 1 << 24
Read = TypeVar("Read")


def read_json_lines(
    path: Path,
    schema: Mapping[str, pl.DataType],
    codes: tuple[str, ...] = (),
    keep: Callable[[pl.DataFrame], pl.DataFrame] = lambda frame: frame,
) -> pl.DataFrame:
    """Read chosen fields from a file of JSON lines (gzipped if its name ends in .gz), 32 MB of text at a time.

    Args:
        path: the file.
        schema: field -> type; fields missing from a line become null, other fields are ignored.
        codes: text fields to store as categories, at four bytes per row.
        keep: which rows of a piece of the file to keep, so that the others need no memory; by default all.

    Raises:
        DataError: with file, line and what was expected.
    """
    frames, line = [], 1
    empty = pl.DataFrame(schema=dict(schema))
    for chunk in line_chunks(path):
        try:
            frame = pl.read_ndjson(chunk, schema=dict(schema)) if chunk.strip() else empty
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
            raise _bad_json(path, chunk, line, schema) from error
        line += chunk.count(b"\n")
        frames.append(keep(frame).with_columns(pl.col(name).cast(pl.Categorical) for name in codes))
    return pl.concat(frames) if frames else empty.with_columns(pl.col(name).cast(pl.Categorical) for name in codes)


def read_literal_lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Number and record of each line, which is a Python dictionary literal or a JSON object.

    Lines are data, never code: `ast.literal_eval` accepts only literals.

    Raises:
        DataError: with file, line and what was expected.
    """
    number = 0
    for chunk in line_chunks(path):
        for raw in chunk.splitlines():
            number += 1
            if raw.strip():
                yield number, _record(path, number, raw)


def numbered_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Number and bytes of each line that is not blank.

    Lines end at line feeds alone: `splitlines` would also split at marks within strings.

    Raises:
        DataError: the file cannot be read, or a line is too long.
    """
    number = 0
    for chunk in line_chunks(path):
        for raw in chunk.removesuffix(b"\n").split(b"\n"):
            number += 1
            if raw.strip():
                yield number, raw


def checked_lines(path: Path, read: Callable[[dict[str, Any]], Read], form: str, what: str = "") -> Iterator[Read]:
    """What `read` makes of the JSON object in each line that is not blank.

    Args:
        path: JSON lines in UTF-8, with or without a byte order mark; gzipped if the name ends in .gz.
        read: checks one object and converts it; what it raises is reported with file and line.
        form: what a line looks like, for the message.
        what: what a line should be, for the message, e.g. `a rating`.

    Raises:
        DataError: the file cannot be read, or a line is not a JSON object or not accepted by `read`.
    """
    for number, raw in numbered_lines(path):
        try:
            record = json.loads(raw.decode("utf-8-sig"), object_pairs_hook=_with_each_name_once)
            if not isinstance(record, dict):
                raise TypeError("it is not a JSON object")
            value = read(record)
        except DataError as error:
            raise DataError(f"{path}, line {number}: {error}") from error
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError) as error:
            why = f"no {error}" if isinstance(error, KeyError) else error
            said = f"not {what} ({why})" if what else why
            raise DataError(f"{path}, line {number}: {said}; expected {form}.") from error
        yield value


def _with_each_name_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"{next(name for name in names if names.count(name) > 1)!r} occurs twice in it")
    return record


def line_chunks(path: Path) -> Iterator[bytes]:
    """Whole lines, about 32 MB at a time, with a progress bar if that takes over two seconds.

    Raises:
        DataError: the file cannot be read or unpacked, or a line is too long.
    """
    left = b""
    try:
        size = path.stat().st_size
        with path.open("rb") as raw, tqdm(total=size, unit="B", unit_scale=True, desc=path.name, delay=2) as bar:
            file: IO[bytes] = gzip.open(raw) if path.suffix == ".gz" else raw  # type: ignore[assignment]
            while block := file.read(CHUNK_BYTES):
                whole, newline, rest = (left + block).rpartition(b"\n")
                left = rest
                if len(left) > MAX_LINE_BYTES:
                    limit = f"{MAX_LINE_BYTES >> 20} MB"
                    raise DataError(f"{path}: a line is longer than {limit}; expected one record per line.")
                if newline:
                    yield whole + newline
                bar.update(raw.tell() - bar.n)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: cannot be read ({getattr(error, 'strerror', None) or error}).") from error
    if left:
        yield left


def _record(path: Path, number: int, raw: bytes) -> dict[str, Any]:
    try:
        text = raw.decode("utf-8")
        record = json.loads(text) if text.startswith('{"') else ast.literal_eval(text)
        if "\\ud" in text.lower():  # halves of characters, which no text file can hold
            record = json.loads(json.dumps(record, ensure_ascii=False).encode("utf-8", "replace"))
    except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
        record = None
    if not isinstance(record, dict):
        raise DataError(f"{path}, line {number}: {raw[:60]!r} is not a record; expected a dictionary of literals.")
    return record


def _bad_json(path: Path, chunk: bytes, first: int, schema: Mapping[str, pl.DataType]) -> DataError:
    """The error for the first line that Polars could not parse."""
    for number, raw in enumerate(chunk.split(b"\n"), first):
        if not raw.strip():
            continue
        try:
            if not isinstance(json.loads(raw), dict):
                return DataError(f"{path}, line {number}: {raw[:60]!r} is not a JSON object.")
            pl.read_ndjson(raw, schema=dict(schema))
        except (ValueError, RecursionError):
            return DataError(f"{path}, line {number}: {raw[:60]!r} is not valid JSON.")
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
            return DataError(f"{path}, line {number}: a field does not have the expected type ({str(error)[:120]}).")
    return DataError(f"{path}: cannot be read as JSON lines near line {first}.")
