"""`recx judge`: what the checks find in explanations by anyone."""

from dataclasses import dataclass
from pathlib import Path

import tyro

from recx.errors import DataError


@dataclass(frozen=True)
class JudgeCommand:
    """Check explanations that were written elsewhere: what they cite and state, and how they compare."""

    file: tyro.conf.Positional[str]
    """JSON lines, one record per history and item with the texts of every source (format: docs/judge.md)."""
    json: str = ""
    """File to write the numbers to, as JSON."""
    html: str = ""
    """File to write a report to, as one HTML page."""

    def run(self) -> None:
        """Read and check the file, print the tables, and write what is asked for.

        Raises:
            DataError: the file is not of that format, or an output cannot be written.
        """
        from recx.commands.judged_report import as_html, as_json, as_text
        from recx.evaluation.foreign_texts import read_foreign_texts
        from recx.evaluation.judged_texts import judge_texts

        source = Path(self.file).expanduser()
        judged = [judge_texts(given, show_progress=True) for given in read_foreign_texts(source)]
        print(f"\n{as_text(judged)}")
        for path, made in ((self.json, as_json), (self.html, as_html)):
            if path:
                _write(Path(path).expanduser(), made(source.name, judged))


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise DataError(f"{path} cannot be written ({error.strerror or error}).") from error
    print(f"Written: {path}")
