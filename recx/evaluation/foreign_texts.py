"""A file of explanations by anyone, with the items that they are about (format: docs/judge.md)."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from recx.data.catalogue import Catalogue, build_catalogue
from recx.data.text_records import FORM, TextRecord, read_text_records
from recx.errors import DataError
from recx.evaluation.test_set import Pairs


@dataclass(frozen=True)
class ForeignTexts:
    """Texts by several sources about the pairs of one data set.

    Attributes:
        dataset: its name; empty where the file gives none.
        catalogue: the items that the records name, with the attributes given for them.
        pairs: P histories and items. As the texts explain recommendations, every item counts as liked.
        texts: source -> P texts, empty where a record has none of that source.
        references: P texts to compare with, empty where a record has none.
    """

    dataset: str
    catalogue: Catalogue
    pairs: Pairs
    texts: dict[str, list[str]]
    references: list[str]


def read_foreign_texts(path: Path) -> list[ForeignTexts]:
    """Read a file of texts, by data set in the order in which they occur.

    Items are the same if title and attributes are. One that is given as a title alone is the first of that title.

    Args:
        path: JSON lines, gzipped if the name ends in .gz.

    Raises:
        DataError: the file cannot be read, holds no record, or a line is not such a record.
    """
    given = foreign_texts(read_text_records(path))
    if not given:
        raise DataError(f"{path}: contains no records; expected one per line: {FORM}.")
    return given


def foreign_texts(records: Iterable[TextRecord]) -> list[ForeignTexts]:
    """Group records by data set, and build the catalogue of each; see `read_foreign_texts`."""
    by_dataset: dict[str, list[TextRecord]] = defaultdict(list)
    for record in records:
        by_dataset[record.dataset].append(record)
    return [_with_catalogue(dataset, records) for dataset, records in by_dataset.items()]


def _with_catalogue(dataset: str, records: list[TextRecord]) -> ForeignTexts:
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
    return ForeignTexts(dataset, catalogue, pairs, texts, [record.reference for record in records])
