"""Whether a clause denies that titles have a value."""

import re
from collections.abc import Sequence

from recx.parsing.title_groups import TitleGroup

_NEGATION = re.compile(
    r"\b(?:no(?! (?:doubt|wonder|question|stranger|ordinary|better))|"
    r"not(?! (?:only|just|merely|simply|to mention|the (?:first|only|last)|an? ordinary))|nothing|nobody|none|never|"
    r"neither|without|lack(?:s|ing)?|hardly(?! (?:surpris|a surprise))|rather than|instead of|far from|scarcely|"
    r"barely|(?:free|devoid) of|avoid(?:s|ing)?|dislikes?|rarely|seldom|excludes?|(?:little|nothing) to do with|"
    r"(?:cannot|can['’]t|won['’]t|wouldn['’]t) be(?! (?:missed|beaten|disappointed|disappointing))|"
    r"ha(?:s|ve|d)n['’]t(?= an?y?\b)|"
    r"(?:is|are|was|were|does|do|did)n['’]t"
    r"(?! (?:miss|hesitate|worry|forget|only|just|merely|simply|the (?:first|only))))\b",
    re.IGNORECASE,
)
# A negation before the titles of a value, and one after the value.
_NONE_OF = re.compile(r"\b(?:neither|none of|not one of)\W*(?:(?:the|both|these)\b)?\W*$", re.IGNORECASE)
_NOT_BEHIND = re.compile("\x01\\d+\x01(?: \\w+)? (?:is|are|was|were)(?: not|n['’]t) (?:one of|among|part of)\\b")
_TURN = re.compile(r", (?:and|so|as|plus|which|with|its|it)\b")  # a negation does not reach beyond


def is_negated(clause: str, place: int, begin: int, groups: Sequence[TitleGroup]) -> bool:
    """Whether a value is denied.

    Args:
        clause: the clause, with titles and values replaced by marks.
        place: position of the value in the clause.
        begin: position where the mention of its subjects ends.
        groups: the titles of the clause.
    """
    turn = max((m.end() for m in _TURN.finditer(clause, begin, place)), default=begin)
    return bool(
        _NEGATION.search(clause, turn, place)
        or _NOT_BEHIND.match(clause, place)
        or any(_NONE_OF.search(clause, max(g.start - 30, 0), g.start) for g in groups if g.end == begin)
    )
