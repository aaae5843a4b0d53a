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
    rf"(?:^|\s)it\b|\bthis (?:\w+ )?(?:{KINDS})\b|\bthat (?:{KINDS})\b|\bthis is(?= (?:also |clearly )?an? )|"
    r"\b(?:this|that|the) (?:recommendation|suggestion|pick)\b|\bthis(?: \w+)? \x01\d+\x01|"
    r"\bthe (?:game|film|movie|book|novel|album|song|item|product)\b",
    re.IGNORECASE,
)
_ITS = re.compile(r"\bits\b", re.IGNORECASE)
# Titles of one subject, and titles that are said to be like it: ', like "A"', ', and so is "A"', ', as "A" is'.
_JOINED = re.compile(
    r"\W*+(?:and|or|nor|as well as|along with|together with|plus)?+\W*+(?:both|also|then)?+\W*+", re.IGNORECASE
)
_COMPARED = re.compile(
    r"(?:(?<!will )(?<!ll )(?<!would )(?<!'d )(?<!they )(?<!you )(?<!to )\blike|\b(?:such as|including|e\.g\.|"
    r"for example|for instance|namely|so (?:is|are|does|was)|similar to|same (?:\w+ )?as|"
    r"as (?:is|are|was|were|does|do|did))|, (?:just )?as)"
    r"\W*(?:the|either|both)?\W*$",
    re.IGNORECASE,
)
# What takes a title out of the list that follows it behind a comma: 'Unlike "A", "B" is ...'.
_CONTRASTED = re.compile(
    r"\b(?:unlike|(?:in )?contrast to|contrary to|(?:compared|opposed) (?:with|to)|instead of|"
    r"rather than)\W*(?:the )?\W*$",
    re.IGNORECASE,
)
_COMMA = re.compile(r"\W*")
# A value directly before the titles that it is said of: 'the Puzzle game "A"', "Valve's "A"', 'Valve made "A"',
# 'Shooters: "A", "B"'; behind a comma only where nothing else can have it: 'a Puzzle game, "A"'.
_DIRECTLY = re.compile(
    rf"(?:['’]s?)?(?: (?:{KINDS})s?)?(?: (?:called|titled|named))? (?=\x00)|: (?=\x00)|"
    r" (?:made|makes|developed|created|produced|published|released|wrote|directed) (?:the )?(?=\x00)",
    re.IGNORECASE,
)
_APPOSED = re.compile(rf"(?: (?:{KINDS}))?, (?=\x00\d+\x00(?:[,.;!?]|$))", re.IGNORECASE)
_ONE_OF_THEM = re.compile(r"\b(?:an?|the) (?:[\w-]+ ){0,2}$", re.IGNORECASE)
# Behind a title: it has the value that was just said of another one: '... is a Shooter, and "A" is one'.
_TOO = re.compile(r" (?:is|are|was|were|does|do|did) (?:one|too|as well|likewise)\b", re.IGNORECASE)
# Before a value: what was named before has it, or what was named and the item in question.
_THEY = re.compile(
    r"\b(?:both|they|these|all)(?: of them)? (?:are|were|being)(?: (?:both|all|also))*"
    r"(?: (?:an?|for|by|on|made by))? $",
    re.IGNORECASE,
)
# A title that is mentioned by the way: '"A", unlike "B", is ...', '"A" (after "B") is ...'.
_ASIDE = re.compile(
    r",? ?[(]?(?:unlike|after|following|which follows|the (?:sequel|successor|prequel|follow-up) (?:to|of))"
    r"\W*(?:the )?\W*",
    re.IGNORECASE,
)
_ALIKE = re.compile(r",? (?:just |much )?like\W*(?:the )?\W*", re.IGNORECASE)
_ASIDE_ENDS = re.compile(r"\W*[,)]")
_CLOSE_TO = re.compile(r"\b(?:close|similar|akin|comparable|related|next) to\W*(?:the )?\W*$", re.IGNORECASE)
_AND_IS = re.compile(r"\W* and (?:is|was|has|offers|belongs)\b", re.IGNORECASE)
_SHARES = re.compile(r"\bshar(?:e[sd]?|ing)\b", re.IGNORECASE)
_WITH = re.compile(r"\bwith\W*(?:the|both)?\W*$", re.IGNORECASE)
_BRACKETED = re.compile("\x01\\d+\x01(?: [\\w-]+){0,2} [(\\[]")
# Between a title and a value of another noun: 'from \x01 games such as "A" to \x01 games such as "B"'.
_NEXT_NOUN = re.compile(r"\W*(?:and|or|to|into|plus|towards?)\W*(?:(?:other|more|the) )?", re.IGNORECASE)
_COUPLED = re.compile(r"\s(?:and|or|nor|as well as)\s", re.IGNORECASE)
_PLURAL = re.compile(
    r"\s(?:(?:both|all|each|also)\s)?(?:are|were|have|share|offer|feature|belong|fall|both)\b", re.IGNORECASE
)
_LIKE = re.compile(r"(?:^|[,;] )\W*(?:(?:and|just|much) )*like\W*$", re.IGNORECASE)
# Where a title is from, or what a person thinks of it, by the way: '"A" in your history', '"A", which you enjoyed'.
_BY_THE_WAY = re.compile(
    "\x00,? (?:(?:in|from|of) (?:the|your|their|his|her)|(?:which|that) (?:you|they|he|she|the \\w+)(?: \\w+)?) $",
    re.IGNORECASE,
)
_OF_TITLE = re.compile("\x01\\d+\x01(?:(?:, and|,| and) \x01\\d+\x01)*(?: [\\w-]+){0,2} (?:of|in)\\W*(?:the )?\x00")
_LISTED = r"[\"'\]]*(?:, (?:and |or )?| and | or |/)[\"'\[]*(?:[\w-]+ )?"
_MARKED = re.compile("\x01\\d+\x01")
_LISTED_BEHIND = re.compile(f"(?:{_LISTED}|[ -])(?=\x01)")
_VALUE_BEFORE = re.compile(f"\x01{_LISTED}$")
_VALUE_BEHIND = re.compile(f"\x01\\d+\x01{_LISTED}\x01")
_RELATIVE = re.compile(r"\b(?:which|that|who)\b")
_THIS_ONE = re.compile(
    rf"\bthis(?: \w+)? \x01\d+\x01|\bas an?(?: \w+)? \x01\d+\x01 (?:{KINDS})\b|\bbeing(?: \w+)? \x01\d+\x01",
    re.IGNORECASE,
)
_CHANGE_FROM = re.compile(r"\b(?:change|departure|break|shift|away) from\b", re.IGNORECASE)  # the history
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
    before, behind = (
        _without_asides(clause, [g for g in groups if g.end <= place]),
        [g for g in groups if g.start > place],
    )
    they = _THEY.search(clause, max(place - 40, 0), place)
    if they and before and before[-1].end <= they.start():
        group, both = before[-1], they[0].casefold().startswith("both")
        if len(group.items) > 1 or both:
            alone = both and len(group.items) == 1 and group.items != (item,)
            return [*([item] if alone else []), *group.items], group.end
    this = _THIS_ONE.search(clause, max(place - 12, 0), last)
    if this and this.start() < place:
        return [item], place
    direct = _directly_behind(clause, place, behind[:1], first)
    if direct is not None:
        return direct, place
    compared = [i for g in behind if _is_compared(clause, place, g) for i in g.items]
    tastes = [
        m
        for form in (TASTE, _CHANGE_FROM)
        for m in form.finditer(clause, first, place)
        if not _BY_THE_WAY.search(clause, max(m.start() - 60, 0), m.start())
    ]
    if any(not _NOT_TASTED.search(clause, m.end(), place) for m in tastes):
        # Of several values none need be true of every title: "action, comedy and war films such as ...".
        listed = _VALUE_BEFORE.search(clause, first, place) or _VALUE_BEHIND.match(clause, place)
        return [] if listed else compared, first
    if _RELATIVE.search(clause, place, behind[0].start if behind else last):  # "which recalls films like ..."
        compared = []
    pronoun = max((m.span()[::-1] for m in _PRONOUN.finditer(clause, first, place)), default=None)
    if before and (pronoun is None or before[-1].end > pronoun[0]):
        group = before[-1]
        if (
            pronoun is not None
            and _CLOSE_TO.search(clause, pronoun[0], group.start)
            and _AND_IS.match(clause, group.end)
        ):
            return [item, *compared], group.end
        if compared and _NEXT_NOUN.fullmatch(clause, group.end, place):
            return compared, group.end
        coupled = pronoun is not None and _COUPLED.fullmatch(clause, pronoun[0], group.start)
        coupled = coupled and _PLURAL.match(clause, group.end)
        return [*([item] if coupled else []), *group.items, *compared], group.end
    if pronoun is not None:
        joined = [g for g in before[-1:] if _goes_with(clause, g, pronoun)]
        return [item, *(i for g in joined for i in g.items), *compared], first
    if not groups and any(form.search(clause, place, last) for form in (_PRONOUN, _ITS, _THIS_ONE)):
        return [item], first  # "With the tags Action and Indie, this game ...", "Action is among its genres"
    if not before and _ITS.search(clause, first, place):
        return [item, *compared], first
    return compared or [i for g in behind[:1] for i in g.items], first


