"""Finds the items of a catalogue that a text names by their titles, quoted or not."""

import bisect
import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cached_property

from recx.data.catalogue import Catalogue
from recx.parsing.phrase_index import PhraseIndex, Word, phrase_key, words_of
from recx.parsing.title_forms import heads, natural_forms, plain_title, subtitles
from recx.parsing.title_spelling import emphasised, is_name

_YEAR_BEHIND = re.compile(r"(.*\S)\s*[(\[]((?:18|19|20)\d\d)[)\]]")
_VALUE_IN_BRACKETS = re.compile(r"(.*\S)\s*[(\[]([^()\[\]]+)[)\]]")
_YEAR = re.compile(r"((?:18|19|20)\d\d)(?:-\d\d.*)?")
_MARKS_BEHIND = re.compile(r"[^\w\s]*$")
_WORD_BEFORE = re.compile(r"([^\W\d_]+) $")
_VALUE_FOLLOWS = ("for", "on", "by", "a", "an", "the")
_VALUE_BEHIND = re.compile(
    r"[ -](?:series|franchise|saga|universe|genre|console|platform|version|owner|game|title|film|movie|book|novel)s?\b"
)


@dataclass(frozen=True, slots=True)
class Mention:
    """A title in running text: its item and its position."""

    item: int
    start: int
    end: int


