"""The clauses of a text, in which titles and attribute values have been replaced by marks."""

import re
from collections.abc import Iterator

TITLE_MARK = re.compile("\x00(\\d+)\x00")
VALUE_MARK = re.compile("\x01(\\d+)\x01")
OWN_MARKS = {0: " ", 1: " "}  # what a text must not hold before it is marked
_SEPARATOR = re.compile(
    r"(?:(?:(?<!\be\.g)(?<!\bi\.e)(?<!\bvs)(?<!\bDr)(?<!\bMr)(?<!\bMs)\.|[;!?]|(?<!\x01):|:(?!\s*\x00))\s+|"
    r";\s*|,? (?:while|but|whereas|unlike|though|although) |, a change |\n+|"
    r", (?=(?:you|they|he|she|I)\b))"
)


def marked(text: str, start: int, titles: list[tuple[int, int]], values: list[tuple[int, int]]) -> str:
    """The text from `start` on with the n-th title as \\x00n\\x00 and the n-th value as \\x01n\\x01.

    The marks are set before the text is cut into clauses, since a title may hold a colon and a value a "no".
    """
    marks = [(span, f"\x00{n}\x00") for n, span in enumerate(titles)]
    marks += [(span, f"\x01{n}\x01") for n, span in enumerate(values)]
    pieces, place = [], start
    for span, mark in sorted(marks):
        pieces += [text[place : span[0]], mark]
        place = span[1]
    return "".join([*pieces, text[place:]])


def clauses(text: str) -> Iterator[tuple[str, str]]:
    """The clauses of a marked text, each with what separates it from the one before."""
    place, separator = 0, ""
    for found in _SEPARATOR.finditer(text):
        yield text[place : found.start()], separator
        place, separator = found.end(), found[0]
    yield text[place:], separator
