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

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from recx.data.catalogue import Catalogue
from recx.parsing.carried_subjects import ClauseBefore, carried_subjects, goes_on, without_aside
from recx.parsing.cited_titles import CitedTitles, NamedTitle, PartsAgainst, is_claimed
from recx.parsing.clauses import OWN_MARKS, VALUE_MARK, clauses, marked
from recx.parsing.negation import is_negated
from recx.parsing.parsed_explanation import Citation, ParsedExplanation, Statement
from recx.parsing.quotation_marks import straight_quotes
from recx.parsing.said_as_well import false_as_well, first_mention, says_not_only
from recx.parsing.stated_amounts import true_of_history
from recx.parsing.stated_decision import stated_decision
from recx.parsing.title_groups import TitleGroup, grouped
from recx.parsing.value_mentions import SERIES, ValueMentions
from recx.parsing.value_subjects import REACH, find_subjects

# What is said of a world that is not: "they would like it more if it were for PC".
_IF_IT_WERE = re.compile(r"\bif (?:it|this|that|they)(?: \w+)? (?:were|was|had)\b", re.IGNORECASE)
_AROUND_A_YEAR = re.compile(r"\b(?:after|before|since|until|pre-?|post-?)\W*$", re.IGNORECASE)
# What in the name of an attribute would deny its value or end the sentence: "no of players", "No. of pages".
_MISLEADING = re.compile(r"[^\w ]|\b(?:no|not|non|none|never|without|lack|free)\b", re.IGNORECASE)
# Prose also calls other attributes so: "in the category of TV news", of a subcategory.
_LOOSE = re.compile(r"(?:sub-?)?(?:categor(?:y|ies)|genres?|tags?|class|types?|topics?)", re.IGNORECASE)
_IT = re.compile(r"\b(?:it|its|this)\b", re.IGNORECASE)
_RESPECTIVELY = re.compile(r"\brespectively\b", re.IGNORECASE)
# What a quoted title is said to be in the words of the kit's own texts.
_WORD = r"(?![a-z])\w(?:[\w'&+/-]|\.(?=\w))*"
_NAMED = rf"{_WORD}(?::? (?:{_WORD}|&|of|the|and|to|in|for|on|an?))*?"
_SAID_TO_BE = re.compile(
    rf'(?<=") is (?:(?:for|made by|from) (?P<made>{_NAMED})|part of (?:the )?(?P<series>{_NAMED}) (?:{SERIES})|'
    rf"an? (?P<kind>{_NAMED}) title)(?=[,.;:!?\n]|$| (?:and|while|as|but)\b)"
)
# A capital within a sentence; what was marked as title or value ends in a control character.
_NAME = re.compile("(?<=[\\w,;\x00\x01] )[A-Z]\\w+")


@dataclass(frozen=True, slots=True)
class _Value:
    """An attribute value in a text.

    Attributes:
        name: the value.
        span: its position.
        hidden: what a mark stands for: the value, with the name of its attribute if that would mislead.
        attribute: its attribute, if the text names it directly before.
        place: position of the mark in its clause.
    """

    name: str
    span: tuple[int, int]
    hidden: tuple[int, int]
    attribute: str | None
    place: int = 0


