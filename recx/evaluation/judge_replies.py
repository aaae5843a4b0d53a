"""Parsing the replies of chat models acting as judges: a rubric level, or the better of two texts."""

import json
import re
from collections.abc import Callable
from typing import Any

from recx.evaluation.judges import RUBRIC, Rating
from recx.explaining.chat_replies import BadReply

_WORDS = (
    "zero zéro cero ноль 零 〇",
    "one eins ein un une uno una um uma een één jeden один 一",
    "two zwei deux dos due dois duas twee dwa два 二 两 兩",
    "three drei trois tres tre três drie trzy три 三",
)
_LEVEL_OF = {word: level for level, words in enumerate(_WORDS) for word in words.split()}
_VALUE = rf"\d+|{'|'.join(sorted(_LEVEL_OF, key=len, reverse=True))}"
_OF = r"\s*(?:/|out of|of|von|sur|de|di|su|van|из)\s*"
# A minus sign or "about" before the number, or a question mark or a bracketed number after it, is not accepted.
_LEVEL = re.compile(
    rf"""[\s"'*_`(\[“‘«„]*(?:level\s+|points?\s+)?({_VALUE})(?:[.,]0+)?[*_`]*(?:{_OF}({_VALUE}))?"""
    rf"""(?:\s*(?:points?|stars?))?[*_`"'”’»“]*(?:\s*\((?!or\b)[^()\d]*\))?[\s"'*_`)\]”’»“.,;:!]*""",
    re.IGNORECASE,
)
_MARKS = " \t\r\n\"'*_`()[]“”‘’«».,;:!"
_CHOICES = {"a": 1, "text a": 1, "b": -1, "text b": -1, "equal": 0, "equally good": 0, "tie": 0}
_LAST_LETTERS = 20_000  # characters at the end of a reply that are searched for JSON objects


def read_rating(answer: str) -> Rating:
    """Read a rating from the last JSON object of an answer or, without one, from a line that holds only a score.

    A score is a number or a number word in one of several languages; forms such as "two out of three" and "2/3" count.

    Args:
        answer: the reply without its reasoning.

    Raises:
        BadReply: there is no score from 0 to 3, or there are several and no JSON object says which counts.
    """
    record = _last_object(answer, "score")
    if record is None:
        return Rating(_only(answer, r"score|rating|level|grade", level_of))
    return Rating(level_of(record["score"]), comment=_shown(record.get("reason", ""), 300))


def read_choice(answer: str) -> int:
    """Read a choice (1 for A, -1 for B, 0 for equal) in the same way as `read_rating` reads a score.

    Args:
        answer: the reply without its reasoning.

    Raises:
        BadReply: the answer contains none of these, or several.
    """
    record = _last_object(answer, "better")
    return _only(answer, r"better|winner|answer", choice_of) if record is None else choice_of(record["better"])


def level_of(said: Any) -> int:
    """Convert a value such as 2, 2.0, "2", "two", "zwei", "2/3" or "two out of three" to a rubric level.

    Raises:
        BadReply: the value is not a level from 0 to 3.
    """
    level: Any = said
    if isinstance(said, str):
        match = _LEVEL.fullmatch(said[:200])
        level = _number(match[1]) if match and (match[2] is None or _number(match[2]) == max(RUBRIC)) else None
    if isinstance(level, bool) or not isinstance(level, int | float) or level not in RUBRIC:
        raise BadReply(f'"score" must be 0, 1, 2 or 3, not {_shown(said)!r}')
    return int(level)


def choice_of(said: Any) -> int:
    """Convert "A" to 1, "B" to -1 and "equal" to 0.

    Raises:
        BadReply: the value is something else.
    """
    choice = _CHOICES.get(said.strip(_MARKS).lower()) if isinstance(said, str) else None
    if choice is None:
        raise BadReply(f'"better" must be "A", "B" or "equal", not {_shown(said)!r}')
    return choice


def _shown(value: Any, letters: int = 40) -> str:
    """Abbreviate a value; containers are represented by their type only."""
    return str(value)[:letters] if isinstance(value, str | int | float | None) else type(value).__name__


def _number(said: str) -> int:
    return int(said) if said.isdecimal() else _LEVEL_OF[said.lower()]


def _last_object(answer: str, key: str) -> dict[str, Any] | None:
    """Return an answer's last JSON object with the key, its keys in lower case; None if there is no object.

    Raises:
        BadReply: there are objects but none is valid, or the key occurs again after the last valid one.
    """
    text, decoder = answer[-_LAST_LETTERS:], json.JSONDecoder()
    found, end, place = None, 0, text.find("{")
    while place >= 0:
        try:
            record, end_of_this = decoder.raw_decode(text, place)
        except (ValueError, RecursionError):
            place = text.find("{", place + 1)
            continue
        lower = {str(k).strip().casefold(): v for k, v in record.items()}
        if key in lower:
            found, end = lower, end_of_this
        place = text.find("{", end_of_this)
    if (found is None and "{" in text) or re.search(rf"\b{key}\W*[:=]", text[end:] if found else "", re.IGNORECASE):
        raise BadReply(f'its last JSON object with "{key}" cannot be read' if found else f'no JSON object has "{key}"')
    return found


def _only(answer: str, label: str, read: Callable[[Any], int]) -> int:
    """Read the value from lines of an answer that contain only a value, optionally after a label.

    Raises:
        BadReply: there is no such line, or the lines contradict each other.
    """
    marks = """["'*_`“”\\s]*"""
    labelled = re.compile(
        rf"\W*(?:(?:the|my|final|overall)\s+)*(?:{label}){marks}(?:is\b:?|[:=]){marks}(.+)", re.IGNORECASE
    )
    said, problem = set(), BadReply("it holds no JSON object")
    for line in answer.splitlines():
        match = labelled.fullmatch(line)
        try:
            said.add(read(match[1] if match else line))
        except BadReply as error:
            problem = error if match else problem
    if len(said) != 1:
        raise BadReply("it says several different things") if said else problem
    return said.pop()