def _directly_behind(clause: str, place: int, behind: Sequence[TitleGroup], first: int) -> list[int | None] | None:
    """The titles directly behind a value, or the list of values in which it stands, if it is said of them."""
    if not behind:
        return None
    end = _end_of_list(clause, place)
    if _BRACKETED.fullmatch(clause, place, behind[0].start):
        return [*behind[0].items]
    found = _DIRECTLY.match(clause, end)
    if found is None and not _PRONOUN.search(clause, first, place) and _ONE_OF_THEM.search(clause, first, place):
        found = _APPOSED.match(clause, end)
    if found is None or found.end() != behind[0].start or None in behind[0].items:
        return None
    if len(behind[0].items) > 1 and (_VALUE_BEFORE.search(clause, first, place) or _VALUE_BEHIND.match(clause, place)):
        return None  # of several values, none need be true of every title: 'comedy and war films "A" and "B"'
    alone = _ONE_OF_THEM.search(clause, max(place - 30, 0), place) and not found[0].rstrip().endswith(("s", ":"))
    return [*behind[0].items[: 1 if alone else None]]


def _without_asides(clause: str, groups: Sequence[TitleGroup]) -> list[TitleGroup]:
    """Titles without those that are mentioned by the way; those likened to the titles before them become theirs."""
    kept: list[TitleGroup] = []
    for group in groups:
        ends = kept and _ASIDE_ENDS.match(clause, group.end)
        if ends and _ASIDE.fullmatch(clause, kept[-1].end, group.start):
            continue
        if ends and _ALIKE.fullmatch(clause, kept[-1].end, group.start):
            group = TitleGroup((*kept[-1].items, *group.items), kept[-1].start, group.end)
            kept.pop()
        kept.append(group)
    return kept


