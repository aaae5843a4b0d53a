"""Reading an explanation: its decision, the titles it cites, and the attributes it states.

A title is cited where it stands in quotation marks. A statement is a value of some attribute (a platform, a genre, a
year ...) said within one clause: of the titles in that clause, of the item asked about where the clause says
"it", and of the history as a whole where it names no title. All titles named must carry the value for it to be true,
of the history as a whole two (or more than half where it says "most"); in a clause with a negation none may.
"As well" and "too" claim that the value was said before.
"""

import bisect
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from recx.data.catalogue import Catalogue
from recx.prompts.quotation_marks import straight_quotes
from recx.prompts.title_index import TitleIndex

_DECISION = re.compile(r"^\W*(yes|no)\b[.,:;!]?", re.IGNORECASE)
_QUOTED = r'"([^"]*)"'
_CLAUSE = re.compile(r"(?:[.;:!?]\s+|;\s*|,? (?:while|but|whereas|unlike|though|although) |, a change )")
_NEGATION = re.compile(r"\b(?:no|not|nothing|none|never|neither|without|isn't|aren't)\b", re.IGNORECASE)
# Titles after these words are claimed to be the history's, even the item asked about, up to a word that compares.
_CLAIM = re.compile(
    r"\bfrom the history\b(?:(?![.!?]\s|\b(?:like|unlike|as|while|but|whereas|though)\b).)*$", re.IGNORECASE
)
# A sentence, or a part of one up to a semicolon, whose titles speak against the decision.
_OTHER_WAY = re.compile(r"\b(?:the other way|on the other hand)\b", re.IGNORECASE)
_SENTENCE = re.compile(r"[.;!?]\s")
_ALSO = re.compile(r"\b(?:as well|too)\b", re.IGNORECASE)
_PRONOUN = re.compile(r"(?:^|\s)it\b", re.IGNORECASE)
_MARK = re.compile("\x00(\\d+)\x00")
_VALUE = re.compile("\x01(\\d+)\x01")
# A capital within a sentence; what was marked as title or value ends in a control character.
_NAME = re.compile("(?<=[\\w,;\x00\x01] )[A-Z]\\w+")


@dataclass(frozen=True)
class Citation:
    """A quoted title: its item (None if the catalogue has no such title) and whether the history holds it.

    `against` where the text says that it pulls the other way, against the decision. `span` is where it stands in the
    text, quotes included.
    """

    title: str
    item: int | None
    in_history: bool
    against: bool = field(default=False, compare=False)
    span: tuple[int, int] = field(default=(0, 0), compare=False)


@dataclass(frozen=True)
class Statement:
    """An attribute value said of items (of the history as a whole if there are none), and whether that is true.

    `span` is where the value stands in the text. `false_as_well` where the value is true of the items, but "as
    well" says that what was spoken of before has it too, which is not so; `span` then ends with "as well".
    """

    items: tuple[int, ...]
    value: str
    negated: bool
    true: bool
    span: tuple[int, int] = field(default=(0, 0), compare=False)
    false_as_well: bool = field(default=False, compare=False)


@dataclass(frozen=True)
class ParsedExplanation:
    """What a text says.

    Attributes:
        decision: True for yes, False for no, None where the text does not begin with either.
        citations: quoted titles other than that of the item asked about, and that one where it is said to come from
            the history.
        statements: attribute values said of items.
        names: capitalised words within a sentence that belong to no quoted title and no value.
        invented: quoted titles that the catalogue does not have.
    """

    decision: bool | None
    citations: tuple[Citation, ...]
    statements: tuple[Statement, ...]
    names: tuple[str, ...]

    @property
    def invented(self) -> tuple[str, ...]:
        """Cited titles that do not exist."""
        return tuple(c.title for c in self.citations if c.item is None)


