"""Reading what a chat model replies as a judge: a level of the rubric, or which of two texts is better."""

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
# A minus or "about" before the number, a question mark behind it or another number in brackets make it another answer.
_LEVEL = re.compile(
    rf"""[\s"'*_`(\[“‘«„]*(?:level\s+|points?\s+)?({_VALUE})(?:[.,]0+)?[*_`]*(?:{_OF}({_VALUE}))?"""
    rf"""(?:\s*(?:points?|stars?))?[*_`"'”’»“]*(?:\s*\((?!or\b)[^()\d]*\))?[\s"'*_`)\]”’»“.,;:!]*""",
    re.IGNORECASE,
)
_MARKS = " \t\r\n\"'*_`()[]“”‘’«».,;:!"
_CHOICES = {"a": 1, "text a": 1, "b": -1, "text b": -1, "equal": 0, "equally good": 0, "tie": 0}
_LAST_LETTERS = 20_000  # of a reply; more is not searched for objects


def read_rating(answer: str) -> Rating:
    """A rating from an answer: the score of its last JSON object, or, without one, of a line that is nothing else.

    A score is a level as a number or a word of it in one of some languages, "two out of three" and "2/3" among them.

    Args:
        answer: without thinking.

    Raises:
        BadReply: no score from 0 to 3 is said, or several are and no object says which counts.
    """
    record = _last_object(answer, "score")
    if record is None:
        return Rating(_only(answer, r"score|rating|level|grade", level_of))
    return Rating(level_of(record["score"]), comment=_shown(record.get("reason", ""), 300))


def read_choice(answer: str) -> int:
    """1 for A, -1 for B, 0 for equal, said as `read_rating` reads a score.

    Args:
        answer: without thinking.

    Raises:
        BadReply: the answer says none of these, or several.
    """
    record = _last_object(answer, "better")
    return _only(answer, r"better|winner|answer", choice_of) if record is None else choice_of(record["better"])


def level_of(said: Any) -> int:
    """The level that a value names: 2, 2.0, "2", "two", "zwei", "2/3" or "two out of three".

    Raises:
        BadReply: it names none from 0 to 3.
    """
    level: Any = said
    if isinstance(said, str):
        match = _LEVEL.fullmatch(said[:200])
        level = _number(match[1]) if match and (match[2] is None or _number(match[2]) == max(RUBRIC)) else None
    if isinstance(level, bool) or not isinstance(level, int | float) or level not in RUBRIC:
        raise BadReply(f'"score" must be 0, 1, 2 or 3, not {_shown(said)!r}')
    return int(level)


def choice_of(said: Any) -> int:
    """1 where "A" is said, -1 for "B", 0 for "equal".

    Raises:
        BadReply: something else is said.
    """
    choice = _CHOICES.get(said.strip(_MARKS).lower()) if isinstance(said, str) else None
    if choice is None:
        raise BadReply(f'"better" must be "A", "B" or "equal", not {_shown(said)!r}')
    return choice


def _shown(value: Any, letters: int = 40) -> str:
    """A value in a few letters; what holds others is not written out, however deep it goes."""
    return str(value)[:letters] if isinstance(value, str | int | float | None) else type(value).__name__


def _number(said: str) -> int:
    return int(said) if said.isdecimal() else _LEVEL_OF[said.lower()]


def _last_object(answer: str, key: str) -> dict[str, Any] | None:
    """The last JSON object of an answer that has a key, its keys in small letters; None where no object is begun.

    Raises:
        BadReply: objects are begun but none can be read, or the key is said once more behind the last one that can.
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
    """What the lines of an answer say that hold a value alone, behind a label or not.

    Raises:
        BadReply: none of them does, or they say different things.
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
