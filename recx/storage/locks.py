"""Locks: only one process at a time works in a run folder."""

from pathlib import Path

from filelock import FileLock, Timeout

from recx.errors import CheckpointError

# The kernel of a process that was just killed may need some seconds to end too.
PATIENCE = 20.0
_held: dict[Path, FileLock] = {}


def hold(folder: Path, name: str = ".lock") -> None:
    """Lock a folder for this process until `release` or until the process ends.

    Args:
        folder: an existing folder.
        name: name of the lock; the launcher of a notebook holds a different lock than the notebook's kernel.

    Raises:
        CheckpointError: another process holds the lock.
    """
    if folder / name in _held:
        return
    lock = FileLock(folder / name)
    try:
        lock.acquire(timeout=PATIENCE)
    except Timeout:
        raise CheckpointError(
            f"{folder} is in use by another process. Wait until it has finished, or stop it, and run the "
            "same command again."
        ) from None
    _held[folder / name] = lock


def release(folder: Path, name: str = ".lock") -> None:
    """Release the lock; does nothing if this process does not hold it."""
    if folder / name in _held:
        _held.pop(folder / name).release()
