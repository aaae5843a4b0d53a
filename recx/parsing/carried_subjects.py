"""What a clause is about that has no subject of its own: what the clause before it was about."""

import re
from dataclasses import dataclass

from recx.parsing.clauses import TITLE_MARK

# A clause that begins with titles named by the way: '"A", unlike "B", is ...'.
_UNLIKE, _UNLIKE_ENDS = re.compile(r",? unlike "), re.compile("\x00\\d+\x00,")
# A clause about what the one before named: "They are Shooters".
_THEY_ARE = re.compile(
    r"\W*(?P<who>they|these|both)(?: of them)? (?:are|were)(?: (?:both|all|also))*(?: (?:for|by|on|made by))? "
    r"(?=\x01\d+\x01(?! (?:fan|lover|enthusiast|player|gamer|reader|person|people)))",
    re.IGNORECASE,
)
# A clause behind "but" or a colon that goes on about what the one before is about: "not X but also a Y", "genres: X".
_GOES_ON = re.compile(r",? (?:but|though|although) |: ?")
_NO_SUBJECT = re.compile(
    r"\W*(?:(?:also|rather|instead|even|still|only|just|an?|the|of|for|from|with|in|part|is|are)\s+)*(?:[\w-]+\s+)?",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class ClauseBefore:
    """What a clause was about, as items (None for an unknown title).

    Attributes:
        named: the last titles that it named.
        subjects: what its last value was stated about.
    """

    named: tuple[int | None, ...] = ()
    subjects: tuple[int | None, ...] = ()


def goes_on(separator: str) -> bool:
    """Whether a separator lets the clause behind it go on with what the one before it says."""
    return _GOES_ON.fullmatch(separator) is not None


def without_aside(clause: str, separator: str) -> tuple[str, bool]:
    """The clause with a title blanked that "unlike" introduces by the way, and whether there is one."""
    aside = _UNLIKE_ENDS.match(clause) if _UNLIKE.fullmatch(separator) else None
    return (clause, False) if aside is None else (" " * aside.end() + clause[aside.end() :], True)


def carried_subjects(
    clause: str, separator: str, value: int | None, before: ClauseBefore, aside: bool, item: int
) -> list[int | None] | None:
    """The items of the clause before that a clause is about, or None if it has subjects of its own.

    Args:
        clause: the clause, with titles and values replaced by marks.
        separator: what separates it from the clause before.
        value: position of its first value, None if it has none.
        before: what the clause before was about.
        aside: whether this clause began with a title named by the way.
        item: index of the item in question.
    """
    if TITLE_MARK.search(clause):
        return None
    they = _THEY_ARE.match(clause)
    if they:
        pair = they["who"].casefold() == "both" and len(before.named) == 1 and before.named != (item,)
        if pair or len(before.named) > 1:
            return [*([item] if pair else []), *before.named]
        return None
    if aside and before.named:
        return [*before.named]
    if goes_on(separator) and value is not None and _NO_SUBJECT.fullmatch(clause, 0, value):
        return [*before.subjects]
    return None
