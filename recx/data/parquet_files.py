"""Parquet files: read in this process if their stated sizes are consistent, otherwise in a separate process.

A damaged file can state that a column unpacks to exabytes. Polars then requests that memory at once, which aborts the
process and cannot be caught. All such sizes are in the footer or in page headers, so they are checked first, by parsing
Thrift's compact protocol (Apache Parquet, `parquet.thrift`), however large the file.
"""

import mmap
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import polars as pl

from recx.errors import DataError

_MAGIC = b"PAR1"
# PLAIN, PLAIN_DICTIONARY, RLE and RLE_DICTIONARY; pages in other encodings state further counts inside.
_ENCODINGS = {0, 2, 3, 8}
# Unpacked size in bytes above which a file is read in a separate process: the larger of a constant and a multiple of
# the file size. Each value counts as at least 16 bytes, since a page with one repeated value takes almost none.
_ALLOWED, _RATIO, _VALUE = 1 << 28, 64, 16
_DATA, _DICTIONARY, _DATA_V2 = 5, 7, 8  # fields of a page header, of which exactly one is present
# Limited to the machine's memory, so that the system does not kill other processes.
_CHILD = """
import contextlib, os, sys
with contextlib.suppress(ImportError, ValueError, AttributeError):
    import resource
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
import polars
polars.read_parquet(sys.argv[1], glob=False).write_ipc(sys.argv[2])
"""


def read_parquet(path: Path) -> pl.DataFrame:
    """Read a Parquet file that may be damaged; binary and categorical columns become text, durations become seconds.

    Raises:
        DataError: the file is damaged, or binary values are not UTF-8 text.
    """
    if not is_sound(path):
        return _plain(_read_in_child(path), path)
    try:
        frame = pl.read_parquet(path, glob=False)  # stars and brackets in a path are literal
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        raise DataError(f"{path}: cannot be read as Parquet ({str(error)[:200]}).") from error
    return _plain(frame, path)


def _plain(frame: pl.DataFrame, path: Path) -> pl.DataFrame:
    """Reduce columns to the types that readers support: binary and categorical to text, durations to seconds."""
    text = {pl.Binary: pl.String, pl.List(pl.Binary): pl.List(pl.String)}
    for name, kind in frame.schema.items():
        column = pl.col(name)
        if kind in text:
            column = column.cast(text[kind])
        elif isinstance(kind, (pl.Categorical, pl.Enum)):
            column = column.cast(pl.String)
        elif isinstance(kind, pl.Duration):
            column = column.dt.total_seconds()
        elif isinstance(kind, pl.Array):
            column = column.arr.to_list()
        else:
            continue
        try:
            frame = frame.with_columns(column)
        except pl.exceptions.PolarsError as error:
            raise DataError(
                f"{path}: column {name!r} holds bytes that are not UTF-8 text. Store it as text, or leave it out."
            ) from error
    return frame


def is_sound(path: Path) -> bool:
    """Whether the sizes and counts stated in a Parquet file are consistent with each other and with its length."""
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as raw:
            return _footer_agrees(raw)
    except (OSError, ValueError, KeyError, IndexError, TypeError, RecursionError):
        return False


def _footer_agrees(raw: mmap.mmap) -> bool:
    end = len(raw) - 8
    start = end - int.from_bytes(raw[end : end + 4], "little")
    if start < 4 or raw[:4] != _MAGIC or raw[-4:] != _MAGIC:
        return False
    footer, read = _struct(raw, start)
    schema, rows, groups = footer[2], footer[3], footer[4]
    columns = [(column[3], group[3]) for group in groups for column in group[1]]
    return (
        read == end
        and sum(element.get(5, 0) for element in schema) == len(schema) - 1
        and sum(group[3] for group in groups) == rows
        and sum(chunk[6] + _VALUE * chunk[5] for chunk, _ in columns) <= max(_ALLOWED, _RATIO * len(raw))
        and all(_chunk_agrees(raw, chunk, rows, start) for chunk, rows in columns)
    )


def _chunk_agrees(raw: mmap.mmap, chunk: dict[int, Any], rows: int, footer: int) -> bool:
    """Whether the pages of a column chunk lie before the footer and add up to the footer's totals."""
    at = min(offset for offset in (chunk[9], chunk.get(11)) if offset)
    end, values, unpacked = at + chunk[7], 0, 0
    if not 4 <= at <= end <= footer or not 0 <= rows <= chunk[5]:
        return False
    while at < end:
        header, body = _struct(raw, at)
        kind = next((field for field in (_DATA, _DICTIONARY, _DATA_V2) if field in header), None)
        count, encoding = header[kind][1], header[kind][4 if kind == _DATA_V2 else 2]
        if min(count, header[2], header[3]) < 0 or count > chunk[5] or encoding not in _ENCODINGS:
            return False
        values += count if kind != _DICTIONARY else 0
        unpacked += body - at + header[2]
        at = body + header[3]
    return (at, values, unpacked) == (end, chunk[5], chunk[6])


def _struct(raw: mmap.mmap, at: int) -> tuple[dict[int, Any], int]:
    """Parse a struct: its fields by number (None for texts), and the position after it."""
    fields: dict[int, Any] = {}
    number = 0
    while head := raw[at]:
        at, kind = at + 1, head & 15
        if head >> 4:
            number += head >> 4
        else:
            number, at = _integer(raw, at)
        fields[number], at = (kind == 1, at) if kind in (1, 2) else _value(raw, at, kind)
    return fields, at + 1


def _value(raw: mmap.mmap, at: int, kind: int) -> tuple[Any, int]:
    if kind == 3:
        return raw[at], at + 1
    if kind in (4, 5, 6):
        return _integer(raw, at)
    if kind == 7:
        return None, at + 8
    if kind == 8:
        length, at = _varint(raw, at)
        return None, at + length
    if kind == 9:
        size, of, at = raw[at] >> 4, raw[at] & 15, at + 1
        if size == 15:
            size, at = _varint(raw, at)
        if size > len(raw) - at:
            raise ValueError(f"a list of {size} values in a file of {len(raw)} bytes")
        items = []
        for _ in range(size):
            item, at = _value(raw, at, of)
            items.append(item)
        return items, at
    if kind == 12:
        return _struct(raw, at)
    raise ValueError(f"type {kind} does not occur in Parquet's headers")


def _integer(raw: mmap.mmap, at: int) -> tuple[int, int]:
    coded, at = _varint(raw, at)
    return (coded >> 1) ^ -(coded & 1), at


def _varint(raw: mmap.mmap, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        value |= (raw[at] & 127) << shift
        at += 1
        if raw[at - 1] < 128:
            return value, at
    raise ValueError("a number longer than 64 bits")


def _read_in_child(path: Path) -> pl.DataFrame:
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / "table.arrow"
        line = [sys.executable, "-c", _CHILD, str(path), str(plain)]
        done = subprocess.run(line, capture_output=True, text=True, errors="replace", check=False)
        if done.returncode:
            reason = re.search(r"^(memory allocation .*|\S*(?:Error|Exception): .*)", done.stderr, re.MULTILINE)
            raise DataError(f"{path}: cannot be read as Parquet ({reason[0][:200] if reason else 'damaged'}).")
        return pl.read_ipc(plain.read_bytes())
