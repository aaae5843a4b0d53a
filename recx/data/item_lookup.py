"""Lookup of a catalogue item by index, label, title or source id."""

import numpy as np
from rapidfuzz import fuzz, process

from recx.data.catalogue import Catalogue, clean_title
from recx.errors import DataError

Item = int | str


def find_item(catalogue: Catalogue, item: Item) -> int:
    """Index of an item given as index, label, title or source id.

    Raises:
        DataError: no item matches, or several share the title; the message names the most similar ones.
    """
    if isinstance(item, int | np.integer):
        if 0 < item <= len(catalogue):
            return int(item)
        raise DataError(f"Item {item} is not between 1 and {len(catalogue)}.")
    cleaned = clean_title(item)  # the source's own spelling
    for name in (item, cleaned):
        if name in catalogue.index_of_label:
            return catalogue.index_of_label[name]
    same = [label for label, title in zip(catalogue.labels, catalogue.titles, strict=True) if title == cleaned]
    if item in catalogue.index_of_id and not same:
        return catalogue.index_of_id[item]
    near = same or [m[0] for m in process.extract(item, catalogue.labels[1:], scorer=fuzz.WRatio, limit=3)]
    kind = "Several items are called" if same else "No item is called"
    raise DataError(f"{kind} {item!r}. Did you mean {' or '.join(repr(n) for n in near)}?")
