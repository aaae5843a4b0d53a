"""Reading what a chat model replies: its answer without its thinking, a decision, a list of titles."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from recx.prompts.quotation_marks import straight_quotes

LONGEST = 100_000  # letters of a reply that are read; no answer asked for here is nearly as long
_UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")

_TAG = re.compile(
    r"<(/?)(?:think|thinking|thought|reasoning)>|\[(/?)THINK\]|◁(/?)think▷"
    # gpt-oss, where its server does not tell the channels apart
    r"|<\|channel\|>(?:analysis|commentary)<\|message\|>|(<\|channel\|>final<\|message\|>)",
    re.IGNORECASE,
)
_FENCE = re.compile(
    r"\A\s*(?:`{3,}|~{3,})(?:[\w+-]*[ \t\r]*(?:\n|\Z)|(?=[^\w\s`~]))|(?:`{3,}|~{3,})\s*\Z"
)  # the line that opens one, and the marks that close one

_LABEL = r"(?:(?:so|thus|my|the)\W+)*(?:final\s+)?(?:answer|decision|verdict|prediction)\W+(?:is\W+)?"
# "No doubt they would", "No. 1" and "Yes or no?" are no decisions.
_FIRST_WORD = re.compile(
    rf"\W*(?:{_LABEL})?(?:(yes)\b|no\b(?!\.?\s*\d)(?=[^\w\s]|\s*(?:\Z|\n|[^\w\s])|"
    r"\s+(?:because|since|as|they|he|she|it|this|the|I)\b))(?!\s*(?:/|or\b|and\b)\s*(?:yes|no)\b)",
    re.IGNORECASE,
)
_LAST_LINE = re.compile(rf"\W*(?:{_LABEL})?(?:(yes)|no)\W*", re.IGNORECASE)

_MARK = re.compile(
    r"(?P<indent>\s*)(?:(?P<number>[(\[]?#?\d{1,3}\\?[.):\]])(?=\D|$)|[-*+–—](?=\s)|-(?=\w)|[•·‣▪◦●])\s*"
)
_EMPHASIS = re.compile(r"(?<!\w)(\*{1,3}|_{1,3}|`)(?=\S)(.{1,150}?)(?<=\S)\1(?!\w)")
_AROUND_QUOTES = re.compile(r'[*_`]{1,3}(?=")|(?<=")[*_`]{1,3}')
_YEAR = r"\s*[(\[]((?:18|19|20)\d\d)[)\]]"
_QUOTED = re.compile(rf'"([^"]*)"(?:{_YEAR})?')
_SEQUENCE = re.compile(rf'"[^"]*"(?:(?:{_YEAR})?[\s;,/|.]*(?:(?:and|or|&)\s+)?"[^"]*")*')
_REMARK = re.compile(r"\s+(?:[-–—]\s+|\()(?=[a-z])")  # a title goes on in capitals
_SENTENCE_WORDS, _LONGEST_TITLE = 5, 150


class BadReply(ValueError):
    """A reply that is not of the form asked for; the text says what was expected."""


def text_of(content: Any) -> str:
    """The text of a message's content: as it is, or the text parts of a list of parts, without those that think."""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else [content]
    return "".join(_part(p) for p in parts)


def _part(part: Any) -> str:
    if isinstance(part, str):
        return part
    if not isinstance(part, dict) or part.get("type", "text") not in ("text", "output_text"):
        return ""
    return part["text"] if isinstance(part.get("text"), str) else ""


def answer_of(text: str) -> str:
    """What a reply says when it has done thinking: no tagged thinking, and no fence around the whole.

    Thinking ends at a closing tag, whether one opened it or not; where nothing closes it, it goes on to the end.
    Characters that control a screen or cannot be written to a file are replaced.
    """
    answer = _UNWRITABLE.sub("\ufffd", without_thinking(text)[-LONGEST:]).strip()
    while (plain := _FENCE.sub("", answer).strip()) != answer:
        answer = plain
    return answer


def without_thinking(text: str) -> str:
    """A text without its tagged thinking; empty where it does nothing else."""
    kept, place, thinks = [], 0, False
    for tag in _TAG.finditer(text):
        closes = any(tag.groups())
        if closes and not thinks:
            kept = []  # what was before it was thinking too
        elif not closes and not thinks:
            kept.append(text[place : tag.start()])
        thinks, place = not closes, tag.end()
    return "\n".join(kept if thinks else [*kept, text[place:]])


def read_decision(answer: str) -> bool:
    """Yes or No, where an answer begins with it or ends with a line that is nothing else.

    Raises:
        BadReply: it says neither in such a place, or both.
    """
    lines = answer.strip().splitlines() or [""]
    said = {bool(m[1]) for m in (_FIRST_WORD.match(answer), _LAST_LINE.fullmatch(lines[-1])) if m}
    if len(said) != 1:
        raise BadReply("it says both Yes and No" if said else "it says neither Yes nor No")
    return said.pop()


