"""Text tables: separator, header and quotes are detected unless the settings give them."""

import csv
import io
import itertools
import re
from collections import Counter
from pathlib import Path

import polars as pl

from recx.data.column_roles import KNOWN_NAMES, UNNAMED, squeezed
from recx.data.csv_tables import without_blank_rows
from recx.data.packed_files import read_bytes
from recx.data.reading_report import ReadingReport
from recx.data.text_encoding import as_utf8
from recx.data.time_columns import looks_like_times
from recx.errors import DataError
from recx.settings import Columns

SEPARATORS = {"tab": "\t", "comma": ",", "semicolon": ";", "pipe": "|", "space": " "}
_WORDS = {character: word for word, character in SEPARATORS.items()}
_HEAD, _LINES = 1 << 16, 200  # bytes and lines at the head of a file from which its form is detected


def read_text_table(path: Path, columns: Columns, report: ReadingReport, of_items: bool = False) -> pl.DataFrame:
    """Read a text table in any common form; columns of a table without a header are named 1, 2, 3 and so on.

    Args:
        path: the file (.gz and .zip are unpacked).
        columns: settings, which may give the form.
        report: receives the decisions, in one line.
        of_items: whether rows are items instead of events.

    Returns:
        One text column per field, null if empty; blank lines are skipped, and a log's column of row numbers is left
        out. That of an item file may be its ids (`item_roles`).

    Raises:
        DataError: with file, line and what was expected, or the setting that resolves an ambiguity.
    """
    raw = as_utf8(path, read_bytes(path), columns.encoding, report)
    raw = raw if b"\n" in raw else raw.replace(b"\r", b"\n")
    raw = re.sub(rb"\A\s*\n", b"", raw)  # blank lines above the header
    sample = _sample(raw)
    if not sample:
        raise DataError(f"{path}: the file is empty.")
    separator = _separator(path, sample, columns.separator, raw)
    if separator == " ":
        raw = b"\n".join(re.sub(rb"[ \t]+", b" ", line.strip(b" \t\r")) for line in raw.split(b"\n"))
        sample = _sample(raw)
    quote = _quote(path, raw, separator, columns.quote)
    rows = _split(sample, separator, quote)
    named = _has_header(path, rows, columns)
    names = _unique(rows[0]) if named else [str(n + 1) for n in range(max(map(len, rows)))]
    body = raw[_end_of_header(raw, separator, quote) :] if named else raw
    frame = _parsed(path, body, separator, quote, names, 1 + named)
    word = _WORDS.get(separator, repr(separator))
    top = "a header" if named else f"no header, so its columns are named 1 to {len(names)}"
    between = "one column" if len(names) == 1 else f"columns separated by {word}s"
    said = f"{path.name}: {between}, {top}"
    report.decisions.append(said + (", quotes are part of the values." if b'"' in raw and not quote else "."))
    return frame if of_items else without_index(path, frame, named, report)


def _sample(raw: bytes) -> list[str]:
    head = raw[:_HEAD]
    lines = head.decode("utf-8", "replace").split("\n")
    lines = lines if len(head) == len(raw) or len(lines) == 1 else lines[:-1]  # the last line may be incomplete
    return [line.rstrip("\r") for line in lines if line.strip()][:_LINES]


def _split(lines: list[str], separator: str, quote: str | None) -> list[list[str]]:
    if quote:
        try:
            return [row for row in csv.reader(lines, delimiter=separator, quotechar=quote) if row]
        except csv.Error:
            pass  # an unterminated field; the error is raised when the whole file is read
    return [line.split(separator) for line in lines]


def _separator(path: Path, lines: list[str], setting: str, raw: bytes) -> str:
    """The separator that gives all lines the same number of columns, preferably many.

    For a single column it is a character that occurs nowhere, since most values may contain none.
    """
    if setting:
        chosen = SEPARATORS.get(setting, setting)
        if len(chosen) != 1 or not chosen.isascii() or chosen in '\r\n"':
            known = ", ".join(SEPARATORS)
            raise DataError(f"data.columns.separator is {setting!r}; expected one ASCII character, or {known}.")
        return chosen
    shares = {}
    for separator in "\t,;|":
        for quote in ('"', None):
            (width, lot), *_ = Counter(map(len, _split(lines, separator, quote))).most_common(1)
            if width > 1:
                fit = (lot / len(_split(lines, separator, quote)), width)
                shares[separator] = max(shares.get(separator, fit), fit)
    words = {len(line.split()) for line in lines}
    if not any(share == 1 for share, _ in shares.values()) and len(words) == 1 and min(words) > 2:
        return " "
    best = [separator for separator, fit in shares.items() if fit == max(shares.values())]
    if len(best) > 1:
        either = " or ".join(_WORDS[s] for s in best)
        raise DataError(
            f"{path}: its columns may be separated by {either}, as in {lines[0][:80]!r}; choose one with "
            "data.columns.separator=..."
        )
    return best[0] if best else next((s for s in ",\t|;" if s.encode() not in raw), ",")


