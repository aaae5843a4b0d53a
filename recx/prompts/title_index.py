"""Which item of a catalogue a title written by a language model names."""

import re
import unicodedata
from functools import cached_property

from recx.data.catalogue import Catalogue

# What keyboards and word processors make of the same title.
_TYPOGRAPHY = str.maketrans(dict.fromkeys('’‘ʼ‛`´"“”„', "'") | dict.fromkeys("‐‑‒–—−", "-") | {"…": "..."})
_YEAR_BEHIND = re.compile(r"(.*\S)\s*[(\[]((?:18|19|20)\d\d)[)\]]")
_YEAR = re.compile(r"((?:18|19|20)\d\d)(?:-\d\d.*)?")


class TitleIndex:
    """Finds items by titles as they are written in a text.

    A title is a label of the catalogue, letter by letter; or the same but for typography (kinds of apostrophe, dash
    and space, marks of emphasis, a stop or comma at its end) and a year in brackets behind it that the label lacks.
    The year must not be another one than the catalogue has. Where two labels are alike but for that, none is meant.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue

    def find(self, title: str, ignore_case: bool = False) -> int | None:
        """Index of the item; None where the catalogue has no such title.

        Args:
            title: without quotation marks; white space at its ends makes it another one, for so a text looks that has
                lost one of its marks.
            ignore_case: whether capitals matter.
        """
        item = self.catalogue.index_of_label.get(title)
        if item is not None or title != title.strip():
            return item
        table = self._without_case if ignore_case else self._with_case
        key = plain_title(title)
        item = table.get(key.casefold() if ignore_case else key)
        if item is not None:
            return item
        dated = _YEAR_BEHIND.fullmatch(key)
        if not dated:
            return None
        key = plain_title(dated[1])
        item = table.get(key.casefold() if ignore_case else key)
        return None if item is None or not self._may_be_of(item, dated[2]) else item

    @cached_property
    def _with_case(self) -> dict[str, int]:
        return self._unambiguous([plain_title(label) for label in self.catalogue.labels])

    @cached_property
    def _without_case(self) -> dict[str, int]:
        return self._unambiguous([plain_title(label).casefold() for label in self.catalogue.labels])

    @staticmethod
    def _unambiguous(keys: list[str]) -> dict[str, int]:
        table: dict[str, int] = {}
        shared = set()
        for item, key in enumerate(keys):
            if table.setdefault(key, item) != item:
                shared.add(key)
        return {key: item for key, item in table.items() if item and key and key not in shared}

    def _may_be_of(self, item: int, year: str) -> bool:
        known = {m[1] for values in self.catalogue.facts(item).values() for v in values if (m := _YEAR.fullmatch(v))}
        return not known or year in known


def plain_title(title: str) -> str:
    """A title without what typography makes of it: plain marks and dashes, single spaces, nothing around it."""
    composed = unicodedata.normalize("NFC", title.translate(_TYPOGRAPHY))
    return " ".join(composed.split()).strip(" .,;:*_'")
