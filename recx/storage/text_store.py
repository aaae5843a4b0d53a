"""Cache of generated texts, keyed by a hash of their inputs, so that interrupted generation resumes row by row."""

import json
from collections.abc import Mapping
from pathlib import Path


class TextStore:
    """An append-only file of JSON lines `{"key": ..., "text": ...}`.

    A line truncated by a killed process is skipped when the file is read, and its text is generated again.

    Args:
        path: the file, created when the first text is added; None keeps texts in memory only.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._texts: dict[str, str] = {}
        if path and path.is_file():
            for line in path.read_bytes().splitlines():
                try:
                    record = json.loads(line)
                    self._texts[str(record["key"])] = str(record["text"])
                except (ValueError, KeyError, TypeError):
                    continue

    def __len__(self) -> int:
        return len(self._texts)

    def get(self, key: str) -> str | None:
        """The text stored under a key, if any."""
        return self._texts.get(key)

    def keep(self, texts: Mapping[str, str]) -> None:
        """Store texts by key; they are on disk when this returns."""
        self._texts |= texts
        if not self.path or not texts:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        lines = "".join(json.dumps({"key": k, "text": t}) + "\n" for k, t in texts.items())
        with self.path.open("a+b") as file:
            # A partial line left by a killed process must not swallow the next one.
            file.seek(0, 2)
            if file.tell():
                file.seek(-1, 2)
                lines = lines if file.read(1) == b"\n" else "\n" + lines
            file.write(lines.encode())
