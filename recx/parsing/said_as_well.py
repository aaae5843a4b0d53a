""" "As well" and "too", which claim that the text has mentioned a value before."""

import re
from collections.abc import Collection, Sequence
from dataclasses import replace

from recx.parsing.clauses import TITLE_MARK
from recx.parsing.parsed_explanation import Statement

_ALSO = re.compile(r"\bas well\b(?! as\b)|\btoo\b(?=\W*$|\s*[.,;:!?)])", re.IGNORECASE)
_NOT_ONLY = re.compile(r"\bnot (?:only|just|merely)\b", re.IGNORECASE)
_TOO_OF_TITLE = re.compile("\x00(?: (?:is|are|was|were|does|do|did))?(?: one)? (?:too|as well)$", re.IGNORECASE)


def says_not_only(clause: str) -> bool:
    """Whether a clause says "not only", behind which "as well" claims nothing."""
    return _NOT_ONLY.search(clause) is not None


def first_mention(clause: str, values: Sequence[tuple[str, int]], before: Collection[str]) -> int | None:
    """Which value of a clause is said "as well", if neither it nor another value of the clause was mentioned before.

    Args:
        clause: the clause, with titles and values replaced by marks.
        values: the values in the clause, with their positions in it.
        before: the values that the text has stated so far.
    """
    also, said = _ALSO.search(clause), [value for value, _ in values]
    if also is None or not said or not set(said).isdisjoint(before):
        return None
    last = max((n for n, (_, place) in enumerate(values) if place < also.start()), default=0)
    if TITLE_MARK.search(clause, values[last][1], also.start()) and _TOO_OF_TITLE.search(clause, 0, also.end()):
        return None  # '"A" is a Shooter, and "B" is too'
    return None if said[last] in said[:last] else last


def false_as_well(statement: Statement, text: str) -> Statement:
    """The statement marked as false, because "as well" follows it although no earlier statement has its value."""
    if not statement.true:
        return statement
    also = _ALSO.search(text, statement.span[1])
    # Another value or a title may stand between; then the mark stays on the value.
    near = also is not None and not re.search(r'[.;!?"]', text[statement.span[1] : also.start()])
    end = also.end() if near else statement.span[1]
    return replace(statement, true=False, false_as_well=True, span=(statement.span[0], end))
