"""One process at a time in a run folder."""

from pathlib import Path

from filelock import FileLock, Timeout

from recx.errors import CheckpointError

# A process killed a moment ago may need some seconds until its kernel is gone too.
PATIENCE = 20.0
_held: dict[Path, FileLock] = {}


def hold(folder: Path, name: str = ".lock") -> None:
    """Keep a folder for this process until `release`, or until the process ends in whatever way.

    Args:
        folder: existing folder.
        name: of the lock; whoever launches a notebook holds another one than the notebook's kernel.

    Raises:
        CheckpointError: another process holds it.
    """
    if folder / name in _held:
        return
    lock = FileLock(folder / name)
    try:
        lock.acquire(timeout=PATIENCE)
    except Timeout:
        raise CheckpointError(
            f"{folder} is being worked on by another process. Wait until it has finished, or stop it, and run the "
            "same command again."
        ) from None
    _held[folder / name] = lock


def release(folder: Path, name: str = ".lock") -> None:
    """Let others in again; nothing happens where this process does not hold the folder."""
    if folder / name in _held:
        _held.pop(folder / name).release()