class ExplanationParser:
    """Reads texts about items of one catalogue."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue, self._titles = catalogue, TitleIndex(catalogue)
        values = {v for column in catalogue.attributes.values() for item in column for v in item}
        alternatives = "|".join(re.escape(v) for v in sorted(values, key=len, reverse=True))
        value = rf"|(?<![\w-])(?:{alternatives})(?![\w-])" if values else ""
        # Titles come first: a value within quotes is part of a title.
        self._marked = re.compile(_QUOTED + value, re.IGNORECASE)
        self._values, self._spelling = values, {v.casefold(): v for v in values}

    @cached_property
    def _columns(self) -> tuple[Sequence[tuple[str, ...]], ...]:
        return tuple(self.catalogue.attributes.values())

    def parse(self, text: str, history: Sequence[int], item: int) -> ParsedExplanation:
        """Read one explanation.

        Args:
            text: what was written.
            history: item indices the explanation is about.
            item: the item asked about.
        """
        written, text = text, straight_quotes(text)  # of the same length, so that spans hold in either
        first = _DECISION.match(text)
        decision = None if first is None else first[1].lower() == "yes"
        start = first.end() if first else 0
        titles: list[int | None] = []
        values: list[tuple[str, tuple[int, int]]] = []
        citations: list[Citation] = []
        known = {int(h) for h in history}

        def claimed(place: int) -> bool:
            return bool(_CLAIM.search(re.sub(_QUOTED, " ", text[start : start + place])))

        # Quoted titles may hold anything, so they are blanked, and what is left keeps its places.
        blanked = re.sub(_QUOTED, lambda quoted: " " * len(quoted[0]), text[start:])
        ends = [m.end() for m in _SENTENCE.finditer(blanked)]

        def against(place: int) -> bool:
            n = bisect.bisect_right(ends, place)
            sentence = blanked[ends[n - 1] if n else 0 : ends[n] if n < len(ends) else len(blanked)]
            return bool(_OTHER_WAY.search(sentence))

        def mark(match: re.Match[str]) -> str:
            span = (start + match.start(), start + match.end())
            if match[1] is not None:
                index = self._titles.find(match[1])
                titles.append(index)
                if index != item or claimed(match.start()):
                    title = written[span[0] + 1 : span[1] - 1] if index is None else self.catalogue.labels[index]
                    citations.append(Citation(title, index, index in known, against(match.start()), span))
                return f"\x00{len(titles) - 1}\x00"
            # "Playstation 3" is PlayStation 3, but "in that case" is no title of the genre Case.
            said = match[0]
            value = said if said in self._values else self._spelling.get(said.casefold())
            if value is None or (value != said and said[0].islower()):
                return said
            values.append((value, span))
            return f"\x01{len(values) - 1}\x01"

        # Titles and values are marked before the text is cut into clauses: either may hold a colon or a "no".
        marked = self._marked.sub(mark, text[start:])
        statements: list[Statement] = []
        for clause in _CLAUSE.split(marked):
            stated = [values[int(n)] for n in _VALUE.findall(clause)]
            if stated:
                named = [titles[int(n)] for n in _MARK.findall(clause)]
                plain = _VALUE.sub(" ", _MARK.sub(" ", clause))
                before = {s.value for s in statements}
                again = bool(_ALSO.search(plain)) and not before.intersection(value for value, _ in stated)
                said = self._clause(plain, stated, named, history, item)
                statements += [_alone(s, text) for s in said] if again else said
        return ParsedExplanation(decision, tuple(citations), tuple(statements), tuple(_NAME.findall(marked)))

    def _clause(
        self,
        plain: str,
        stated: Sequence[tuple[str, tuple[int, int]]],
        named: Sequence[int | None],
        history: Sequence[int],
        item: int,
    ) -> list[Statement]:
        subjects = [n for n in named if n is not None]
        if _PRONOUN.search(plain):
            subjects.append(item)
        negated = bool(_NEGATION.search(plain))
        wrong = any(n is None for n in named)
        most = bool(re.search(r"\bmost\b", plain, re.IGNORECASE))
        return [
            Statement(tuple(subjects), v, negated, not wrong and self._true(v, subjects, history, negated, most), span)
            for v, span in stated
        ]

    def _true(self, value: str, subjects: Sequence[int], history: Sequence[int], negated: bool, most: bool) -> bool:
        over = subjects or history
        holders = sum(any(value in column[int(i)] for column in self._columns) for i in over)
        if negated:
            return holders == 0
        if subjects:
            return holders == len(over)
        return 2 * holders > len(over) if most else holders >= min(2, len(over))


def _alone(statement: Statement, text: str) -> Statement:
    """The statement where "as well" follows it and nothing said before has its value: false whatever it says."""
    if not statement.true:
        return statement
    also = _ALSO.search(text, statement.span[1])
    # Another value or a title may stand between; then the mark stays on the value.
    near = also is not None and not re.search(r'[.;!?"]', text[statement.span[1] : also.start()])
    end = also.end() if near else statement.span[1]
    return replace(statement, true=False, false_as_well=True, span=(statement.span[0], end))
