"""Parses an explanation: its decision, the titles it cites, and the attribute values it states.

A text cites a title by putting it in quotation marks, or by using a title of the catalogue in running text. A
statement is an attribute value (a platform, a genre, a year ...) within one clause. It is about the titles in that
clause; about the item in question if the clause says "it" or "this game"; and about the history as a whole if it names
no title or speaks of what the person likes. It is true if all titles named have the value; of the history as a whole,
if two items have it (more than half where the clause says "most", every one where it says "all"); in a clause with a
negation, if none has it. "As well" and "too" claim that the text has mentioned the value before.

A value that no item of the catalogue has can be neither true nor false of one. It is recognised as *unverified* where a
title is said to be it in the words of the kit's own texts ("is for PlayStation 4", "is a Shooter title").
"""

import bisect
import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from recx.data.catalogue import Catalogue
from recx.prompts.quotation_marks import QUOTED, straight_quotes
from recx.prompts.stated_decision import stated_decision
from recx.prompts.title_index import TitleIndex
from recx.prompts.value_mentions import KINDS, SERIES, ValueMentions, stands_as_series
from recx.prompts.value_subjects import REACH, TITLE_MARK, find_subjects, grouped

_CLAUSE = re.compile(
    r"(?:(?:(?<!\be\.g)(?<!\bi\.e)(?<!\bvs)(?<!\bDr)(?<!\bMr)(?<!\bMs)\.|[;!?]|(?<!\x01):|:(?!\s*\x00))\s+|"
    r";\s*|,? (?:while|but|whereas|unlike|though|although) |, a change |\n+|"
    r", (?=(?:you|they|he|she|I)\b))"
)
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
# Titles after these words are claimed to be the history's, even the item asked about, up to a word that compares.
_CLAIM = re.compile(
    r"\bfrom the history\b(?:(?![.!?]\s|\b(?:like|unlike|as|while|but|whereas|though)\b).)*$", re.IGNORECASE
)
# Words before or after a title that make it a cause of the decision, which the item asked about cannot be.
_CAUSE_BEFORE = re.compile(
    r"(?:\b(?:leads to it|keeps it down|holds it back) most is|\bmain reason (?:for|against) it is|"
    r", (?:then|and after that|followed by|and next)) $",
    re.IGNORECASE,
)
_CAUSE_BEHIND = re.compile(
    r" (?:(?:counts|speaks|weighs) most (?:for|against) it|lifts it|holds it back|"
    r"is (?:the main reason (?:for|against) it|what (?:weighs|counts|speaks) most))\b",
    re.IGNORECASE,
)
# A sentence, or a part of one up to a semicolon or "while", whose titles speak against the decision.
OTHER_WAY = re.compile(r"\b(?:the other way|on the other hand)\b", re.IGNORECASE)
_PART = re.compile(r"[.;!?]\s|, (?:while|but|whereas) ")
_ALSO = re.compile(r"\bas well\b(?! as\b)|\btoo\b(?=\W*$|\s*[.,;:!?)])", re.IGNORECASE)
# How much of the history a value is said of; without such words, two items suffice.
_MOST = re.compile(r"\bmost\b|\b(?:nearly|almost|practically) (?:all|every)\b", re.IGNORECASE)
_ALL = re.compile(
    rf"\b(?:every|each) (?:\w+ )?(?:{KINDS})\b|\ball of them\b|\beverything in\b|\b(?:entire|whole) history\b|"
    r"\bonly (?:play|watch|read|own|choose|buy|listen to)s?\b|"
    rf"\ball (?:of )?(?:the|your|their|his|her|these|those) (?:\w+ )?(?:(?:{KINDS})s?|history)\b",
    re.IGNORECASE,
)
_NOT_ALL = re.compile(r"\bnot (?:all|every)\b", re.IGNORECASE)
# Directly before a value: of how many titles of the history it is said, if neither of several nor of most.
_HOW_MANY = re.compile(
    r"\b(?:(?P<one>includes?|contains?|there(?: is|['’]s)) (?:an?|one)|(?P<exactly>only one)|"
    r"there are (?P<number>two|three|four|five|six|seven|eight|nine|ten)) (?:\w+ )?$",
    re.IGNORECASE,
)
_ONE_OF = re.compile(r"\bone of (?:the|your|their|his|her) (?:\w+ ){1,2}(?:is|was)\b", re.IGNORECASE)
_NUMBERS = {word: n for n, word in enumerate("two three four five six seven eight nine ten".split(), 2)}
# What is said of a world that is not: "they would like it more if it were for PC".
_IF_IT_WERE = re.compile(r"\bif (?:it|this|that|they)(?: \w+)? (?:were|was|had)\b", re.IGNORECASE)
_AROUND_A_YEAR = re.compile(r"\b(?:after|before|since|until|pre-?|post-?)\W*$", re.IGNORECASE)
_RESPECTIVELY = re.compile(r"\brespectively\b", re.IGNORECASE)
# A clause that begins with titles named by the way: '"A", unlike "B", is ...'.
_UNLIKE, _UNLIKE_ENDS = re.compile(r",? unlike "), re.compile("\x00\\d+\x00,")
# A clause about what the one before named: "They are Shooters".
_THEY_ARE = re.compile(
    r"\W*(?P<who>they|these|both)(?: of them)? (?:are|were)(?: (?:both|all|also))*(?: (?:for|by|on|made by))? "
    r"(?=\x01\d+\x01(?! (?:fan|lover|enthusiast|player|gamer|reader|person|people)))",
    re.IGNORECASE,
)
_TOO_OF_TITLE = re.compile("\x00(?: (?:is|are|was|were|does|do|did))?(?: one)? (?:too|as well)$", re.IGNORECASE)
_NOT_ONLY = re.compile(r"\bnot (?:only|just|merely)\b", re.IGNORECASE)
# A clause behind "but" or a colon that goes on about what the one before is about: "not X but also a Y", "genres: X".
_GOES_ON = re.compile(r",? (?:but|though|although) |: ?")
_NO_SUBJECT = re.compile(
    r"\W*(?:(?:also|rather|instead|even|still|only|just|an?|the|of|for|from|with|in|part|is|are)\s+)*(?:[\w-]+\s+)?",
    re.IGNORECASE,
)
_TAG_BEHIND = re.compile(rf" (?:tag|genre|categor|{KINDS})\w*\b(?! title)")
_TAG_BEFORE = re.compile(r"\b(?:tag|genre|categor)\w*\b[^.!?\n]{0,40}$")
_TURN = re.compile(r", (?:and|so|as|plus|which|with|its|it)\b")  # a negation does not reach beyond
_VALUE = re.compile("\x01(\\d+)\x01")
_OWN_MARKS = {0: " ", 1: " "}
# What a quoted title is said to be in the words of `recx.prompts.templates.phrase`.
_WORD = r"(?![a-z])\w(?:[\w'&+/-]|\.(?=\w))*"
_NAMED = rf"{_WORD}(?::? (?:{_WORD}|&|of|the|and|to|in|for|on|an?))*?"
_SAID_TO_BE = re.compile(
    rf'(?<=") is (?:(?:for|made by|from) (?P<made>{_NAMED})|part of (?:the )?(?P<series>{_NAMED}) (?:{SERIES})|'
    rf"an? (?P<kind>{_NAMED}) title)(?=[,.;:!?\n]|$| (?:and|while|as|but)\b)"
)
# A capital within a sentence; what was marked as title or value ends in a control character.
_NAME = re.compile("(?<=[\\w,;\x00\x01] )[A-Z]\\w+")


