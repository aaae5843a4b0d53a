"""Finding items by typed titles: suggestions, misspellings and ambiguous titles."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import regex
from rapidfuzz import fuzz, process

from recx.data.catalogue import Catalogue, clean_title

# Similarities out of 100: the least for a match to be accepted, its least lead over the next, the least to be offered,
# and the least spelling in common with a title that is shorter than what was typed.
MIN_TAKEN, MIN_LEAD, MIN_OFFERED, MIN_ALIKE = 86, 4, 60, 50
MAX_LETTERS = 300
MAX_SAME_TITLE = 50  # items with the same title that are offered
MAX_ALIKE = 5  # items with a similar title that are offered


_BETWEEN_WORDS = regex.compile(r"[^\p{L}\p{N}\p{M}]+")  # marks are letters' parts: the vowels of Hindi and Thai
_WITHOUT_SPACES = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]")


@dataclass(frozen=True)
class Match:
    """An item that matches a typed title.

    Attributes:
        item: item index.
        score: similarity of the typed text and the item's label, 100 if identical.
    """

    item: int
    score: float


@dataclass(frozen=True)
class Resolution:
    """The interpretation of a typed title.

    Attributes:
        kind: `exact`; `close` if one item is clearly most similar; `ambiguous` if several are similar; `unknown` if
            none is.
        matches: the most similar items, best first.
    """

    kind: Literal["exact", "close", "ambiguous", "unknown"]
    matches: tuple[Match, ...]


class TitleSearch:
    """An index of a catalogue's titles for looking up typed text.

    Args:
        catalogue: the items.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        self._labels = [_normalise(label) for label in catalogue.labels[1:]]
        self._titles: dict[str, list[int]] = {}
        for item, title in enumerate(catalogue.titles):
            if item:
                self._titles.setdefault(_normalise(title), []).append(item)
        self._exact: dict[str, list[int]] = {}  # "Halo (2)" and "Halo 2" are written alike once they are normalised
        for item, label in enumerate(self._labels, 1):
            self._exact.setdefault(label, []).append(item)

    def suggest(self, typed: str, limit: int = 8) -> list[Match]:
        """Suggest items for a partly typed title: first by prefix, then by containment, then by similar spelling.

        Args:
            typed: any text, of which only the first `MAX_LETTERS` characters count.
            limit: greatest number of suggestions.
        """
        query = _normalise(typed[:MAX_LETTERS])
        if not query:
            return []
        starts = [n for n, label in enumerate(self._labels, 1) if label.startswith(query)]
        inside = [n for n, label in enumerate(self._labels, 1) if _begins_within(query, label)]
        matches = [Match(n, 100.0) for n in dict.fromkeys([*sorted(starts, key=self._length), *inside])][:limit]
        if len(matches) < limit and len(query) > 2:
            known = {m.item for m in matches}
            matches += [m for m in self._similar(query, limit, MIN_OFFERED) if m.item not in known]
        return matches[:limit]

    def resolve(self, typed: str) -> Resolution:
        """Find the item meant by a completely typed title, or at most `MAX_ALIKE` that may be meant."""
        query = _normalise(typed[:MAX_LETTERS])
        if typed in self.catalogue.index_of_label:
            return Resolution("exact", (Match(self.catalogue.index_of_label[typed], 100.0),))
        by_id = [n for n in [self.catalogue.index_of_id.get(typed)] if n is not None]
        if not query and not by_id:
            return Resolution("unknown", ())
        # A film may be called "300", and an item have that id: then either may be meant.
        same = list(dict.fromkeys([*self._exact.get(query, []), *self._titles.get(query, []), *by_id]))
        if same:
            kind = "exact" if len(same) == 1 else "ambiguous"
            return Resolution(kind, tuple(Match(n, 100.0) for n in same[:MAX_SAME_TITLE]))
        holding = [n for n, label in enumerate(self._labels, 1) if _begins_within(query, f" {label}")]
        if holding:  # part of a title: a unique match is accepted, several are ambiguous
            scored = sorted((-fuzz.ratio(query, self._labels[n - 1]), n) for n in holding)
            near = tuple(Match(n, round(-score, 1)) for score, n in scored[:MAX_ALIKE])
            return Resolution("close" if len(near) == 1 else "ambiguous", near)
        near = tuple(m for m in self._similar(query, MAX_ALIKE, MIN_OFFERED) if self._plausible(query, m.item))
        spelt = [fuzz.ratio(query, self._labels[m.item - 1]) for m in near]
        if near and spelt[0] >= MIN_TAKEN and spelt[0] - max(spelt[1:], default=0) >= MIN_LEAD:
            return Resolution("close", near)
        return Resolution("ambiguous", near) if len(near) > 1 else Resolution("unknown", near or self._nearest(query))

    def _plausible(self, query: str, item: int) -> bool:
        """Whether a title may be meant: it is spelt alike, or long enough to contain what was typed."""
        label = self._labels[item - 1]
        return len(label) >= len(query) or fuzz.ratio(query, label) >= MIN_ALIKE

    def _nearest(self, query: str) -> tuple[Match, ...]:
        return tuple(self._similar(query, 3, 0))

    def _similar(self, query: str, limit: int, min_score: float) -> list[Match]:
        """Find the most similar labels: a cheap score preselects, an expensive one ranks the selection."""
        cheap = process.cdist([query], self._labels, scorer=fuzz.token_ratio, dtype=np.float32, workers=1)[0]
        part = min(20 * limit, len(cheap))
        front = np.argpartition(-cheap, part - 1)[:part]
        labels = {int(n): self._labels[n] for n in front}
        scored = [(fuzz.WRatio(query, label), cheap[n], n) for n, label in labels.items()]
        return [Match(n + 1, round(float(s), 1)) for s, _, n in sorted(scored, key=_best)[:limit] if s >= min_score]

    def _length(self, item: int) -> tuple[int, int]:
        return len(self._labels[item - 1]), item


def _best(scored: Sequence[float]) -> tuple[float, ...]:
    score, cheap, item = scored
    return -score, -cheap, item


def _normalise(text: str) -> str:
    """Reduce text, cleaned as titles are, to lower-case letters and digits with single spaces."""
    return " ".join(_BETWEEN_WORDS.sub(" ", unicodedata.normalize("NFC", clean_title(text)).lower()).split())


def _begins_within(query: str, label: str) -> bool:
    """Whether a word of a label begins with the query; in scripts without spaces, it may stand anywhere."""
    return (query if _WITHOUT_SPACES.match(query) else f" {query}") in label
