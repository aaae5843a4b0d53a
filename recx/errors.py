"""Errors meant for the user: what was wrong, where, and what is accepted."""

import itertools
from collections.abc import Iterable


class RecxError(Exception):
    """Base class of all errors that the kit raises on purpose; the command line prints them without a traceback."""


class DataError(RecxError):
    """A file or data set cannot be used as it is."""


class SettingsError(RecxError):
    """A setting, profile or data set name does not exist, or a value is not accepted."""


class CheckpointError(RecxError):
    """A saved model or run is damaged, incomplete or was made for something else."""


class TrainingError(RecxError):
    """A training failed although its data and settings were accepted, e.g. because it diverged."""


def examples(names: Iterable[object]) -> str:
    """The first three of some names, shortened and quoted, for a message."""
    return ", ".join(repr(str(name)[:40]) for name in itertools.islice(names, 3))
