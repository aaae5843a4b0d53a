"""What a value in a clause is said of: titles named there, the item in question, or the history as a whole.

The clause is marked: the number of a title stands between two \\x00, that of a value between two \\x01.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from recx.parsing.title_groups import TitleGroup
from recx.parsing.value_mentions import KINDS, TASTE

REACH = 300  # letters on either side of a value that tell what it is said of
_PRONOUN = re.compile(
    rf"(?:^|\s)it\b|\bthis (?:\w+ )?(?:{KINDS})\b|\bthat (?:{KINDS})\b|\bthis is(?= (?:also |clearly )?an? )|"
    r"\b(?:this|that|the) (?:recommendation|suggestion|pick)\b|\bthis(?: \w+)? \x01\d+\x01|"
    r"\bthe (?:game|film|movie|book|novel|album|song|item|product)\b",
    re.IGNORECASE,
)
_ITS = re.compile(r"\bits\b", re.IGNORECASE)
# Before a title that is said to be like what has the value: ', like "A"', ', and so is "A"', ', as "A" is'.
_COMPARED = re.compile(
    r"(?:(?<!will )(?<!ll )(?<!would )(?<!'d )(?<!they )(?<!you )(?<!to )\blike|\b(?:such as|including|e\.g\.|"
    r"for example|for instance|namely|so (?:is|are|does|was)|similar to|same (?:\w+ )?as|"
    r"as (?:is|are|was|were|does|do|did))|, (?:just )?as)"
    r"\W*(?:the|either|both)?\W*$",
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


Subjects = tuple[list[int | None], int]
"""The items a value is stated about (none for the history as a whole), and the position where their mention ends."""


@dataclass(frozen=True)
class _Site:
    """A value in its clause, with the titles before and behind it."""

    clause: str
    place: int
    item: int
    groups: Sequence[TitleGroup]

    @property
    def first(self) -> int:
        return max(self.place - REACH, 0)

    @property
    def last(self) -> int:
        return self.place + REACH

    @cached_property
    def before(self) -> list[TitleGroup]:
        return _without_asides(self.clause, [g for g in self.groups if g.end <= self.place])

    @cached_property
    def behind(self) -> list[TitleGroup]:
        return [g for g in self.groups if g.start > self.place]

    @cached_property
    def likened(self) -> list[int | None]:
        """Titles behind the value that are said to have it, too."""
        return [i for g in self.behind if _is_compared(self.clause, self.place, g) for i in g.items]

    @cached_property
    def compared(self) -> list[int | None]:
        """The same, unless a relative clause stands before them: "which recalls films like ..."."""
        end = self.behind[0].start if self.behind else self.last
        return [] if _RELATIVE.search(self.clause, self.place, end) else self.likened

    @cached_property
    def pronoun(self) -> tuple[int, int] | None:
        """Where the last pronoun before the value, which stands for the item in question, ends and starts."""
        found = (m.span()[::-1] for m in _PRONOUN.finditer(self.clause, self.first, self.place))
        return max(found, default=None)

    @property
    def listed(self) -> bool:
        """Whether the value is one of several, of which none need be true of every title."""
        before = _VALUE_BEFORE.search(self.clause, self.first, self.place)
        return bool(before or _VALUE_BEHIND.match(self.clause, self.place))


def find_subjects(clause: str, groups: Sequence[TitleGroup], place: int, item: int) -> Subjects:
    """The items a value is stated about (none for the history as a whole), and the position where their mention ends.

    Args:
        clause: the clause, with titles and values replaced by marks.
        groups: the titles near the value.
        place: position of the value in the clause.
        item: index of the item in question.
    """
    site = _Site(clause, place, item, groups)
    rules = (_of_title, _they, _this_one, _directly, _the_history, _titles_before, _pronoun_before, _pronoun_behind)
    found = next((found for found in (rule(site) for rule in rules) if found is not None), None)
    return found or (site.compared or [i for g in site.behind[:1] for i in g.items], site.first)


def _of_title(site: _Site) -> Subjects | None:
    """Titles that hold a value: 'the Shooter genre of "A"'."""
    held = _OF_TITLE.match(site.clause, site.place)
    if held is None:
        return None
    return next(([*g.items] for g in site.groups if g.start == held.end() - 1), []), site.place


def _they(site: _Site) -> Subjects | None:
    """Titles taken up by a pronoun: '"A" and "B" are known, and they are Shooters'."""
    they = _THEY.search(site.clause, max(site.place - 40, 0), site.place)
    if they is None or not site.before or site.before[-1].end > they.start():
        return None
    group, both = site.before[-1], they[0].casefold().startswith("both")
    if len(group.items) == 1 and not both:
        return None
    with_item = both and len(group.items) == 1 and group.items != (site.item,)
    return [*([site.item] if with_item else []), *group.items], group.end


def _this_one(site: _Site) -> Subjects | None:
    """The item in question: 'this Shooter', 'as a Shooter game', 'being a Shooter'."""
    this = _THIS_ONE.search(site.clause, max(site.place - 12, 0), site.last)
    return ([site.item], site.place) if this and this.start() < site.place else None


def _the_history(site: _Site) -> Subjects | None:
    """The history as a whole: 'you enjoy Shooters', 'a change from the Shooters'."""
    tastes = [
        m
        for form in (TASTE, _CHANGE_FROM)
        for m in form.finditer(site.clause, site.first, site.place)
        if not _BY_THE_WAY.search(site.clause, max(m.start() - 60, 0), m.start())
    ]
    if not any(not _NOT_TASTED.search(site.clause, m.end(), site.place) for m in tastes):
        return None
    return [] if site.listed else site.likened, site.first


def _titles_before(site: _Site) -> Subjects | None:
    """Titles that precede the value: '"A" is a Shooter'."""
    pronoun, clause = site.pronoun, site.clause
    if not site.before or (pronoun is not None and site.before[-1].end <= pronoun[0]):
        return None
    group = site.before[-1]
    if pronoun is not None and _CLOSE_TO.search(clause, pronoun[0], group.start) and _AND_IS.match(clause, group.end):
        return [site.item, *site.compared], group.end  # 'It is close to "A" and is a Shooter'
    if site.compared and _NEXT_NOUN.fullmatch(clause, group.end, site.place):
        return site.compared, group.end
    coupled = pronoun is not None and _COUPLED.fullmatch(clause, pronoun[0], group.start)
    with_item = coupled and _PLURAL.match(clause, group.end)  # 'It and "A" are Shooters'
    return [*([site.item] if with_item else []), *group.items, *site.compared], group.end


def _pronoun_before(site: _Site) -> Subjects | None:
    """The item in question, which a pronoun precedes: 'it is a Shooter'."""
    if site.pronoun is None:
        return None
    joined = [g for g in site.before[-1:] if _goes_with(site.clause, g, site.pronoun)]
    return [site.item, *(i for g in joined for i in g.items), *site.compared], site.first


def _pronoun_behind(site: _Site) -> Subjects | None:
    """The item in question, which follows: 'with the tags Action and Indie, this game ...', 'Action is its genre'."""
    behind = (form.search(site.clause, site.place, site.last) for form in (_PRONOUN, _ITS, _THIS_ONE))
    if not site.groups and any(behind):
        return [site.item], site.first
    if not site.before and _ITS.search(site.clause, site.first, site.place):
        return [site.item, *site.compared], site.first
    return None


def _directly(site: _Site) -> Subjects | None:
    """Titles directly behind the value: 'the Shooter "A"', 'Shooters: "A", "B"', 'a Shooter, "A"'."""
    if not site.behind:
        return None
    clause, place, group = site.clause, site.place, site.behind[0]
    if _BRACKETED.fullmatch(clause, place, group.start):
        return [*group.items], place
    end = _end_of_list(clause, place)
    found = _DIRECTLY.match(clause, end)
    if found is None and site.pronoun is None and _ONE_OF_THEM.search(clause, site.first, place):
        found = _APPOSED.match(clause, end)
    if found is None or found.end() != group.start or None in group.items:
        return None
    if len(group.items) > 1 and site.listed:
        return None  # 'comedy and war films "A" and "B"'
    alone = _ONE_OF_THEM.search(clause, max(place - 30, 0), place) and not found[0].rstrip().endswith(("s", ":"))
    return [*group.items[: 1 if alone else None]], place


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
