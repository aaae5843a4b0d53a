"""Files and folders that are never half written: after an interruption or on a full disk, the old ones remain."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A place beside a file to write it; once written, it replaces the file, and after an error it is removed.

    Several processes may write the same file: the last one wins.

    Raises:
        OSError: it cannot be written; the old one stays.
    """
    beside = _beside(path)
    try:
        yield beside
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


@contextmanager
def replacing_folder(folder: Path) -> Iterator[Path]:
    """The same for a folder, which is made anew beside the old one.

    Raises:
        OSError: it cannot be written.
    """
    beside = _beside(folder)
    try:
        shutil.rmtree(beside, ignore_errors=True)
        beside.mkdir(parents=True)
        yield beside
        shutil.rmtree(folder, ignore_errors=True)
        beside.rename(folder)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def replace_file(path: Path, content: str | bytes) -> None:
    """Replace a file's content; text is encoded as UTF-8.

    Raises:
        OSError: it cannot be written; the old one stays.
    """
    with replacing(path) as beside:
        beside.write_bytes(content.encode() if isinstance(content, str) else content)


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}.part")