class TitleIndex:
    """Finds items by their titles as a text writes them.

    A title matches a label of the catalogue exactly, or up to typography (the kind of apostrophe, dash or space,
    emphasis marks, a full stop or comma at its end) and a year or another value in brackets at its end that the label
    lacks ("Portal (PC)"). The item must have that value; a year must not contradict the catalogue. A title that
    matches two labels in this way matches neither.

    A title may also be shortened: a label without the brackets at its end, without what precedes or follows a colon
    or dash, with its article moved to the front ("The English Patient" for "English Patient, The") or left out. A
    whole label takes precedence over a part of another; a part that several items share names one of `near`, if any.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue

    def find(self, title: str, ignore_case: bool = False, near: Collection[int] = ()) -> int | None:
        """Index of the item, or None if the catalogue has no such title.

        Args:
            title: without quotation marks. A title with white space at either end is not shortened or normalised,
                because this is what a text looks like that has lost one of its quotation marks.
            ignore_case: whether to ignore the case of letters.
            near: items that the text is about. Where several items share a title or a part of it, one of these is
                chosen; where none of these has the title, the first item that has it.
        """
        item = self.catalogue.index_of_label.get(title)
        if (
            item is not None and near and item not in near
        ):  # "Escape from L.A." where the text is about "Escape from L.A"
            alike = (i for i in self._wholes.get(phrase_key(title), ()) if i in near)
            key = plain_title(title)  # "Help!" is not "Help"
            return next(
                (i for i in alike if key in map(plain_title, (self.catalogue.labels[i], self.catalogue.titles[i]))),
                item,
            )
        if item is not None or title != title.strip():
            return item
        table = self._without_case if ignore_case else self._with_case
        key = plain_title(title)
        item = table.get(key.casefold() if ignore_case else key)
        if item is not None:
            return item
        dated = _YEAR_BEHIND.fullmatch(key)
        if dated:
            key = plain_title(dated[1])
            item = table.get(key.casefold() if ignore_case else key)
            if item is not None:
                return item if self._may_be_of(item, dated[2]) else None
        if not ignore_case and key[:1].islower():
            return None
        item = self._meant(phrase_key(key), near)[0]
        if item is not None:
            return None if dated and not self._may_be_of(item, dated[2]) else item
        valued = _VALUE_IN_BRACKETS.fullmatch(key)
        if valued is None or phrase_key(valued[2]) not in self._values:
            return None
        item = self.find(valued[1], near=near)  # "Portal (PC)"
        return item if item is not None and self._has(item, phrase_key(valued[2])) else None

    def part(self, words: str, near: Collection[int]) -> int | None:
        """The one item near whose label holds quoted words: four or more, or words that it quotes itself."""
        key = phrase_key(words)
        if not key:
            return None
        held = [
            item
            for item in near
            if f" {key} " in f" {phrase_key(self.catalogue.labels[item])} "
            and (key.count(" ") > 2 or f"'{words}'" in self.catalogue.labels[item])
        ]
        return held[0] if len(held) == 1 else None

    def _meant(self, key: str, near: Collection[int]) -> tuple[int | None, bool]:
        """The item a key stands for, if it is the only one or in `near`; and whether the key is a whole title's."""
        for table in (self._wholes, self._natural, self._heads):
            item = _only(table.get(key, ()), near)
            if item is not None:
                return item, table is not self._heads
            if near and key in table and table is not self._heads:  # one of several of that name, none of them near
                return table[key][0], True
        # "Gold Edition" may be that of anything.
        return next((i for i in self._subtitles.get(key, ()) if i in near), None), False

    def mentions(self, text: str, near: Collection[int] = ()) -> Iterator[Mention]:
        """Titles in running text, in the order of the text.

        A title of one word counts only where it is written as a name: capitalised, not at the start of a sentence
        (unless a predicate follows it there), and not as part of a longer name. A title of several words may be in
        lower case if it is long or in `near`. Numbers and attribute values count as titles only in quotation marks.

        Args:
            text: the text, with its quotations replaced by blanks.
            near: items that the text is about.
        """
        words, place = words_of(text), 0
        while place < len(words):
            mention, size = self._mention(text, words, place, near)
            if mention is not None:
                yield mention
            place += size

    def _mention(self, text: str, words: list[Word], place: int, near: Collection[int]) -> tuple[Mention | None, int]:
        for key, size, last in self._index.at(text, words, place):
            item, whole = self._meant(key, near)
            start, end = words[place].start, last
            if item is not None:
                item = self._as_written(text, start, key, item)
                marks = _MARKS_BEHIND.search(self.catalogue.labels[item])[0]  # "Pikachu!" ends no sentence
                end += len(marks) if marks and text.startswith(marks, last) else 0
            shared = key in self._values and not (
                item in near or (whole and size > 1 and key not in self.common_values)
            )
            if key in self._values and (item is None or self._is_value(text, start, end, shared)):
                return None, size
            # "US news" and "IT" are not the films "Us" and "It".
            shouted = item is not None and size == 1 and 1 < end - start < 4 and text[start:end].isupper()
            if shouted and item not in near and not self.catalogue.titles[item].isupper():
                return None, size
            if item is not None and is_name(text, words[place : place + size], end, item in near, whole):
                return Mention(item, start, end), size
        return None, 1

    def _as_written(self, text: str, start: int, key: str, item: int) -> int:
        """The item whose label stands in the text with all its marks: "C#" where the one meant would be "C++".

        A mark that may end the sentence decides nothing.
        """
        own = len(self.catalogue.labels[item]) if text.startswith(self.catalogue.labels[item], start) else 0
        for other in self._wholes.get(key, ()):
            label = self.catalogue.labels[other]
            if len(label) > own and label[-1] not in ".!?…" and text.startswith(label, start):
                item, own = other, len(label)
        return item

    def _is_value(self, text: str, start: int, end: int, likely: bool) -> bool:
        """Whether a title that is also an attribute value (a series or a platform, say) stands for the value here."""
        if likely or emphasised(text, start, end):
            return not emphasised(text, start, end)
        before = _WORD_BEFORE.search(text, max(start - 40, 0), start)
        word = before[1].casefold() if before else ""
        return word in _VALUE_FOLLOWS or word in self.catalogue.attributes or bool(_VALUE_BEHIND.match(text, end))

    @cached_property
    def _with_case(self) -> dict[str, int]:
        return self._unambiguous([plain_title(label) for label in self.catalogue.labels])

    @cached_property
    def _without_case(self) -> dict[str, int]:
        return self._unambiguous([plain_title(label).casefold() for label in self.catalogue.labels])

    @cached_property
    def _wholes(self) -> dict[str, tuple[int, ...]]:
        """Items by the key of their label, and by that of their title where several items share it."""
        return self._by_key(
            [{label, title} for label, title in zip(self.catalogue.labels, self.catalogue.titles, strict=True)]
        )

    @cached_property
    def _natural(self) -> dict[str, tuple[int, ...]]:
        """Items by the key of their label with its article in front or left out, or without its brackets."""
        return self._by_key([natural_forms(label) for label in self.catalogue.labels])

    @cached_property
    def _heads(self) -> dict[str, tuple[int, ...]]:
        """Items by the key of a label up to a colon or dash that their own label begins with: "Halo" may be any."""
        table = self._by_key([heads(label) for label in self.catalogue.labels])
        labels = sorted((phrase_key(label), item) for item, label in enumerate(self.catalogue.labels) if item)
        for key, items in table.items():
            more, place = list(items), bisect.bisect(labels, (f"{key} ",))
            while place < len(labels) and labels[place][0].startswith(f"{key} "):
                more.append(labels[place][1])
                place += 1
            table[key] = tuple(dict.fromkeys(more))
        return table

    @cached_property
    def _subtitles(self) -> dict[str, tuple[int, ...]]:
        """Items by the key of what follows a colon in their label."""
        return self._by_key([subtitles(label) for label in self.catalogue.labels])

    @cached_property
    def _index(self) -> PhraseIndex:
        return PhraseIndex([*self._wholes, *self._natural, *self._heads, *self._subtitles, *self._values])

    @cached_property
    def _values(self) -> frozenset[str]:
        return frozenset(self._holders)

    @cached_property
    def common_values(self) -> frozenset[str]:
        """Values that more than one item in fifty has: genres, for example, but not names of series."""
        return frozenset(key for key, holders in self._holders.items() if holders > max(len(self.catalogue) / 50, 2))

    @cached_property
    def _holders(self) -> Counter[str]:
        """Number of items that have a value, by the value's key."""
        values = Counter(v for column in self.catalogue.attributes.values() for item in column for v in item)
        holders: Counter[str] = Counter()
        for value, count in values.items():
            holders[phrase_key(value)] += count
        del holders[""]
        return holders

    @staticmethod
    def _by_key(forms: list[set[str]]) -> dict[str, tuple[int, ...]]:
        table: dict[str, dict[int, None]] = defaultdict(dict)
        for item, own in enumerate(forms):
            for form in own if item else ():
                table[phrase_key(form)][item] = None
        table.pop("", None)
        return {key: tuple(items) for key, items in table.items()}

    @staticmethod
    def _unambiguous(keys: list[str]) -> dict[str, int]:
        table: dict[str, int] = {}
        shared = set()
        for item, key in enumerate(keys):
            if table.setdefault(key, item) != item:
                shared.add(key)
        return {key: item for key, item in table.items() if item and key and key not in shared}

    def _has(self, item: int, key: str) -> bool:
        return any(phrase_key(v) == key for values in self.catalogue.facts(item).values() for v in values)

    def _may_be_of(self, item: int, year: str) -> bool:
        known = {m[1] for values in self.catalogue.facts(item).values() for v in values if (m := _YEAR.fullmatch(v))}
        return not known or year in known


def _only(items: Collection[int], near: Collection[int]) -> int | None:
    """The item if there is exactly one, otherwise the first that is in `near`."""
    return next(iter(items)) if len(items) == 1 else next((item for item in items if item in near), None)
