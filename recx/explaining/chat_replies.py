"""Parsing the replies of chat models: the answer without its reasoning, a decision, a list of titles."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from recx.parsing.quotation_marks import straight_quotes

LONGEST = 100_000  # characters of a reply that are read; no expected answer is nearly as long
_UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")

_TAG = re.compile(
    r"<(/?)(?:think|thinking|thought|reasoning)>|\[(/?)THINK\]|◁(/?)think▷"
    # gpt-oss, if its server does not separate the channels
    r"|<\|channel\|>(?:analysis|commentary)<\|message\|>|(<\|channel\|>final<\|message\|>)",
    re.IGNORECASE,
)
_FENCE = re.compile(
    r"\A\s*(?:`{3,}|~{3,})(?:[\w+-]*[ \t\r]*(?:\n|\Z)|(?=[^\w\s`~]))|(?:`{3,}|~{3,})\s*\Z"
)  # the opening line of a code fence, and its closing marks

_LABEL = r"(?:(?:so|thus|my|the)\W+)*(?:final\s+)?(?:answer|decision|verdict|prediction)\W+(?:is\W+)?"
# "No doubt they would", "No. 1" and "Yes or no?" are not decisions.
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
_REMARK = re.compile(r"\s+(?:[-–—]\s+|\()(?=[a-z])")  # within a title, words would continue in capitals
_SENTENCE_WORDS, _LONGEST_TITLE = 5, 150


class BadReply(ValueError):
    """A reply that does not have the requested form; the message says what was expected."""


def text_of(content: Any) -> str:
    """Return the text of a message's content: a string, or the text parts of a list without the reasoning parts."""
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
    """Strip a reply of tagged reasoning and of a code fence around the whole answer.

    Reasoning ends at a closing tag, even without an opening one; if it is never closed, it extends to the end. Control
    characters and characters that cannot be written to a file are replaced.
    """
    answer = _UNWRITABLE.sub("\ufffd", without_thinking(text)[-LONGEST:]).strip()
    while (plain := _FENCE.sub("", answer).strip()) != answer:
        answer = plain
    return answer


def without_thinking(text: str) -> str:
    """Remove tagged reasoning from a text; empty if the text contains nothing else."""
    kept, place, thinks = [], 0, False
    for tag in _TAG.finditer(text):
        closes = any(tag.groups())
        if closes and not thinks:
            kept = []  # the text before it was reasoning too
        elif not closes and not thinks:
            kept.append(text[place : tag.start()])
        thinks, place = not closes, tag.end()
    return "\n".join(kept if thinks else [*kept, text[place:]])


def read_decision(answer: str) -> bool:
    """Read a decision: an answer begins with Yes or No, or its last line is nothing else.

    Raises:
        BadReply: neither is found in these places, or both are.
    """
    lines = answer.strip().splitlines() or [""]
    said = {bool(m[1]) for m in (_FIRST_WORD.match(answer), _LAST_LINE.fullmatch(lines[-1])) if m}
    if len(said) != 1:
        raise BadReply("it says both Yes and No" if said else "it says neither Yes nor No")
    return said.pop()


@dataclass(frozen=True)
class _Line:
    """One line: its kind (title, number, bullet, quoted, plain or remark), its indent, and the items it names."""

    kind: str
    indent: int
    items: tuple[int, ...]


def read_titles(answer: str, find: Callable[[str], int | None]) -> list[int]:
    """Read the items whose titles an answer lists, in order.

    A list is numbered, bulleted, one title per plain line, or quoted titles within one sentence. Lines that introduce,
    explain or conclude it are ignored.

    Args:
        answer: the reply without its reasoning.
        find: maps a title to its item, or to None if it is not in the catalogue; such titles become 0 in the list.

    Raises:
        BadReply: no list of titles was found.
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
    """Parse one line; `apart` means that it stands alone before or after the list."""
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
    """Return the quoted titles of a sequence, each including the bracketed year that follows it."""
    found = [m for m in _QUOTED.finditer(straight, sequence.start()) if m.start() < sequence.end()]
    return [f"{m[1]} ({m[2]})" if m[2] else m[1] for m in found]


def _unquoted(body: str, find: Callable[[str], int | None]) -> tuple[int, ...]:
    """Read unquoted titles: one alone on its line, one followed by a remark, or several separated by semicolons."""
    item = find(body) or find(_REMARK.split(body, maxsplit=1)[0])
    if item or "; " not in body:
        return (item or 0,)
    return tuple(find(part) or 0 for part in body.split("; "))


def _is_remark(line: str, kind: str, items: tuple[int, ...]) -> bool:
    """Whether a line introduces, explains or concludes a list, or contains no text at all."""
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
    """Read quoted titles within a sentence, provided they form one list and nothing else is quoted."""
    straight = straight_quotes(answer)
    sequence = _SEQUENCE.search(straight)
    if sequence and '"' not in straight[: sequence.start()] + straight[sequence.end() :]:
        return [find(title) or 0 for title in _quoted(straight, sequence)]
    raise BadReply("it holds no list of titles")


def read_text(reply: str) -> str:
    """Read a text of any kind.

    Raises:
        BadReply: it is empty.
    """
    if not reply.strip():
        raise BadReply("it is empty")
    return reply.strip()
