"""Conversion of a text file's bytes to UTF-8."""

import codecs
import re
from pathlib import Path

from recx.data.reading_report import ReadingReport
from recx.errors import DataError

# UTF-32 first: its byte order mark begins with that of UTF-16.
_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_SETTING = "set data.columns.encoding=NAME, e.g. utf-8, latin-1, cp1251 or utf-16"


def as_utf8(path: Path, raw: bytes, encoding: str, report: ReadingReport) -> bytes:
    """Convert text to UTF-8 without a byte order mark; the report says if it was in another encoding.

    Args:
        path: path of the file.
        raw: bytes of the file.
        encoding: name of the encoding; detected if empty.
        report: receives the decision.

    Raises:
        DataError: the bytes are not text in that encoding, or several encodings are possible.
    """
    if not encoding and (raw.isascii() or _is_utf8(raw)) and not raw.startswith(codecs.BOM_UTF8) and b"\0" not in raw:
        return raw
    chosen = encoding or _guess(path, raw)
    try:
        text = raw.decode(chosen)
    except (UnicodeError, LookupError, ValueError) as error:
        raise DataError(f"{path}: cannot be read as {chosen} ({error}); {_SETTING}.") from error
    if not encoding:
        report.decisions.append(f"{path.name}: the encoding is taken to be {chosen}.")
    return text.removeprefix("\ufeff").encode("utf-8", "replace")


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _guess(path: Path, raw: bytes) -> str:
    """The only plausible encoding; for Western text that of Windows, as in the WHATWG standard."""
    for mark, name in _MARKS.items():
        if raw.startswith(mark):
            return name
    left, right = (raw[start:4096:2].count(0) for start in (0, 1))
    if max(left, right) > len(raw[:4096]) / 4 and min(left, right) < max(left, right) / 20:
        return "utf-16-le" if right > left else "utf-16-be"  # one byte of most letters is zero
    if _is_utf8(raw):
        return "utf-8"
    text = raw.decode("utf-8", "surrogateescape")
    if re.search("[^\x00-\x7f\ud800-\udfff]", text):
        line = text[: re.search("[\ud800-\udfff]", text).start()].count("\n") + 1  # type: ignore[union-attr]
        raise DataError(f"{path}, line {line}: not UTF-8, though other lines are; {_SETTING}.")
    # Western words have an occasional letter beyond ASCII; whole words of such bytes belong to another alphabet.
    if sum(map(len, re.findall(rb"[\x80-\xff]{2,}", raw))) * 2 > len(re.findall(rb"[\x80-\xff]", raw)):
        raise DataError(f"{path}: not UTF-8, and the alphabet is ambiguous; {_SETTING}.")
    try:
        raw.decode("cp1252")
    except UnicodeDecodeError:
        return "latin-1"
    return "cp1252"
