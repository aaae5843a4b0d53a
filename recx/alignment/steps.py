"""The steps of a training: what they read, how many there are, and how their rows are divided."""

from typing import Any, Protocol

import numpy as np

from recx.errors import SettingsError
from recx.settings import FitSettings


class Rows(Protocol):
    """What can be trained on: rows by number, with their lengths."""

    @property
    def lengths(self) -> np.ndarray:
        """(R,) number of tokens in each row."""

    def __len__(self) -> int: ...

    def __getitem__(self, row: int) -> Any: ...


def steps_of(rows: Rows, settings: FitSettings) -> int:
    """Number of optimizer steps of a training."""
    return max(1, int(len(rows) / settings.batch_size * settings.epochs))


def device_batch_size(settings: FitSettings, processes: int = 1) -> int:
    """Rows that one process reads at once.

    Raises:
        SettingsError: a step's rows cannot be divided evenly.
    """
    parts = (settings.accumulate or 1) * processes
    if settings.batch_size % parts:
        raise SettingsError(
            f"Setting 'align.fit.batch_size' is {settings.batch_size}, but the rows of a step are divided into "
            f"{settings.accumulate or 1} (align.fit.accumulate) times {processes} (processes) equal parts. "
            f"Choose a multiple of {parts}."
        )
    return settings.batch_size // parts
