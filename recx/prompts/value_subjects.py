"""What a value in a clause is said of: titles named there, the item in question, or the history as a whole.

The parser of explanations has put marks in place of what it knows: the number of a title between two \\x00, that of a
value between two \\x01.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from recx.prompts.value_mentions import KINDS, TASTE

REACH = 300  # letters on either side of a value that tell what it is said of
TITLE_MARK = re.compile("\x00(\\d+)\x00")
_PRONOUN = re.compile(
    rf"(?:^|\s)it\b|\bthis (?:\w+ )?(?:{KINDS})\b|\bthe (?:game|film|movie|book|novel|album|song|item|product)\b",
    re.IGNORECASE,
)
_ITS = re.compile(r"\bits\b", re.IGNORECASE)
# Titles of one subject, and titles that are said to be like it: ', like "A"', ', and so is "A"', ', as "A" is'.
_JOINED = re.compile(
    r"\W*+(?:and|or|nor|as well as|along with|together with|plus)?+\W*+(?:both|also|then)?+\W*+", re.IGNORECASE
)
_COMPARED = re.compile(
    r"(?:(?<!will )(?<!ll )(?<!would )(?<!'d )(?<!they )(?<!you )(?<!to )\blike|\b(?:such as|including|e\.g\.|"
    r"for example|for instance|namely|so (?:is|are|does|was)|similar to|same as)|, (?:just )?as)"
    r"\W*(?:the|either|both)?\W*$",
    re.IGNORECASE,
)
_OF_TITLE = re.compile("\x01\\d+\x01(?:(?:, and|,| and) \x01\\d+\x01)*(?: [\\w-]+){0,2} (?:of|in)\\W*(?:the )?\x00")
_LISTED = r"[\"'\]]*(?:, (?:and |or )?| and | or |/)[\"'\[]*(?:[\w-]+ )?"
_VALUE_BEFORE = re.compile(f"\x01{_LISTED}$")
_VALUE_BEHIND = re.compile(f"\x01\\d+\x01{_LISTED}\x01")
_RELATIVE = re.compile(r"\b(?:which|that|who)\b")
_THIS_ONE = re.compile(
    rf"\bthis(?: \w+)? \x01\d+\x01|\bas an?(?: \w+)? \x01\d+\x01 (?:{KINDS})\b|\bbeing(?: \w+)? \x01\d+\x01",
    re.IGNORECASE,
)
_NOT_TASTED = re.compile("\x00|\\b(?:its?|this|because|due to|thanks to)\\b", re.IGNORECASE)


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
        if groups and _JOINED.fullmatch(clause, groups[-1].end, mark.start()):
            groups[-1] = TitleGroup((*groups[-1].items, *own), groups[-1].start, mark.end())
        else:
            groups.append(TitleGroup(own, mark.start(), mark.end()))
    return groups


def find_subjects(clause: str, groups: Sequence[TitleGroup], place: int, item: int) -> tuple[list[int | None], int]:
    """The items a value is stated about (none for the history as a whole), and the position where their mention ends.

    Args:
        clause: the clause, with titles and values replaced by marks.
        groups: the titles near the value.
        place: position of the value in the clause.
        item: index of the item in question.
    """
    first, last = max(place - REACH, 0), place + REACH
    held = _OF_TITLE.match(clause, place)
    if held:
        return next(([*g.items] for g in groups if g.start == held.end() - 1), []), place
    this = _THIS_ONE.search(clause, max(place - 12, 0), last)
    if this and this.start() < place:
        return [item], place
    before = [g for g in groups if g.end <= place]
    behind = [g for g in groups if g.start > place]
    compared = [i for g in behind if _COMPARED.search(clause, max(place, g.start - 40), g.start) for i in g.items]
    if any(not _NOT_TASTED.search(clause, m.end(), place) for m in TASTE.finditer(clause, first, place)):
        # Of several values none need be true of every title: "action, comedy and war films such as ...".
        listed = _VALUE_BEFORE.search(clause, first, place) or _VALUE_BEHIND.match(clause, place)
        return [] if listed else compared, first
    if _RELATIVE.search(clause, place, behind[0].start if behind else last):  # "which recalls films like ..."
        compared = []
    pronoun = max((m.end() for m in _PRONOUN.finditer(clause, first, place)), default=-1)
    if before and before[-1].end > pronoun:
        return [*before[-1].items, *compared], before[-1].end
    if pronoun >= 0:
        return [item, *compared], first
    if not groups and _PRONOUN.search(clause, place, last):  # "With its tags Action and Indie, this game ..."
        return [item], first
    if not before and _ITS.search(clause, first, place):
        return [item, *compared], first
    return compared or [i for g in behind[:1] for i in g.items], first
