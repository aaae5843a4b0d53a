"""The ids of the rows of a recommender made elsewhere, and how they match the catalogue's items."""

import csv
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from recx.data.catalogue import Catalogue
from recx.errors import DataError, examples
from recx.recommenders.foreign_record import read_json_file

MIN_KNOWN = 0.5  # of the catalogue's items, below which a recommender was made for something else
ID_FILES = ("txt", "csv", "json")


@dataclass(frozen=True)
class ItemMatch:
    """Where the catalogue's items stand in a recommender made elsewhere.

    Attributes:
        rows: (N + 1,) row of each item in the recommender's arrays; -1 where it does not know the item, and for 0.
        note: what was matched, to be printed.
    """

    rows: np.ndarray
    note: str

    @property
    def known(self) -> Tensor:
        """(N + 1,) whether the recommender knows an item."""
        return torch.from_numpy(self.rows >= 0)

    def in_order(self, array: Tensor) -> Tensor:
        """Rows of the recommender (M, ...) in the catalogue's order (N + 1, ...); zero where it knows none."""
        rows = torch.from_numpy(self.rows)
        known = (rows >= 0).view(-1, *[1] * (array.ndim - 1))
        return torch.where(known, array[rows.clamp_min(0)], torch.zeros((), dtype=array.dtype))


def read_ids(folder: Path, name: str, count: int, what: str) -> list[str]:
    """Ids of the rows of an array, in their order, from `name.txt` (one per line), `.csv` (with a header) or `.json`.

    Args:
        folder: folder of the file.
        name: `item_ids` or `user_ids`.
        count: number of rows of the array.
        what: name of the array, for the message.

    Raises:
        DataError: there is no such file or there are several; the file is damaged or holds anything but texts or whole
            numbers; an id occurs twice; or there are not as many ids as the array has rows.
    """
    files = [folder / f"{name}.{suffix}" for suffix in ID_FILES if (folder / f"{name}.{suffix}").is_file()]
    if len(files) != 1:
        found = ", ".join(f.name for f in files) or "none"
        raise DataError(f"{folder}: expected one list of ids, {name}.txt, .csv or .json; found {found}.")
    ids = _ids_of(files[0], name.removesuffix("s"))
    if len(ids) != count:
        raise DataError(f"{files[0]}: {len(ids):,} ids for the {count:,} rows of {what}; expected one for each row.")
    twice = [i for i, n in Counter(ids).items() if n > 1]
    if twice:
        raise DataError(f"{files[0]}: {len(twice):,} ids occur twice, e.g. {twice[0]!r}; ids must be unique.")
    return ids


def _ids_of(path: Path, column: str) -> list[str]:
    if path.suffix == ".json":
        return _id_texts(path, read_json_file(path))
    try:
        text = path.read_text(encoding="utf-8-sig")
        if path.suffix == ".txt":
            return [line.strip() for line in text.splitlines() if line.strip()]
        rows = list(csv.reader(text.splitlines()))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: not readable as UTF-8 text ({error}).") from error
    header = rows[0] if rows else []
    if column not in header:
        raise DataError(f"{path}: the first line names {', '.join(header) or 'no column'}; expected a column {column}.")
    place = header.index(column)
    short = next((n for n, row in enumerate(rows, 1) if row and len(row) <= place), None)
    if short:
        raise DataError(f"{path}, line {short}: no value for {column}.")
    return [row[place].strip() for row in rows[1:] if row]


def _id_texts(path: Path, ids: Any) -> list[str]:
    if not isinstance(ids, list):
        raise DataError(f"{path}: expected a list of ids.")
    kinds = {type(i) for i in ids}
    if len(kinds) > 1 or not kinds <= {str, int}:
        odd = next(i for i in ids if type(i) not in (str, int) or type(i) is not type(ids[0]))
        raise DataError(
            f"{path}: ids are texts or whole numbers, all of one type; found {odd!r} ({type(odd).__name__}) beside "
            f"{ids[0]!r} ({type(ids[0]).__name__})."
        )
    return [str(i) for i in ids]


def match_items(catalogue: Catalogue, ids: Sequence[str]) -> ItemMatch:
    """Find the catalogue's items among a recommender's ids, which are compared as texts.

    Raises:
        DataError: fewer than half (`MIN_KNOWN`) of the catalogue's items are among them.
    """
    place = {item_id: row for row, item_id in enumerate(ids)}
    rows = np.array([-1, *(place.get(item_id, -1) for item_id in catalogue.item_ids[1:])], dtype=np.int64)
    total, known = len(catalogue), int((rows >= 0).sum())
    unknown, elsewhere = total - known, len(ids) - known
    if known < MIN_KNOWN * total:
        raise DataError(
            f"The recommender knows {known:,} of the catalogue's {total:,} items, fewer than half. Ids are compared "
            f"as texts: the catalogue's look like {examples(catalogue.item_ids[1:])}, the recommender's like "
            f"{examples(ids)}. Give the ids of the data set's files, not row numbers, and train on this data set."
        )
    note = (
        f"The recommender knows {known:,} of the catalogue's {total:,} items; {unknown:,} it does not know are never "
        f"recommended and are left out of histories; {elsewhere:,} of its items are not in the catalogue."
    )
    if list(ids) in ([str(n) for n in range(len(ids))], [str(n + 1) for n in range(len(ids))]):
        note += " Its ids count up in order: make sure that they are the data set's and not the model's row numbers."
    return ItemMatch(rows, note)
