"""One process at a time in a run folder."""

from pathlib import Path

from filelock import FileLock, Timeout

from recx.errors import CheckpointError

# A process killed a moment ago may need some seconds until its kernel is gone too.
PATIENCE = 20.0
_held: dict[Path, FileLock] = {}


def hold(folder: Path) -> None:
    """Keep a folder for this process until `release`, or until the process ends in whatever way.

    Raises:
        CheckpointError: another process holds it.
    """
    if folder in _held:
        return
    lock = FileLock(folder / ".lock")
    try:
        lock.acquire(timeout=PATIENCE)
    except Timeout:
        raise CheckpointError(
            f"{folder} is being worked on by another process. Wait until it has finished, or stop it, and run the "
            "same command again."
        ) from None
    _held[folder] = lock


def release(folder: Path) -> None:
    """Let others in again; nothing happens where this process does not hold the folder."""
    if folder in _held:
        _held.pop(folder).release()
