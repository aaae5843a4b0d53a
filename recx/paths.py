"""Locations of files. The kit is a repository: data, notebooks and runs are beside the package."""

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import platformdirs

from recx.errors import RecxError

ROOT = Path(__file__).resolve().parent.parent


def expanded(path: str | Path) -> Path:
    """A path that a person named, with a leading `~` replaced by their home folder.

    Raises:
        RecxError: no file can have this name: it is too long, contains a null character, or begins with the home folder
            of an account that does not exist.
    """
    try:
        found = Path(path).expanduser()
        with suppress(FileNotFoundError, NotADirectoryError, PermissionError):  # it need not exist yet
            found.stat()
    except (RuntimeError, ValueError, OSError) as error:
        why = str(getattr(error, "strerror", None) or error).rstrip(".")
        raise RecxError(f"{str(path)[:80]!r} cannot be a path on this machine: {why}.") from error
    return found


def shipped_data() -> Path:
    """Folder with the data that ships with the kit (demo catalogue, published numbers, backbone)."""
    return ROOT / "data"


def notebooks() -> Path:
    """Folder with the numbered notebooks."""
    return ROOT / "notebooks"


def runs() -> Path:
    """Folder of finished and unfinished runs: `RECX_RUNS_DIR`, or else `runs/` beside the package.

    If the kit is installed where this user cannot write, it is in the user's data folder instead.
    """
    return expanded(os.environ.get("RECX_RUNS_DIR") or _own("runs"))


def figures() -> Path:
    """Folder of redrawn figures: `figures/` beside the package, or in the user's data folder, as for `runs`."""
    return _own("figures")


def cache() -> Path:
    """Folder for files that can be downloaded or computed again: `RECX_CACHE_DIR`, or else the user's cache."""
    return expanded(os.environ.get("RECX_CACHE_DIR") or _of_user(platformdirs.user_cache_dir))


def config() -> Path:
    """Folder for what a user has configured: `RECX_CONFIG_DIR`, or else the user's configuration folder."""
    return expanded(os.environ.get("RECX_CONFIG_DIR") or platformdirs.user_config_dir("recx"))


def local_data(data_dir: str | Path | None = None) -> Path | None:
    """Folder with data sets obtained elsewhere: the argument, or else `RECX_DATA_DIR`, or else None."""
    chosen = data_dir or os.environ.get("RECX_DATA_DIR")
    return expanded(chosen) if chosen else None


def _own(name: str) -> Path:
    """A folder beside the package if this user can write to it, otherwise in the user's data folder."""
    folder = ROOT / name
    writable = os.access(folder if folder.exists() else ROOT, os.W_OK)
    return folder if writable else _of_user(platformdirs.user_data_dir) / name


def _of_user(folder: Callable[[str], str]) -> Path:
    try:
        return Path(folder("recx"))
    except RuntimeError as error:  # a container may run as a user without an account
        raise RecxError("This user has no home folder. Set HOME to a writable folder.") from error
