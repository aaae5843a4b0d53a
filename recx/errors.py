"""Errors meant for the person at the keyboard: what was wrong, where, and what is accepted."""


class RecxError(Exception):
    """Base of every error the kit raises on purpose; the command line prints it without a traceback."""


class DataError(RecxError):
    """A file or data set that cannot be used as it is."""


class SettingsError(RecxError):
    """A setting, profile or data set name that does not exist or has the wrong type."""


class CheckpointError(RecxError):
    """A saved model or run that is damaged, incomplete or made for something else."""