def _quote(path: Path, raw: bytes, separator: str, setting: str) -> str | None:
    """The quote character around values; None if there is none, or if quotes are part of the values."""
    if setting:
        if setting != "none" and (len(setting) != 1 or not setting.isascii()):
            raise DataError(f"data.columns.quote is {setting!r}; expected one ASCII character, or none.")
        return None if setting == "none" else setting
    if b'"' not in raw:
        return None
    between = separator.encode()
    opening = raw.count(between + b'"') + raw.count(b'\n"') + raw.startswith(b'"')
    closing = raw.count(b'"' + between) + raw.count(b'"\n') + raw.count(b'"\r\n') + raw.endswith(b'"')
    if raw.count(b'"') == opening + closing:
        return '"'
    edge = re.escape(between)
    quoted = re.compile(rb'(?:\A|(?<=[\n%b]))"(?:[^"]|"")*+"(?=%b|\r?\n|\r?\Z)' % (edge, edge))
    rest, found = quoted.subn(b"", raw)
    if b'"' not in rest:
        return '"'
    if not found:
        return None
    line = next(n for n, text in enumerate(raw.split(b"\n"), 1) if b'"' in quoted.sub(b"", text))
    raise DataError(
        f"{path}, line {line}: a quote in an invalid place, while other values are quoted. If quotes are part of the "
        "values, set data.columns.quote=none; otherwise repair that line."
    )


def _has_header(path: Path, rows: list[list[str]], columns: Columns) -> bool:
    """Whether the first line holds column names: known names, or text above numbers and dates."""
    if columns.header:
        return columns.header == "yes"
    first, below = [cell.strip() for cell in rows[0]], rows[1:]
    named = {columns.user, columns.item, columns.timestamp, columns.rating, columns.title} - {""}
    if any(name.isdigit() and int(name) <= len(first) for name in named):  # a column position
        return False
    if named & set(first):
        return True
    if any(_measured(pl.Series([cell])) for cell in first):
        return False
    if {squeezed(cell) for cell in first} & KNOWN_NAMES:
        return True
    under = [pl.Series([row[n] for row in below if n < len(row)], dtype=pl.String) for n in range(len(first))]
    if any(cell and (values == cell).any() for cell, values in zip(first, under, strict=True)):
        return False
    if any(_measured(values) for values in under):
        return True
    raise DataError(
        f"{path}: it is unclear whether the first line is a header or a row: {', '.join(first)[:120]}. Set "
        "data.columns.header=yes or data.columns.header=no."
    )


def _measured(values: pl.Series) -> bool:
    """Whether all values are numbers or dates."""
    known = values.str.strip_chars().replace("", None).drop_nulls()
    if known.is_empty():
        return False
    return not known.cast(pl.Float64, strict=False).null_count() or looks_like_times(known)


def _unique(names: list[str]) -> list[str]:
    """Make column names unique, as polars requires."""
    unique: list[str] = []
    for name in (" ".join(name.split()) for name in names):
        numbered = (f"{name} ({n})" for n in itertools.count(2))
        unique.append(next(n for n in itertools.chain([name], numbered) if n not in unique))
    return unique


def _end_of_header(raw: bytes, separator: str, quote: str | None) -> int:
    """Where the first row ends: after one line, or more if a quoted name spans several lines."""
    if not quote:
        return raw.find(b"\n") + 1 or len(raw)
    lines = io.BytesIO(raw)
    reader = csv.reader((line.decode("utf-8") for line in lines), delimiter=separator, quotechar=quote)
    try:
        next(reader)
    except csv.Error:
        return raw.find(b"\n") + 1 or len(raw)
    return lines.tell()


def _parsed(path: Path, body: bytes, separator: str, quote: str | None, names: list[str], first: int) -> pl.DataFrame:
    schema = dict.fromkeys(names, pl.String)
    blank = len(body) - len(body.lstrip(b"\r\n"))
    body, first = body[blank:], first + body[:blank].count(b"\n")
    if not body.strip(b"\r\n"):
        return pl.DataFrame(schema=schema)
    try:
        frame = pl.read_csv(
            body, separator=separator, has_header=False, quote_char=quote, infer_schema=False, schema=schema
        )
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        for number, line in enumerate(body.split(b"\n"), first):
            if line.count(separator.encode()) >= len(names) and b'"' not in line:
                fields = line.count(separator.encode()) + 1
                raise DataError(f"{path}, line {number}: {fields} fields; expected at most {len(names)}.") from error
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise DataError(f"{path}: cannot be read ({reason}).") from error
    return without_blank_rows(frame)


def without_index(path: Path, frame: pl.DataFrame, named: bool, report: ReadingReport) -> pl.DataFrame:
    """Drop a first column of row numbers, as pandas and R write it by default.

    Args:
        path: the file.
        frame: its rows.
        named: whether it has a header.
        report: receives the decision.
    """
    name = frame.columns[0]
    if frame.width < 3 or frame.height < 3 or (named and not UNNAMED.fullmatch(name)):
        return frame
    steps = frame[name].head(_LINES).cast(pl.Int64, strict=False)
    if steps.null_count() or not (steps.diff().drop_nulls() == 1).all():
        return frame
    report.decisions.append(f"{path.name}: the first column, which holds row numbers, is left out.")
    return frame.drop(name)