@dataclass(frozen=True)
class Citation:
    """A title, quoted or not: its item (None if a quoted title is not in the catalogue) and whether the item is in
    the history.

    `against` is True if the text says that the item speaks against the decision. `span` is the position of the title
    in the text, quotation marks included.
    """

    title: str
    item: int | None
    in_history: bool
    against: bool = field(default=False, compare=False)
    span: tuple[int, int] = field(default=(0, 0), compare=False)


@dataclass(frozen=True)
class Statement:
    """An attribute value stated about items (about the history as a whole if `items` is empty), and whether it is true.

    `span` is the position of the value in the text. `false_as_well` is True if the items do have the value, but "as
    well" wrongly claims that the text has mentioned it before; `span` then ends with "as well".
    """

    items: tuple[int, ...]
    value: str
    negated: bool
    true: bool
    span: tuple[int, int] = field(default=(0, 0), compare=False)
    false_as_well: bool = field(default=False, compare=False)


@dataclass(frozen=True)
class ParsedExplanation:
    """The content of one explanation.

    Attributes:
        decision: True for yes, False for no, None if neither the first word nor the first sentence states it.
        citations: the titles, quoted or not, except that of the item in question; that one, too, if the text says
            that it comes from the history or is a cause of the decision.
        statements: the attribute values stated about items.
        names: capitalised words within a sentence that belong to no title and no value.
        unverified: spans of attribute values that titles are said to have, and that no item of the catalogue has.
    """

    decision: bool | None
    citations: tuple[Citation, ...]
    statements: tuple[Statement, ...]
    names: tuple[str, ...]
    unverified: tuple[tuple[int, int], ...] = ()


