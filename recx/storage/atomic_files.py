"""Files that are never half written: on a full disk, or after an interruption, the old one is still there."""

import os
from pathlib import Path


def replace_file(path: Path, content: str | bytes) -> None:
    """Write a file beside the old one, and rename it; text is encoded as UTF-8.

    Several processes may write the same file: the last one wins.

    Raises:
        OSError: it cannot be written; the old one stays.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        beside.write_bytes(content.encode() if isinstance(content, str) else content)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
