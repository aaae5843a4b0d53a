"""Cache of tables read from large files, so that later notebooks open them quickly."""

import functools
import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

from recx import paths
from recx.data.parquet_files import read_parquet
from recx.data.reading_report import ReadingReport
from recx.data.sources import Tables
from recx.errors import DataError
from recx.storage.atomic_files import replacing_folder

LARGE_BYTES = 20_000_000


def file_digest(path: Path) -> str:
    """SHA-256 of a file's content, computed once per process for an unchanged file."""
    state = path.stat()
    return _digest(str(path), state.st_size, state.st_mtime_ns)


def load_tables(key: str) -> Tables | None:
    """The tables stored under a key, or None if there are none (or they are damaged)."""
    folder = paths.cache() / "prepared" / key
    try:
        lines = [(what, int(count)) for what, count in json.loads((folder / "report.json").read_text("utf-8"))]
        interactions, items = (read_parquet(folder / f"{name}.parquet") for name in ("interactions", "items"))
        reasons = folder / "reasons.parquet"
        return Tables(interactions, items, ReadingReport(lines), read_parquet(reasons) if reasons.is_file() else None)
    except (OSError, ValueError, TypeError, DataError):
        return None


def keep_tables(key: str, tables: Tables) -> None:
    """Store tables under a key; if the cache is not writable, the files are simply read again next time."""
    folder = paths.cache() / "prepared" / key
    try:
        with replacing_folder(folder) as beside:
            tables.interactions.write_parquet(beside / "interactions.parquet")
            tables.items.write_parquet(beside / "items.parquet")
            if tables.reasons is not None:
                tables.reasons.write_parquet(beside / "reasons.parquet")
            (beside / "report.json").write_text(json.dumps(tables.report.lines), encoding="utf-8")
    except OSError:
        pass


def key_of(reader: str, files: Iterable[Path]) -> str:
    """A cache key from the files' content and the readers' code."""
    parts = [reader, *(file_digest(p) for p in files)]
    parts += [hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(Path(__file__).parent.glob("*.py"))]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def is_large(files: Iterable[Path]) -> bool:
    """Whether files take long enough to read to be worth caching."""
    return sum(p.stat().st_size for p in files) > LARGE_BYTES


@functools.cache
def _digest(path: str, size: int, modified: int) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
