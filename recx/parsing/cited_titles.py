"""The titles of a text, and in what role it names them: as from the history, as a cause, or as speaking against."""

import bisect
import itertools
import re
from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property

from recx.data.catalogue import Catalogue
from recx.parsing.quotation_marks import QUOTED
from recx.parsing.title_index import TitleIndex
from recx.parsing.value_mentions import KINDS, ValueMentions, stands_as_series

# A sentence, or a part of one up to a semicolon or "while", whose titles speak against the decision.
OTHER_WAY = re.compile(r"\b(?:the other way|on the other hand)\b", re.IGNORECASE)
_PART = re.compile(r"[.;!?]\s|, (?:while|but|whereas) ")
_ROLE_BEFORE = 300  # letters before a title that may tell its role
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
# What makes quoted words a tag: '"Free to Play" tag', 'the genre "Drama"'.
_TAG_BEHIND = re.compile(rf" (?:tag|genre|categor|{KINDS})\w*\b(?! title)")
_TAG_BEFORE = re.compile(r"\b(?:tag|genre|categor)\w*\b[^.!?\n]{0,40}$")


@dataclass(frozen=True, slots=True)
class NamedTitle:
    """A title in a text: its position with its quotation marks, its item (None if unknown), and its name."""

    span: tuple[int, int]
    item: int | None
    name: str


class CitedTitles:
    """Finds the titles in texts about the items of one catalogue."""

    def __init__(self, catalogue: Catalogue, values: ValueMentions) -> None:
        self.catalogue, self._titles, self._values = catalogue, TitleIndex(catalogue), values

    def find(self, text: str, written: str, near: Collection[int]) -> tuple[list[NamedTitle], str]:
        """The titles in a text in their order, and the text with the titles replaced by blanks.

        Args:
            text: the text with straight quotation marks.
            written: the text with its own ones, of the same length; the name of an unknown title is taken from it.
            near: items that the text is about.
        """
        found: list[NamedTitle] = []
        plain = list(text)
        for quoted in QUOTED.finditer(text):
            title, span = quoted[1], quoted.span()
            item = self._item(title, near)
            if self._is_word(text, title, span, item, near):
                continue
            name = written[span[0] + 1 : span[1] - 1] if item is None else self.catalogue.labels[item]
            found.append(NamedTitle(span, item, name))
            plain[span[0] : span[1]] = " " * (span[1] - span[0])
        shown = "".join(plain)
        for mention in self._titles.mentions(shown, near):
            # A series may be named after its first title.
            if stands_as_series(shown, mention.start, mention.end):
                if self._is_series(shown[mention.start : mention.end]):
                    continue
            else:
                span = (mention.start, mention.end)
                found.append(NamedTitle(span, mention.item, self.catalogue.labels[mention.item]))
            plain[mention.start : mention.end] = " " * (mention.end - mention.start)
        return sorted(found, key=lambda named: named.span), "".join(plain)

    def _item(self, title: str, near: Collection[int]) -> int | None:
        """The item of a quoted title, or None if the catalogue has none of that name."""
        item = self._titles.find(title, near=near)
        if item is None:
            item = self._titles.find(title, ignore_case=True, near=near)
        return self._titles.part(title, near) if item is None else item

    def _is_word(self, text: str, title: str, span: tuple[int, int], item: int | None, near: Collection[int]) -> bool:
        """Whether what is quoted is no title but a word: the "Free to Play" tag, the class "Drama Thriller"."""
        if item is None and (title.strip() in self._values.values or title[:1].islower()):
            return True
        if item in near:
            return False
        if title in self._values.values and (
            _TAG_BEHIND.match(text, span[1]) or _TAG_BEFORE.search(text, max(span[0] - 60, 0), span[0])
        ):
            return True
        return title not in self.catalogue.index_of_label and "(" not in title and self._values.only(title)

    def _is_series(self, name: str) -> bool:
        """Whether some item is part of a series of this name, whose article the kit's own texts omit."""
        return name.removeprefix("The ").casefold() in self._series

    @cached_property
    def _series(self) -> frozenset[str]:
        values = (value for item in self.catalogue.attributes.get("series", ()) for value in item)
        return frozenset(value.removeprefix("The ").casefold() for value in values)


def is_claimed(plain: str, span: tuple[int, int], start: int) -> bool:
    """Whether a title is claimed to be the history's, or to be a cause of the decision.

    Args:
        plain: the text with its titles replaced by blanks.
        span: position of the title.
        start: where the explanation starts, behind its decision.
    """
    begin = max(start, span[0] - _ROLE_BEFORE)
    return bool(
        _CLAIM.search(plain, begin, span[0])
        or _CAUSE_BEFORE.search(plain, begin, span[0])
        or _CAUSE_BEHIND.match(plain, span[1])
    )


class PartsAgainst:
    """The parts of a text that say what speaks against its decision ("the other way", "on the other hand")."""

    def __init__(self, plain: str) -> None:
        self._edges = [0, *(m.end() for m in _PART.finditer(plain)), len(plain)]
        self._against = [bool(OTHER_WAY.search(plain, *edge)) for edge in itertools.pairwise(self._edges)]

    def holds(self, place: int) -> bool:
        """Whether a position of the text is in such a part."""
        return self._against[bisect.bisect_right(self._edges, place, 1, len(self._edges) - 1) - 1]
