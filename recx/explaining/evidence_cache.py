"""Measured evidence is kept, since a text, its revision and its record all ask for it."""

import functools
from collections.abc import Callable, Sequence

import numpy as np

from recx.prompts.evidence import Evidence

Measure = Callable[[np.ndarray | Sequence[int], int], Evidence]
KEPT = 4096  # pairs of a history and an item


def remembered(measure: Measure) -> Measure:
    """The same measure, which measures a pair of a history and an item once."""

    @functools.lru_cache(maxsize=KEPT)
    def known(history: tuple[int, ...], item: int) -> Evidence:
        return measure(np.array(history), item)

    return lambda history, item: known(tuple(np.asarray(history).tolist()), int(item))
