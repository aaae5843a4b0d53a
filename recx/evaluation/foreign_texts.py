"""A file of explanations by anyone, with the items that they are about (format: docs/judge.md)."""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from recx.data.catalogue import Catalogue, build_catalogue, clean_title
from recx.data.json_lines import line_chunks
from recx.errors import DataError
from recx.evaluation.test_set import Pairs

MAX_TEXT = 50_000  # letters of a text
MAX_TITLE = 2_000  # letters of a title, of a value, or of the name of a source
MAX_ITEMS = 10_000  # of a history
MAX_VALUES = 1_000  # attribute values of an item
_FORM = (
    '{"dataset": "...", "history": [{"title": "...", "attributes": {"genre": ["..."]}}, "a title", ...], '
    '"item": {"title": "..."}, "user": "...", "texts": {"source": "..."}}; only history, item and texts must be there'
)

_Item = tuple[str, tuple[tuple[str, tuple[str, ...]], ...]]  # title, and values by attribute


@dataclass(frozen=True)
class ForeignTexts:
    """Texts by several sources about the pairs of one data set.

    Attributes:
        dataset: its name; empty where the file gives none.
        catalogue: the items that the records name, with the attributes given for them.
        pairs: P histories and items. As the texts explain recommendations, every item counts as liked.
        texts: source -> P texts, empty where a record has none of that source.
    """

    dataset: str
    catalogue: Catalogue
    pairs: Pairs
    texts: dict[str, list[str]]


@dataclass(frozen=True)
class _Record:
    dataset: str
    history: tuple[_Item, ...]
    item: _Item
    user: str
    texts: Mapping[str, str]


def read_foreign_texts(path: Path) -> list[ForeignTexts]:
    """Read a file of texts, by data set in the order in which they occur.

    Items are the same if title and attributes are. One that is given as a title alone is the first of that title.

    Args:
        path: JSON lines, gzipped if the name ends in .gz.

    Raises:
        DataError: the file cannot be read, holds no record, or a line is not such a record.
    """
    by_dataset: dict[str, list[_Record]] = defaultdict(list)
    for record in _records(path):
        by_dataset[record.dataset].append(record)
    if not by_dataset:
        raise DataError(f"{path}: contains no records; expected one a line: {_FORM}.")
    return [_with_catalogue(dataset, records) for dataset, records in by_dataset.items()]


def _with_catalogue(dataset: str, records: list[_Record]) -> ForeignTexts:
    named = dict.fromkeys(item for record in records for item in (*record.history, record.item))
    described = [item for item in named if item[1]]
    known = {title for title, _ in described}
    items = [*described, *(item for item in named if not item[1] and item[0] not in known)]
    columns = list(dict.fromkeys(name for _, attributes in items for name, _ in attributes))
    catalogue = build_catalogue(
        [str(n) for n in range(1, len(items) + 1)],
        [title for title, _ in items],
        {name: [dict(attributes).get(name, ()) for _, attributes in items] for name in columns},
    )
    index = {item: n for n, item in enumerate(items, 1)}
    for title, n in {title: n for n, (title, _) in reversed(list(enumerate(items, 1)))}.items():
        index.setdefault((title, ()), n)
    users = {user: n for n, user in enumerate(dict.fromkeys(record.user for record in records))}
    pairs = Pairs(
        [np.array([index[item] for item in record.history], dtype=np.int64) for record in records],
        np.array([index[record.item] for record in records], dtype=np.int64),
        np.ones(len(records), dtype=bool),
        np.array([users[record.user] for record in records]),
    )
    sources = dict.fromkeys(source for record in records for source in record.texts)
    texts = {source: [record.texts.get(source, "") for record in records] for source in sources}
    return ForeignTexts(dataset, catalogue, pairs, texts)


def _records(path: Path) -> Iterator[_Record]:
    number = 0
    for chunk in line_chunks(path):  # whole lines, and `splitlines` would also split at marks within strings
        for raw in chunk.removesuffix(b"\n").split(b"\n"):
            number += 1
            if not raw.strip():
                continue
            try:
                yield _record(json.loads(raw.decode("utf-8-sig")))
            except (ValueError, TypeError, RecursionError) as error:
                raise DataError(f"{path}, line {number}: not a record of texts ({error}); expected {_FORM}.") from error


def _record(given: Any) -> _Record:
    if not isinstance(given, dict):
        raise TypeError("no JSON object")
    missing = [name for name in ("history", "item", "texts") if name not in given]
    if missing:
        raise ValueError(f"no {missing[0]!r}")
    history, texts = given["history"], given["texts"]
    if not isinstance(history, list) or not 0 < len(history) <= MAX_ITEMS:
        raise TypeError(f"history must be a list of 1 to {MAX_ITEMS:,} items")
    if not isinstance(texts, dict) or not texts:
        raise TypeError("texts must be an object, source -> text")
    read = tuple(map(_item, history))
    user = given.get("user")
    if not isinstance(user, str | int | None):
        raise TypeError("user must be a string or a whole number")
    return _Record(
        _text(given.get("dataset") or "", "dataset"),
        read,
        _item(given["item"]),
        json.dumps([title for title, _ in read] if user is None else user),
        {
            clean_title(_text(source, "source")) or "source": _text(text, "text", MAX_TEXT)
            for source, text in texts.items()
        },
    )


def _item(given: Any) -> _Item:
    if isinstance(given, dict):
        title, attributes = given.get("title"), given.get("attributes") or {}
    else:
        title, attributes = given, {}
    cleaned = clean_title(_text(title, "title"))
    if not cleaned:
        raise ValueError("an item has no title")
    if not isinstance(attributes, dict):
        raise TypeError("attributes must be an object, name -> values")
    columns = []
    for name, values in attributes.items():
        listed = values if isinstance(values, list) else [] if values is None else [values]
        if len(listed) > MAX_VALUES:
            raise ValueError(f"an attribute has more than {MAX_VALUES:,} values")
        own = tuple(_text(str(v) if isinstance(v, int | float) else v, "attribute value") for v in listed)
        if own:
            columns.append((_text(name, "attribute"), own))
    return cleaned, tuple(sorted(columns))


def _text(given: Any, what: str, longest: int = MAX_TITLE) -> str:
    if not isinstance(given, str):
        raise TypeError(f"{what} must be a string")
    if len(given) > longest:
        raise ValueError(f"{what} is longer than {longest:,} letters")
    return given.encode("utf-8", "replace").decode()  # half of a surrogate pair could not be printed