class ExplanationParser:
    """Parses texts about the items of one catalogue."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue, self._values = catalogue, ValueMentions(catalogue)
        self._titles = CitedTitles(catalogue, self._values)

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
        # Of the same length as what was written, so that spans hold in either.
        written, text = text, straight_quotes(text).translate(OWN_MARKS)
        near = {int(h) for h in history} | {item}
        named, plain = self._titles.find(text, written, near)
        decision, start = stated_decision(plain)
        values = self._valued(plain, start)
        shown = marked(text, start, [title.span for title in named], [value.hidden for value in values])
        return ParsedExplanation(
            decision,
            _citations(named, plain, start, history, item),
            self._statements(text, shown, [title.item for title in named], values, history, item),
            tuple(_NAME.findall(shown)),
            _unverified(text, start, [value.span for value in values]),
            any(title.item == item for title in named) or bool(_IT.search(plain, start)),
        )

    def _valued(self, plain: str, start: int) -> list[_Value]:
        """The values in a text without its titles, from a place on."""
        found = []
        for span, name in self._values.find(plain, start):
            named = self._values.named_before(plain, span[0])
            misleading = named is not None and _MISLEADING.search(named[0])
            begin = named[1] if named is not None and misleading else span[0]
            found.append(_Value(name, span, (begin, span[1]), None if named is None else named[0]))
        return found

    def _statements(
        self,
        text: str,
        shown: str,
        titles: Sequence[int | None],
        values: Sequence[_Value],
        history: Sequence[int],
        item: int,
    ) -> tuple[Statement, ...]:
        """The statements of a text.

        Args:
            text: the text.
            shown: the text with titles and values replaced by marks.
            titles: the items of its titles.
            values: its values.
            history: indices of the items in the history that the text is about.
            item: index of the item in question.
        """
        statements: list[Statement] = []
        before, not_only = ClauseBefore(), False
        for clause, separator in clauses(shown):
            clause, aside = without_aside(clause, separator)
            inside = _stated(clause, values)
            groups = grouped(clause, titles)
            carried = carried_subjects(
                clause, separator, inside[0].place if inside else None, before, aside=aside, item=item
            )
            said = self._of_clause(clause, inside, groups, history, item, carried)
            not_only = says_not_only(clause) or (not_only and goes_on(separator))
            known = {s.value for s in statements}
            alone = None if not_only else first_mention(clause, [(v.name, v.place) for v in inside], known)
            statements += [false_as_well(s, text) if n == alone else s for n, s in enumerate(said)]
            before = ClauseBefore(
                groups[-1].items if groups else before.named if aside else (),
                said[-1].items if said else tuple(find_subjects(clause, groups[-1:], len(clause), item)[0]),
            )
        return tuple(statements)

    def _of_clause(
        self,
        clause: str,
        values: Sequence[_Value],
        groups: Sequence[TitleGroup],
        history: Sequence[int],
        item: int,
        carried: list[int | None] | None,
    ) -> list[Statement]:
        """The statements of one clause.

        Args:
            clause: the clause, with titles and values replaced by marks.
            values: the values that it states.
            groups: the titles in the clause.
            history: indices of the items in the history that the text is about.
            item: index of the item in question.
            carried: what the clause before is about, if this one has no subject of its own.
        """
        each = groups[0].items if len(groups) == 1 and _RESPECTIVELY.search(clause) else ()
        said = []
        for n, value in enumerate(values):
            within = [g for g in groups if value.place - REACH <= g.start < value.place + REACH]
            subjects, begin = find_subjects(clause, within, value.place, item)
            if carried is not None:
                subjects = carried
            if len(each) == len(values):
                subjects = [each[n]]
            negated = is_negated(clause, value.place, begin, groups)
            true = None not in subjects and self._is_true(value, subjects, history, clause, negated)
            said.append(Statement(tuple(i for i in subjects if i is not None), value.name, negated, true, value.span))
        return said

    def _columns_of(self, value: _Value) -> Sequence[Sequence[tuple[str, ...]]]:
        """The attributes in which a value is looked up: the one that the text names, unless prose uses it loosely."""
        if value.attribute is None or _LOOSE.fullmatch(value.attribute):
            return self._columns
        named = self.catalogue.attributes[value.attribute]
        return (named,) if self._values.has(value.attribute, value.name) else self._columns

    def _is_true(
        self, value: _Value, subjects: Sequence[int], history: Sequence[int], clause: str, negated: bool
    ) -> bool:
        over = subjects or history
        columns = self._columns_of(value)
        holders = sum(any(value.name in column[int(i)] for column in columns) for i in over)
        if subjects:
            return holders == (0 if negated else len(over))
        return true_of_history(holders, len(over), clause, value.place, negated)


def _stated(clause: str, values: Sequence[_Value]) -> list[_Value]:
    """The values that a clause states, without those of a world that is not and years that only bound others."""
    found = (replace(values[int(m[1])], place=m.start()) for m in VALUE_MARK.finditer(clause))
    return [
        value
        for value in found
        if not _IF_IT_WERE.search(clause, max(value.place - 60, 0), value.place)
        and not (value.name.isdigit() and _AROUND_A_YEAR.search(clause, max(value.place - 12, 0), value.place))
    ]


def _citations(
    named: Sequence[NamedTitle], plain: str, start: int, history: Sequence[int], item: int
) -> tuple[Citation, ...]:
    """The titles of a text without that of the item in question, unless it is claimed to be a cause."""
    known, against = {int(h) for h in history}, PartsAgainst(plain)
    return tuple(
        Citation(title.name, title.item, title.item in known, against.holds(title.span[0]), title.span)
        for title in named
        if title.item != item or is_claimed(plain, title.span, start)
    )


def _unverified(text: str, start: int, values: Sequence[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Spans of what titles are said to be in the words of the kit's own texts, if they are no values."""
    spans = (m.span(m.lastgroup) for m in _SAID_TO_BE.finditer(text, start))
    return tuple((b, e) for b, e in spans if not any(first < e and b < last for first, last in values))
