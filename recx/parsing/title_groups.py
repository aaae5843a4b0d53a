"""Coordinated titles of one clause: "A, B and C" have one value together."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from recx.parsing.clauses import TITLE_MARK

_JOINED = re.compile(
    r"\W*+(?:and|or|nor|as well as|along with|together with|plus)?+\W*+(?:both|also|then)?+\W*+", re.IGNORECASE
)
# What takes a title out of the list that follows it behind a comma: 'Unlike "A", "B" is ...'.
_CONTRASTED = re.compile(
    r"\b(?:unlike|(?:in )?contrast to|contrary to|(?:compared|opposed) (?:with|to)|instead of|"
    r"rather than)\W*(?:the )?\W*$",
    re.IGNORECASE,
)
_COMMA = re.compile(r"\W*")


@dataclass(frozen=True, slots=True)
class TitleGroup:
    """Coordinated titles of one clause, as items (None for an unknown title), and the position of their marks."""

    items: tuple[int | None, ...]
    start: int
    end: int


def grouped(clause: str, titles: Sequence[int | None]) -> list[TitleGroup]:
    """The titles of a clause; coordinated titles ("A, B and C") form one group."""
    groups: list[TitleGroup] = []
    for mark in TITLE_MARK.finditer(clause):
        own = (titles[int(mark[1])],)
        if groups and _joined(clause, groups[-1], mark.start()):
            groups[-1] = TitleGroup((*groups[-1].items, *own), groups[-1].start, mark.end())
        else:
            groups.append(TitleGroup(own, mark.start(), mark.end()))
    return groups


def _joined(clause: str, group: TitleGroup, start: int) -> bool:
    """Whether a title that starts there belongs to a group."""
    if not _JOINED.fullmatch(clause, group.end, start):
        return False
    contrasted = _CONTRASTED.search(clause, max(group.start - 40, 0), group.start)
    return not (contrasted and _COMMA.fullmatch(clause, group.end, start))