class ExplanationParser:
    """Parses texts about the items of one catalogue."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue, self._titles = catalogue, TitleIndex(catalogue)
        self._values = ValueMentions(catalogue)

    @cached_property
    def _columns(self) -> tuple[Sequence[tuple[str, ...]], ...]:
        return tuple(self.catalogue.attributes.values())

    def parse(self, text: str, history: Sequence[int], item: int) -> ParsedExplanation:
        """Parse one explanation.

        Args:
            text: the explanation.
            history: indices of the items in the history that the explanation is about.
            item: index of the item in question.
        """
        # Of the same length as what was written, so that spans hold in either; \x00 and \x01 are the parser's own.
        written, text = text, straight_quotes(text).translate(_OWN_MARKS)
        known = {int(h) for h in history}
        cited, plain = self._cited(text, written, known | {item})
        decision, start = stated_decision(plain)
        stated = self._values.find(plain, start)
        edges = [0, *(m.end() for m in _PART.finditer(plain)), len(plain)]
        other_way = [bool(OTHER_WAY.search(plain, *edge)) for edge in itertools.pairwise(edges)]
        # Titles and values are marked before the text is cut into clauses: either may hold a colon or a "no".
        citations, pieces, place = [], [], start
        marks = [(span, f"\x00{n}\x00") for n, (span, *_) in enumerate(cited)]
        marks += [(span, f"\x01{n}\x01") for n, (span, _) in enumerate(stated)]
        for span, mark in sorted(marks):
            pieces += [text[place : span[0]], mark]
            place = span[1]
        marked = "".join([*pieces, text[place:]])
        titles = [index for _, index, _ in cited]
        for span, index, title in cited:
            begin = max(start, span[0] - REACH)
            claimed = _CLAIM.search(plain, begin, span[0]) or _CAUSE_BEFORE.search(plain, begin, span[0])
            if index != item or claimed or _CAUSE_BEHIND.match(plain, span[1]):
                citations.append(
                    Citation(
                        title,
                        index,
                        index in known,
                        other_way[bisect.bisect_right(edges, span[0], 1, len(edges) - 1) - 1],
                        span,
                    )
                )
        statements: list[Statement] = []
        subjects: list[int | None] = []
        named: tuple[int | None, ...] = ()  # titles of the clause before
        not_only = False
        for clause, separator in _clauses(marked):
            aside = _UNLIKE.fullmatch(separator) and _UNLIKE_ENDS.match(clause)
            if aside:
                clause = " " * aside.end() + clause[aside.end() :]
            values = [(stated[int(m[1])][1], stated[int(m[1])][0], m.start()) for m in _VALUE.finditer(clause)]
            goes_on = _GOES_ON.fullmatch(separator) and not TITLE_MARK.search(clause)
            goes_on = goes_on and values and _NO_SUBJECT.fullmatch(clause, 0, values[0][2])
            they = _THEY_ARE.match(clause)
            if they and not TITLE_MARK.search(clause):
                both = they["who"].casefold() == "both" and len(named) == 1 and named != (item,)
                goes_on, subjects = len(named) > 1 or both, [*([item] if both else []), *named]
            elif aside and named and not TITLE_MARK.search(clause):
                goes_on, subjects = True, [*named]
            said = self._clause(clause, values, titles, history, item, subjects if goes_on else None)
            not_only = bool(_NOT_ONLY.search(clause)) or (not_only and bool(_GOES_ON.fullmatch(separator)))
            alone = None if not_only else _first_mention(clause, values, {s.value for s in statements})
            statements += [_alone(s, text) if n == alone else s for n, s in enumerate(said)]
            groups = grouped(clause, titles)
            named = groups[-1].items if groups else named if aside else ()
            subjects = [*said[-1].items] if said else find_subjects(clause, groups[-1:], len(clause), item)[0]
        known_values = [span for span, _ in stated]
        unverified = [m.span(m.lastgroup) for m in _SAID_TO_BE.finditer(text, start)]
        unverified = [(b, e) for b, e in unverified if not any(first < e and b < last for first, last in known_values)]
        names = tuple(_NAME.findall(marked))
        return ParsedExplanation(decision, tuple(citations), tuple(statements), names, tuple(unverified))

    def _is_series(self, name: str) -> bool:
        """Whether some item is part of a series of this name, whose article `recx.prompts.templates.phrase` omits."""
        values = (value for item in self.catalogue.attributes.get("series", ()) for value in item)
        return any(value.removeprefix("The ").casefold() == name.removeprefix("The ").casefold() for value in values)

    def _cited(
        self, text: str, written: str, near: set[int]
    ) -> tuple[list[tuple[tuple[int, int], int | None, str]], str]:
        """The titles in a text as (span, item, title), and the text with the titles replaced by blanks."""
        found: list[tuple[tuple[int, int], int | None, str]] = []
        plain = list(text)
        for quoted in QUOTED.finditer(text):
            title, span = quoted[1], quoted.span()
            index = self._titles.find(title, near=near)
            if index is None:
                index = self._titles.find(title, ignore_case=True, near=near)
            if index is None:
                index = self._titles.part(title, near)
            word = title.strip() in self._values.values or title[:1].islower()
            tagged = index not in near and title in self._values.values
            tagged = tagged and (
                _TAG_BEHIND.match(text, span[1]) or _TAG_BEFORE.search(text, max(span[0] - 60, 0), span[0])
            )
            listed = index not in near and title not in self.catalogue.index_of_label and "(" not in title
            listed = listed and self._values.only(title)
            if (index is None and word) or tagged or listed:
                continue  # what is quoted may be a word: the "Free to Play" tag, the class "Drama Thriller"
            name = written[span[0] + 1 : span[1] - 1] if index is None else self.catalogue.labels[index]
            found.append((span, index, name))
            plain[span[0] : span[1]] = " " * (span[1] - span[0])
        shown = "".join(plain)
        for mention in self._titles.mentions(shown, near):
            # A series may be named after its first title.
            if stands_as_series(shown, mention.start, mention.end):
                if self._is_series(shown[mention.start : mention.end]):
                    continue
            else:
                found.append(((mention.start, mention.end), mention.item, self.catalogue.labels[mention.item]))
            plain[mention.start : mention.end] = " " * (mention.end - mention.start)
        return sorted(found, key=lambda f: f[0]), "".join(plain)

    def _clause(
        self,
        clause: str,
        values: Sequence[tuple[str, tuple[int, int], int]],
        titles: Sequence[int | None],
        history: Sequence[int],
        item: int,
        goes_on_about: list[int | None] | None,
    ) -> list[Statement]:
        """The statements of one clause.

        Args:
            clause: the clause, with titles and values replaced by marks.
            values: the values in the clause: the value, its span in the text, and its position in the clause.
            titles: the titles of the whole text.
            history: indices of the items in the history that the text is about.
            item: index of the item in question.
            goes_on_about: what the clause before is about, if this one has no subject of its own.
        """
        groups = grouped(clause, titles)
        starts = [group.start for group in groups]
        words = " ".join(_VALUE.sub(" ", TITLE_MARK.sub(" ", clause)).split())
        each = groups[0].items if len(groups) == 1 and _RESPECTIVELY.search(words) else ()
        said = []
        for n, (value, span, place) in enumerate(values):
            if _IF_IT_WERE.search(clause, max(place - 60, 0), place):
                continue
            if value.isdigit() and _AROUND_A_YEAR.search(clause, max(place - 12, 0), place):
                continue
            first, last = (bisect.bisect_left(starts, edge) for edge in (place - REACH, place + REACH))
            named, begin = find_subjects(clause, groups[first:last], place, item)
            if goes_on_about is not None:
                named = goes_on_about
            if len(each) == len(values):
                named = [each[n]]
            subjects = [n for n in named if n is not None]
            turn = max((m.end() for m in _TURN.finditer(clause, begin, place)), default=begin)
            negated = bool(
                _NEGATION.search(clause, turn, place)
                or _NOT_BEHIND.match(clause, place)
                or any(_NONE_OF.search(clause, max(g.start - 30, 0), g.start) for g in groups if g.end == begin)
            )
            many = _HOW_MANY.search(clause, max(place - 40, 0), place)
            true = None not in named and self._true(value, subjects, history, negated, words, many)
            said.append(Statement(tuple(subjects), value, negated, true, span))
        return said

    def _true(
        self,
        value: str,
        subjects: Sequence[int],
        history: Sequence[int],
        negated: bool,
        words: str,
        many: re.Match[str] | None,
    ) -> bool:
        over = subjects or history
        holders = sum(any(value in column[int(i)] for column in self._columns) for i in over)
        if not subjects and _NOT_ALL.search(words):
            return holders < len(over)
        if negated:
            return holders == 0
        if not subjects and (many or _ONE_OF.search(words)):
            exact = many and (1 if many["exactly"] else _NUMBERS.get((many["number"] or "").casefold()))
            return holders == exact if exact else holders > 0
        if not subjects and _MOST.search(words):
            return 2 * holders > len(over)
        if subjects or _ALL.search(words):
            return holders == len(over)
        return holders >= min(2, len(over))


def _clauses(marked: str) -> Iterator[tuple[str, str]]:
    """The clauses of a text, each with what separates it from the one before."""
    place, separator = 0, ""
    for found in _CLAUSE.finditer(marked):
        yield marked[place : found.start()], separator
        place, separator = found.end(), found[0]
    yield marked[place:], separator


def _first_mention(clause: str, values: Sequence[tuple[str, tuple[int, int], int]], before: set[str]) -> int | None:
    """Which value of a clause is said "as well", if neither it nor another value of the clause was mentioned before."""
    also, said = _ALSO.search(clause), [value for value, *_ in values]
    if also is None or not said or before.intersection(said):
        return None
    last = max((n for n, (*_, place) in enumerate(values) if place < also.start()), default=0)
    if TITLE_MARK.search(clause, values[last][2], also.start()) and _TOO_OF_TITLE.search(clause, 0, also.end()):
        return None  # '"A" is a Shooter, and "B" is too'
    return None if said[last] in said[:last] else last


def _alone(statement: Statement, text: str) -> Statement:
    """The statement marked as false, because "as well" follows it although no earlier statement has its value."""
    if not statement.true:
        return statement
    also = _ALSO.search(text, statement.span[1])
    # Another value or a title may stand between; then the mark stays on the value.
    near = also is not None and not re.search(r'[.;!?"]', text[statement.span[1] : also.start()])
    end = also.end() if near else statement.span[1]
    return replace(statement, true=False, false_as_well=True, span=(statement.span[0], end))
