"""Bytes of a text file as UTF-8, whatever they were."""

import codecs
import re
from pathlib import Path

from recx.data.reading_report import ReadingReport
from recx.errors import DataError

# UTF-32 first: its mark begins with that of UTF-16.
_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_SETTING = "data.columns.encoding=NAME says it, e.g. utf-8, latin-1, cp1251 or utf-16"


def as_utf8(path: Path, raw: bytes, encoding: str, report: ReadingReport) -> bytes:
    """Text as UTF-8 without a mark; what is not plain UTF-8 is said in the report.

    Args:
        path: of the file.
        raw: its bytes.
        encoding: name of the encoding; found out where it is empty.
        report: says what was decided.

    Raises:
        DataError: the bytes are no text in that encoding, or may be text in more than one.
    """
    if not encoding and (raw.isascii() or _is_utf8(raw)) and not raw.startswith(codecs.BOM_UTF8) and b"\0" not in raw:
        return raw
    chosen = encoding or _guess(path, raw)
    try:
        text = raw.decode(chosen)
    except (UnicodeError, LookupError, ValueError) as error:
        raise DataError(f"{path}: cannot be read as {chosen} ({error}); {_SETTING}.") from error
    if not encoding:
        report.decisions.append(f"{path.name}: its characters are read as {chosen}.")
    return text.removeprefix("\ufeff").encode("utf-8", "replace")


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _guess(path: Path, raw: bytes) -> str:
    """An encoding that cannot well be another; of Western text the one of Windows, as the web's standard has it."""
    for mark, name in _MARKS.items():
        if raw.startswith(mark):
            return name
    left, right = (raw[start:4096:2].count(0) for start in (0, 1))
    if max(left, right) > len(raw[:4096]) / 4 and min(left, right) < max(left, right) / 20:
        return "utf-16-le" if right > left else "utf-16-be"  # most letters have a zero on one side
    if _is_utf8(raw):
        return "utf-8"
    text = raw.decode("utf-8", "surrogateescape")
    if re.search("[^\x00-\x7f\ud800-\udfff]", text):
        line = text[: re.search("[\ud800-\udfff]", text).start()].count("\n") + 1  # type: ignore[union-attr]
        raise DataError(f"{path}, line {line}: is not UTF-8, though other lines are; {_SETTING}.")
    # Western words have a letter beyond ASCII here and there; whole words of such bytes are another alphabet.
    if sum(map(len, re.findall(rb"[\x80-\xff]{2,}", raw))) * 2 > len(re.findall(rb"[\x80-\xff]", raw)):
        raise DataError(f"{path}: is not UTF-8, and may be in one of several alphabets; {_SETTING}.")
    try:
        raw.decode("cp1252")
    except UnicodeDecodeError:
        return "latin-1"
    return "cp1252"
