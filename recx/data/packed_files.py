"""File contents, unpacked if the name ends in .gz or .zip."""

import gzip
import zipfile
import zlib
from pathlib import Path

from recx.errors import DataError


def read_bytes(path: Path) -> bytes:
    """The bytes of a file, unpacked if its name ends in .gz, or in .zip with a single file inside.

    Raises:
        DataError: the file cannot be read or unpacked.
    """
    try:
        if path.suffix == ".zip":
            return _only_member(path)
        raw = path.read_bytes()
        return gzip.decompress(raw) if path.suffix == ".gz" else raw
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise DataError(f"{path}: cannot be read ({getattr(error, 'strerror', None) or error}).") from error


def _only_member(path: Path) -> bytes:
    with zipfile.ZipFile(path) as archive:
        # macOS adds this folder to every archive; it is not content.
        names = [n for n in archive.namelist() if not n.endswith("/") and not n.startswith("__MACOSX/")]
        if len(names) != 1:
            held = ", ".join(names[:8]) or "nothing"
            raise DataError(f"{path}: expected one file in the archive, found {held}. Unpack it into the folder.")
        return archive.read(names[0])
