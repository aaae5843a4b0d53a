"""Of how many titles of a history a clause states a value: of some, of most, of "only one", of "not all"."""

import re

from recx.parsing.clauses import TITLE_MARK, VALUE_MARK
from recx.parsing.value_mentions import KINDS

_MOST = re.compile(r"\bmost\b|\b(?:nearly|almost|practically) (?:all|every)\b", re.IGNORECASE)
_ALL = re.compile(
    rf"\b(?:every|each) (?:\w+ )?(?:{KINDS})\b|\ball of them\b|\beverything in\b|\b(?:entire|whole) history\b|"
    r"\bonly (?:play|watch|read|own|choose|buy|listen to)s?\b|"
    rf"\ball (?:of )?(?:the|your|their|his|her|these|those) (?:\w+ )?(?:(?:{KINDS})s?|history)\b",
    re.IGNORECASE,
)
_NOT_ALL = re.compile(r"\bnot (?:all|every)\b", re.IGNORECASE)
_ONE_OF = re.compile(r"\bone of (?:the|your|their|his|her) (?:\w+ ){1,2}(?:is|was)\b", re.IGNORECASE)
# Directly before a value: of how many titles of the history it is said, if neither of several nor of most.
_HOW_MANY = re.compile(
    r"\b(?:(?P<one>includes?|contains?|there(?: is|['’]s)) (?:an?|one)|(?P<exactly>only one)|"
    r"there are (?P<number>two|three|four|five|six|seven|eight|nine|ten)) (?:\w+ )?$",
    re.IGNORECASE,
)
_NUMBERS = {word: n for n, word in enumerate("two three four five six seven eight nine ten".split(), 2)}


def true_of_history(holders: int, titles: int, clause: str, place: int, negated: bool) -> bool:
    """Whether what a clause states of the history as a whole is true.

    Without words that tell an amount, two titles suffice.

    Args:
        holders: how many titles of the history have the value.
        titles: how many titles the history has.
        clause: the clause, with titles and values replaced by marks.
        place: position of the value in the clause.
        negated: whether the clause says that no title has it.
    """
    words = " ".join(VALUE_MARK.sub(" ", TITLE_MARK.sub(" ", clause)).split())
    if _NOT_ALL.search(words):
        return holders < titles
    if negated:
        return holders == 0
    many = _HOW_MANY.search(clause, max(place - 40, 0), place)
    if many or _ONE_OF.search(words):
        exact = many and (1 if many["exactly"] else _NUMBERS.get((many["number"] or "").casefold()))
        return holders == exact if exact else holders > 0
    if _MOST.search(words):
        return 2 * holders > titles
    if _ALL.search(words):
        return holders == titles
    return holders >= min(2, titles)