@dataclass(frozen=True)
class _Line:
    """One line: its kind (title, number, bullet, quoted, plain or remark), indent, and the items that it names."""

    kind: str
    indent: int
    items: tuple[int, ...]


def read_titles(answer: str, find: Callable[[str], int | None]) -> list[int]:
    """Items of the titles that an answer lists, in its order.

    A list is numbered, bulleted or in plain lines, or in quotation marks within one sentence. Lines that introduce,
    explain or close it are left out.

    Args:
        answer: without thinking.
        find: item of a title, None where the catalogue has none such; 0 stands for it in the list.

    Raises:
        BadReply: no list of titles is found.
    """
    blocks = [list(own) for filled, own in groupby(answer.splitlines(), key=lambda line: bool(line.strip())) if filled]
    longest = max(map(len, blocks), default=0)
    lines = [
        _read_line(line, find, apart=longest > 1 == len(block) and n in (0, len(blocks) - 1))
        for n, block in enumerate(blocks)
        for line in block
    ]
    kinds = [kind for kind in ("number", "bullet", "quoted") if any(line.kind == kind for line in lines)]
    known = [kind for kind in kinds if any(any(line.items) for line in lines if line.kind == kind)]
    chosen = (known or kinds or ["plain"])[0]
    also = {"title", "plain"} if chosen in ("quoted", "plain") else {"title"}
    indent = min((line.indent for line in lines if line.kind == chosen), default=0)
    kept = [x for x in lines if x.kind in also or (x.kind == chosen and x.indent == indent)]
    return [item for line in kept for item in line.items] or _read_sentence(answer, find)


def _read_line(line: str, find: Callable[[str], int | None], apart: bool) -> _Line:
    """One line; `apart` where it stands alone before or after a list."""
    whole = find(line.strip())
    if whole:
        return _Line("title", 0, (whole,))
    mark = _MARK.match(line)
    kind = "plain" if not mark else "number" if mark["number"] else "bullet"
    body = (line[mark.end() :] if mark else line).strip()
    straight = straight_quotes(body.lstrip("[ "))
    straight = _AROUND_QUOTES.sub("", straight) if '"' in straight else _EMPHASIS.sub(r'"\2"', straight)
    quoted = _SEQUENCE.match(straight)
    if quoted:
        items = tuple(find(title) or 0 for title in _quoted(straight, quoted))
        kind = "quoted" if kind == "plain" else kind
    else:
        items = _unquoted(body, find)
    if (kind in ("plain", "quoted") and not any(items) and apart) or _is_remark(straight, kind, items):
        kind = "remark"
    return _Line(kind, len(mark["indent"].expandtabs()) if mark else 0, items)


def _quoted(straight: str, sequence: re.Match[str]) -> list[str]:
    """The quoted titles of a sequence, each with the year in brackets behind it."""
    found = [m for m in _QUOTED.finditer(straight, sequence.start()) if m.start() < sequence.end()]
    return [f"{m[1]} ({m[2]})" if m[2] else m[1] for m in found]


def _unquoted(body: str, find: Callable[[str], int | None]) -> tuple[int, ...]:
    """A title without marks, alone on its line, with a remark behind it, or several joined by semicolons."""
    item = find(body) or find(_REMARK.split(body, maxsplit=1)[0])
    if item or "; " not in body:
        return (item or 0,)
    return tuple(find(part) or 0 for part in body.split("; "))


def _is_remark(line: str, kind: str, items: tuple[int, ...]) -> bool:
    """Whether a line introduces, explains or closes a list, or is no text at all."""
    if not any(letter.isalnum() for letter in line) or line.endswith((":", "：")):
        return True
    if kind == "quoted":
        return not any(items) and bool(re.search(r'":\s*[\[{]', line))
    sentence = line.endswith((".", "!", "?")) and len(line.split()) >= _SENTENCE_WORDS
    return (
        kind == "plain"
        and not any(items)
        and (sentence or '"' in line or len(line) > _LONGEST_TITLE or line.startswith(("```", "~~~", "# ", "##")))
    )


def _read_sentence(answer: str, find: Callable[[str], int | None]) -> list[int]:
    """Titles in quotation marks within a sentence, where they are one list and nothing else is quoted."""
    straight = straight_quotes(answer)
    sequence = _SEQUENCE.search(straight)
    if sequence and '"' not in straight[: sequence.start()] + straight[sequence.end() :]:
        return [find(title) or 0 for title in _quoted(straight, sequence)]
    raise BadReply("it holds no list of titles")