def _is_compared(clause: str, place: int, group: TitleGroup) -> bool:
    """Whether a value is said of titles behind it: "a Puzzle game like ...", "shares the Puzzle genre with ..."."""
    if _MARKED.search(clause, _end_of_list(clause, place), group.start):
        return False  # they belong to the value between
    if _BRACKETED.fullmatch(clause, place, group.start) or _TOO.match(clause, group.end):
        return True
    near = max(place, group.start - 40)
    if _SHARES.search(clause, max(place - REACH, 0), place) and _WITH.search(clause, near, group.start):
        return True
    return bool(_COMPARED.search(clause, near, group.start))


def _end_of_list(clause: str, place: int) -> int:
    """Where a value ends, or the list of values in which it stands."""
    end = place
    while found := _MARKED.match(clause, end):
        end = found.end()
        further = _LISTED_BEHIND.match(clause, end)
        if further is None:
            break
        end = further.end()
    return end


def _goes_with(clause: str, group: TitleGroup, pronoun: tuple[int, int]) -> bool:
    """Whether titles before a pronoun share what is said of it: '"A" and this game are ...', 'Like "A", it is ...'."""
    end, start = pronoun
    if _COUPLED.fullmatch(clause, group.end, start) and _PLURAL.match(clause, end):
        return True
    like = _LIKE.search(clause, max(group.start - 40, 0), group.start)
    return like is not None and _COMMA.fullmatch(clause, group.end, start) is not None
