"""Finding items by what a person types: suggestions, misspellings, and titles that could mean several items."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from rapidfuzz import fuzz, process, utils

from recx.data.catalogue import Catalogue

# Of 100: how near a title must be to be taken, how far ahead of the next one, and to be worth asking back.
SURE, AHEAD, POSSIBLE = 86, 4, 60
LONGEST = 300
SAME = 50  # items of one title that are asked back


@dataclass(frozen=True)
class Match:
    """An item that may be meant.

    Attributes:
        item: item index.
        score: how near what was typed is to its label, 100 for the same.
    """

    item: int
    score: float


@dataclass(frozen=True)
class Resolution:
    """What was understood.

    Attributes:
        kind: `exact`; `close`, one item is clearly nearest; `ambiguous`, several are near; `unknown`, none is.
        matches: the item first if there is one, then others that are near.
    """

    kind: Literal["exact", "close", "ambiguous", "unknown"]
    matches: tuple[Match, ...]


class TitleIndex:
    """Titles of a catalogue, prepared for being typed.

    Args:
        catalogue: items.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        self._labels = [_plain(label) for label in catalogue.labels[1:]]
        self._titles: dict[str, list[int]] = {}
        for item, title in enumerate(catalogue.titles):
            if item:
                self._titles.setdefault(_plain(title), []).append(item)
        self._exact = {label: item for item, label in enumerate(self._labels, 1)}

    def suggest(self, typed: str, limit: int = 8) -> list[Match]:
        """Items for what was typed so far: beginnings first, then what holds it, then what is spelt alike.

        Args:
            typed: any text; the first `LONGEST` letters count.
            limit: at most so many.
        """
        sought = _plain(typed[:LONGEST])
        if not sought:
            return []
        starts = [n for n, label in enumerate(self._labels, 1) if label.startswith(sought)]
        inside = [n for n, label in enumerate(self._labels, 1) if f" {sought}" in label]
        found = [Match(n, 100.0) for n in dict.fromkeys([*sorted(starts, key=self._length), *inside])][:limit]
        if len(found) < limit and len(sought) > 2:
            known = {m.item for m in found}
            found += [m for m in self._alike(sought, limit, POSSIBLE) if m.item not in known]
        return found[:limit]

    def resolve(self, typed: str, limit: int = 5) -> Resolution:
        """Which item is meant by a whole title.

        Args:
            typed: any text.
            limit: at most so many matches.
        """
        sought = _plain(typed[:LONGEST])
        if typed in self.catalogue.index_of_label:
            return Resolution("exact", (Match(self.catalogue.index_of_label[typed], 100.0),))
        if typed in self.catalogue.index_of_id:
            return Resolution("exact", (Match(self.catalogue.index_of_id[typed], 100.0),))
        if not sought:
            return Resolution("unknown", ())
        same = self._titles.get(sought, [])
        if sought in self._exact and len(same) < 2:
            return Resolution("exact", (Match(self._exact[sought], 100.0),))
        if same:
            kind = "exact" if len(same) == 1 else "ambiguous"
            return Resolution(kind, tuple(Match(n, 100.0) for n in same[:SAME]))
        holding = [n for n, label in enumerate(self._labels, 1) if f" {sought}" in f" {label}"]
        if holding:  # part of a title: one that holds it is meant, several are asked back
            scored = sorted((-fuzz.ratio(sought, self._labels[n - 1]), n) for n in holding)
            near = tuple(Match(n, round(-score, 1)) for score, n in scored[:limit])
            return Resolution("close" if len(near) == 1 else "ambiguous", near)
        near = tuple(self._alike(sought, limit, POSSIBLE))
        if not near:
            return Resolution("unknown", tuple(self._alike(sought, 3, 0)))
        spelt = [fuzz.ratio(sought, self._labels[m.item - 1]) for m in near]
        clear = spelt[0] >= SURE and spelt[0] - max(spelt[1:], default=0) >= AHEAD
        return Resolution("close" if clear else "ambiguous", near)

    def _alike(self, sought: str, limit: int, least: float) -> list[Match]:
        """The nearest labels; a cheap score over all of them, a dear one over those in front."""
        cheap = process.cdist([sought], self._labels, scorer=fuzz.token_ratio, dtype=np.float32, workers=1)[0]
        part = min(20 * limit, len(cheap))
        front = np.argpartition(-cheap, part - 1)[:part]
        labels = {int(n): self._labels[n] for n in front}
        scored = [(fuzz.WRatio(sought, label), cheap[n], n) for n, label in labels.items()]
        return [Match(n + 1, round(float(s), 1)) for s, _, n in sorted(scored, key=_best)[:limit] if s >= least]

    def _length(self, item: int) -> tuple[int, int]:
        return len(self._labels[item - 1]), item


def _best(scored: Sequence[float]) -> tuple[float, ...]:
    score, cheap, item = scored
    return -score, -cheap, item


def _plain(text: str) -> str:
    """Letters and digits in lower case, single spaces between."""
    return " ".join(utils.default_process(text).split())
