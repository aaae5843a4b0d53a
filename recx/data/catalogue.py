"""The catalogue: items 1..N with a title, a unique label and attributes."""

import html
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import polars as pl

from recx.errors import DataError

# Also those that reverse the direction of a line, which would act on everything behind them.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
Attribute = list[tuple[str, ...]]
# Columns with running text, too long to serve as evidence.
TEXTS = ("description", "features", "also_bought")
# Reserved column names, used in the catalogue's frame and (with _percent) in the statistics.
RESERVED = frozenset(("item", "item_id", "title", "label", "sparsity", "top_item"))


@dataclass(frozen=True)
class Catalogue:
    """The items of a data set. Index 0 is padding, so every list has length N + 1.

    Attributes:
        item_ids: ids from the source, with `item_ids[0] == ""`.
        titles: titles from the source, with HTML entities unescaped; not necessarily unique.
        labels: titles made unique; prompts show them and decoding returns them.
        attributes: column name -> values of each item (an empty tuple if unknown), named by `attribute_name`.
        duplicates: number of items that share their title with another item.
        texts: long columns (`TEXTS`) -> texts of each item, e.g. the shop's description.
    """

    item_ids: tuple[str, ...]
    titles: tuple[str, ...]
    labels: tuple[str, ...]
    attributes: Mapping[str, Attribute]
    duplicates: int = 0
    texts: Mapping[str, Attribute] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.item_ids) - 1

    @cached_property
    def index_of_label(self) -> dict[str, int]:
        """Label -> item index."""
        return {label: i for i, label in enumerate(self.labels) if i}

    @cached_property
    def index_of_id(self) -> dict[str, int]:
        """Source id -> item index."""
        return {item_id: i for i, item_id in enumerate(self.item_ids) if i}

    def facts(self, item: int) -> dict[str, tuple[str, ...]]:
        """Known attributes of one item, column -> values; unknown ones are omitted."""
        return {name: values[item] for name, values in self.attributes.items() if values[item]}

    def frame(self) -> pl.DataFrame:
        """One row per item: `item` (index), `item_id`, `title`, `label` and list columns of attributes."""
        columns = {"item": range(1, len(self) + 1), "item_id": self.item_ids[1:]}
        columns |= {"title": self.titles[1:], "label": self.labels[1:]}
        columns |= {name: [list(v) for v in values[1:]] for name, values in self.attributes.items()}
        return pl.DataFrame(columns, schema_overrides=dict.fromkeys(self.attributes, pl.List(pl.String)))


def attribute_name(name: str) -> str:
    """Turn a column name into an attribute name: cleaned like a title, and distinct from reserved names."""
    cleaned = clean_title(name) or "column"
    return f"given {cleaned}" if cleaned in RESERVED else cleaned


def clean_title(raw: str) -> str:
    """Unescape HTML entities, compose accents, and replace double quotes, which stand around titles.

    White space is collapsed, and control characters, which would act on a terminal, count as such.
    """
    title = unicodedata.normalize("NFC", html.unescape(raw)).replace('"', "'")
    return " ".join(_CONTROL.sub(" ", title).split())


def build_catalogue(
    item_ids: Sequence[str],
    titles: Sequence[str],
    attributes: Mapping[str, Sequence[Sequence[str]]],
    texts: Mapping[str, Sequence[Sequence[str]]] | None = None,
) -> Catalogue:
    """Build a catalogue from parallel columns of N items.

    Raises:
        DataError: an item id occurs twice, or a title is empty after cleaning.
    """
    ids = [str(i) for i in item_ids]
    repeated = [i for i, n in Counter(ids).items() if n > 1]
    if repeated:
        raise DataError(f"The catalogue lists item id {repeated[0]!r} more than once; ids must be unique.")
    cleaned = [clean_title(t or "") for t in titles]
    empty = [i for i, t in zip(ids, cleaned, strict=True) if not t]
    if empty:
        raise DataError(f"{len(empty)} items have no title (first: {empty[0]!r}); drop them first.")
    columns, long = (
        {attribute_name(name): [(), *(_cleaned(v) for v in values)] for name, values in (given or {}).items()}
        for given in (attributes, texts)
    )
    labels, duplicates = _unique_labels(cleaned, columns)
    return Catalogue(("", *ids), ("", *cleaned), ("", *labels), columns, duplicates, long)


def _cleaned(values: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(filter(None, map(clean_title, values))))


def _unique_labels(titles: list[str], attributes: Mapping[str, Attribute]) -> tuple[list[str], int]:
    """Distinguish items with the same title by an attribute that separates them all, otherwise by a number.

    It is the first attribute of which each of them has one value, such as the year, or else the first.
    """
    groups: dict[str, list[int]] = {}
    for position, title in enumerate(titles):
        groups.setdefault(title, []).append(position)
    labels, taken = list(titles), set(groups)
    shared = [positions for positions in groups.values() if len(positions) > 1]
    for positions in shared:
        found = [[values[p + 1] for p in positions] for values in attributes.values()]
        apart = [own for own in found if all(own) and len(set(own)) == len(own)]
        apart.sort(key=lambda own: any(len(values) > 1 for values in own))
        marks = [" / ".join(values) for values in apart[0]] if apart else [str(n + 1) for n in range(len(positions))]
        for position, mark in zip(positions, marks, strict=True):
            labels[position] = _free(f"{titles[position]} ({mark})", taken)
            taken.add(labels[position])
    return labels, sum(map(len, shared))


def _free(label: str, taken: set[str]) -> str:
    candidate, n = label, 2
    while candidate in taken:
        candidate, n = f"{label} #{n}", n + 1
    return candidate
