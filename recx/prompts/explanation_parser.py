"""Reading an explanation: its decision, the titles it cites, and the attributes it states.

A title is cited where it stands in quotation marks, or where a title of the catalogue stands in running text. A
statement is a value of some attribute (a platform, a genre, a year ...) said within one clause: of the titles in that
clause, of the item asked about where the clause says "it" or "this game", and of the history as a whole where it names
no title, or speaks of what the person likes. All titles named must carry the value for it to be true,
of the history as a whole two (or more than half where it says "most"); in a clause with a negation none may.
"As well" and "too" claim that the value was said before.
"""

import bisect
import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from recx.data.catalogue import Catalogue
from recx.prompts.phrase_index import PhraseIndex, Word, phrase_key, words_of
from recx.prompts.quotation_marks import straight_quotes
from recx.prompts.stated_decision import stated_decision
from recx.prompts.title_index import TitleIndex

_QUOTED = re.compile(r'"([^"]*)"')
_CLAUSE = re.compile(
    r"(?:[.;:!?]\s+|;\s*|,? (?:while|but|whereas|unlike|though|although) |, a change |\n+|"
    r", (?=(?:you|they|he|she|I)\b))"
)
_NEGATION = re.compile(
    r"\b(?:no(?! (?:doubt|wonder|question|stranger))|not(?! (?:only|just|to mention))|nothing|none|never|"
    r"neither|without|"
    r"(?:is|are|was|were|does|do|did)n['’]t(?! (?:miss|hesitate|worry|forget)))\b",
    re.IGNORECASE,
)
# Titles after these words are claimed to be the history's, even the item asked about, up to a word that compares.
_CLAIM = re.compile(
    r"\bfrom the history\b(?:(?![.!?]\s|\b(?:like|unlike|as|while|but|whereas|though)\b).)*$", re.IGNORECASE
)
# A sentence, or a part of one up to a semicolon, whose titles speak against the decision.
_OTHER_WAY = re.compile(r"\b(?:the other way|on the other hand)\b", re.IGNORECASE)
_SENTENCE = re.compile(r"[.;!?]\s")
_ALSO = re.compile(r"\b(?:as well|too)\b", re.IGNORECASE)
_KIND = "game|title|film|movie|book|novel|story|show|series|album|song|track|item|product|one"
_PRONOUN = re.compile(
    rf"(?:^|\s)it\b|\bthis (?:\w+ )?(?:{_KIND})\b|\bthe (?:game|film|movie|book|novel|album|song|item|product)\b",
    re.IGNORECASE,
)
# After these words a value is what the person likes.
_TASTE = re.compile(
    r"\b(?:fans?|enthusiasts?|lovers?|interests?|preferences?|tastes?|fondness|liking|love|enjoy(?:ed|s)?|prefer(?:s|red)?|"
    r"appreciate[sd]?|history|interested|into|other)\b",
    re.IGNORECASE,
)
# Titles of one subject, and titles that are said to be like it: ', like "A"', ', and so is "A"', ', as "A" is'.
_JOINED = re.compile(
    r"\W*(?:and|or|nor|as well as|along with|together with|plus|&)?\W*(?:both|also|then)?\W*", re.IGNORECASE
)
_COMPARED = re.compile(
    r"(?:(?<!will )(?<!ll )(?<!would )(?<!'d )(?<!they )(?<!you )(?<!to )\blike|\b(?:such as|including|e\.g\.|"
    r"for example|for instance|namely|so (?:is|are|does|was)|similar to|same as)|, (?:just )?as)"
    r"\W*(?:the|either|both)?\W*(?:\x00\d+\x00(?:\W|and|or)*)*$",
    re.IGNORECASE,
)
_THIS_ONE = re.compile(rf"\b(?:this|as an?)(?: \w+)? \x01\d+\x01 (?:{_KIND})\b", re.IGNORECASE)
# What makes a small word before it, or a list of them, the name of a genre.
_GENRE_BEHIND = re.compile(
    rf"(?:{_KIND}|genre|gaming|fan|lover|enthusiast|flick|read|article|video|news)s?|stories|category|categories"
)
_GENRE_DIRECTLY_BEHIND = re.compile(r"gameplay|music|elements?|experiences?|tags?|section")
_TAG_BEHIND = re.compile(rf" (?:tag|genre|categor|{_KIND})\w*\b(?! title)")
_GENRE_BEFORE = re.compile(
    r"\b(?:genres?|tags?|categor(?:y|ies)|mix(?:ture)?|blend|combination|elements)"
    r"(?: (?:of|like|such as|including))?:? $"
)
_WORD_BEFORE = re.compile(r"([^\W\d_]+)(?: is| of|:)? $")
_BETWEEN = re.compile(r"\s*(?:,|/|&|-|\band\b|\bor\b|, and|, or)\s*", re.IGNORECASE)
_TURN = re.compile(r", (?:and|so|as|plus|which|with|its|it)\b")  # a negation does not reach beyond
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
        self._values = {v for column in catalogue.attributes.values() for item in column for v in item}
        self._spellings: dict[str, list[str]] = {}
        for value in sorted(self._values):
            for key in {phrase_key(value), *_plurals(phrase_key(value))} - {""}:
                self._spellings.setdefault(key, []).append(value)
        self._phrases = PhraseIndex(self._spellings)

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
        known = {int(h) for h in history}
        cited, plain = self._cited(text, written, known | {item})
        decision, start = stated_decision(plain)
        stated = self._stated(plain, start)
        ends = [m.end() for m in _SENTENCE.finditer(plain)]

        def against(place: int) -> bool:
            n = bisect.bisect_right(ends, place)
            sentence = plain[ends[n - 1] if n else 0 : ends[n] if n < len(ends) else len(plain)]
            return bool(_OTHER_WAY.search(sentence))

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
            if index != item or _CLAIM.search(plain, start, span[0]):
                citations.append(Citation(title, index, index in known, against(span[0]), span))
        statements: list[Statement] = []
        for clause in _CLAUSE.split(marked):
            values = [(stated[int(m[1])][1], stated[int(m[1])][0], m.start()) for m in _VALUE.finditer(clause)]
            if values:
                words = _VALUE.sub(" ", _MARK.sub(" ", clause))
                before = {s.value for s in statements}
                again = bool(_ALSO.search(words)) and not before.intersection(value for value, *_ in values)
                said = self._clause(clause, words, values, titles, history, item)
                statements += [_alone(s, text) for s in said] if again else said
        return ParsedExplanation(decision, tuple(citations), tuple(statements), tuple(_NAME.findall(marked)))

    def _cited(
        self, text: str, written: str, near: set[int]
    ) -> tuple[list[tuple[tuple[int, int], int | None, str]], str]:
        """Titles in a text (where, item, title), and the text with blanks in their place."""
        found: list[tuple[tuple[int, int], int | None, str]] = []
        plain = list(text)
        for quoted in _QUOTED.finditer(text):
            title, span = quoted[1], quoted.span()
            index = self._titles.find(title, near=near)
            if index is None:
                index = self._titles.find(title, ignore_case=True, near=near)
            word = title.strip() in self._values or title[:1].islower()
            tagged = index not in near and title in self._values and _TAG_BEHIND.match(text, span[1])
            if (index is None and word) or tagged:
                continue  # what is quoted may be a word: the "Free to Play" tag
            name = written[span[0] + 1 : span[1] - 1] if index is None else self.catalogue.labels[index]
            found.append((span, index, name))
            plain[span[0] : span[1]] = " " * (span[1] - span[0])
        for mention in self._titles.mentions("".join(plain), near):
            found.append(((mention.start, mention.end), mention.item, self.catalogue.labels[mention.item]))
            plain[mention.start : mention.end] = " " * (mention.end - mention.start)
        return sorted(found, key=lambda f: f[0]), "".join(plain)

    def _stated(self, plain: str, start: int) -> list[tuple[tuple[int, int], str]]:
        """Values in a text without its titles: where, and which."""
        found, words, place = [], words_of(plain), 0
        while place < len(words):
            step = 1
            for key, size, _ in self._phrases.at(plain, words, place):
                if words[place].start < start:
                    break
                span, value = self._value(plain, key, words, place, size)
                if value is not None:
                    found.append((span, value))
                    step = size
                    break
            place += step
        return found

    def _value(
        self, plain: str, key: str, words: list[Word], place: int, size: int
    ) -> tuple[tuple[int, int], str | None]:
        """Which value some words of a text are, if they are one."""
        begin, end = words[place].start, words[place + size - 1].end
        best: tuple[tuple[int, int], str | None] = ((begin, end), None)
        for value in self._spellings[key]:
            own = words_of(value)
            exact = (begin - own[0].start, begin - own[0].start + len(value))
            said = plain[max(exact[0], 0) : exact[1]]
            if said.casefold() == value.casefold():  # also what is no word in it: "C++" is not "C"
                span = exact
            elif own[0].start == 0 and own[-1].end == len(value) and plain[end - 1 : end].isalnum():
                span = (begin, end)  # "role playing", "shooters"
            else:
                continue
            if re.search(r"[\w-]\Z", plain[: span[0]][-1:]) or re.match(r"[\w-]", plain[span[1] : span[1] + 1]):
                continue
            said = plain[span[0] : span[1]]
            small = said[:1].islower()
            if said == value and not (small and len(own) == 1 and said.isalpha() and not self._named(plain, span[0])):
                return span, value
            if (
                not small
                or len(own) > 1
                or phrase_key(said) != phrase_key(value)
                or _names_genre(plain, words, place, self._spellings)
            ):
                best = span, value
        return best

    def _named(self, plain: str, start: int) -> bool:
        """Whether a small word is announced as a value: "for pc", "with the mood calm"."""
        before = _WORD_BEFORE.search(plain, max(start - 40, 0), start)
        return before is not None and (
            before[1] in ("for", "by", "from", "on") or before[1] in self.catalogue.attributes
        )

    def _clause(
        self,
        clause: str,
        words: str,
        values: Sequence[tuple[str, tuple[int, int], int]],
        titles: Sequence[int | None],
        history: Sequence[int],
        item: int,
    ) -> list[Statement]:
        """What one clause says.

        Args:
            clause: with titles and values marked.
            words: the clause without them.
            values: of the clause: value, where it stands in the text, and in the clause.
            titles: of the whole text.
            history: what the text is about.
            item: the item asked about.
        """
        marks = [(titles[int(m[1])], m.start(), m.end()) for m in _MARK.finditer(clause)]
        most = bool(re.search(r"\bmost\b", words, re.IGNORECASE))
        said = []
        for value, span, place in values:
            named, begin = self._subjects(clause, marks, place, item)
            subjects = [n for n in named if n is not None]
            turn = max((m.end() for m in _TURN.finditer(clause, begin, place)), default=begin)
            negated = bool(_NEGATION.search(clause, turn, place))
            true = None not in named and self._true(value, subjects, history, negated, most)
            said.append(Statement(tuple(subjects), value, negated, true, span))
        return said

    @staticmethod
    def _subjects(
        clause: str, marks: Sequence[tuple[int | None, int, int]], place: int, item: int
    ) -> tuple[list[int | None], int]:
        """What a value at a place of a clause is said of, nothing for the history as a whole; and where that ends.

        Args:
            clause: with titles and values marked.
            marks: its titles: item, where the mark begins and ends.
            place: of the value.
            item: the item asked about.
        """
        groups: list[list[tuple[int | None, int, int]]] = []
        for mark in marks:
            if groups and _JOINED.fullmatch(clause, groups[-1][-1][2], mark[1]):
                groups[-1].append(mark)
            else:
                groups.append([mark])
        before = [g for g in groups if g[-1][2] <= place]
        behind = [g for g in groups if g[0][1] > place]
        compared = [m[0] for g in behind if _COMPARED.search(clause, place, g[0][1]) for m in g]
        if (
            _THIS_ONE.search(clause, max(place - 12, 0))
            and _THIS_ONE.search(clause, max(place - 12, 0)).start() < place
        ):
            return [item], place
        taste = [m for m in _TASTE.finditer(clause, 0, place) if not _MARK.search(clause, m.end(), place)]
        if taste:
            return compared, 0
        pronoun = max((m.end() for m in _PRONOUN.finditer(clause, 0, place)), default=-1)
        end = before[-1][-1][2] if before else -1
        if pronoun > end:
            return [item, *compared], 0
        if before:
            return [*(m[0] for m in before[-1]), *compared], end
        if not marks and _PRONOUN.search(clause, place):  # "With its tags Action and Indie, this game ..."
            return [item], 0
        return compared or [m[0] for g in behind[:1] for m in g], 0

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


def _plurals(key: str) -> list[str]:
    """What a value of one word becomes where a text speaks of several: "shooters", "comedies"."""
    if " " in key or not key.isalpha() or key.endswith("s"):
        return []
    return [key[:-1] + "ies" if key.endswith("y") else key + "s"]


def _names_genre(plain: str, words: list[Word], place: int, spellings: Mapping[str, object]) -> bool:
    """Whether a small word stands where a genre does: before "games" or "films", alone or in a list of such words."""
    if _GENRE_BEFORE.search(plain, max(words[place].start - 40, 0), words[place].start):
        return True
    joined = strange = False
    for before, word in itertools.pairwise(words[place : place + 12]):
        gap = plain[before.end : word.start]
        if word.key in ("and", "or"):
            joined = True
            continue
        if not (gap.isspace() or gap == "-" or _BETWEEN.fullmatch(gap)):
            return False
        if _GENRE_BEHIND.fullmatch(word.key):
            return True
        if _GENRE_DIRECTLY_BEHIND.fullmatch(word.key) and not strange:
            return True
        known = word.key in spellings
        if not (known or joined or not gap.isspace()):
            return False
        joined, strange = False, strange or not known
    return False
