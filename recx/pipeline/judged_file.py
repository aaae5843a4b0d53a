"""`recx judge`: reads a file of explanations by anyone, and writes what the checks find."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import tyro
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from recx import paths
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


def run_judge(command: JudgeCommand) -> None:
    """Read and check the file of a command, print its tables, and write what it asks for.

    Raises:
        DataError: the file is not of that format, or an output cannot be written.
    """
    # Imported here: the command line builds all its commands before it knows which one is asked for.
    from recx.evaluation.foreign_texts import read_foreign_texts
    from recx.evaluation.judged_texts import NOT_MEASURED, judge_texts

    source = Path(command.file).expanduser()
    judged = [judge_texts(given, show_progress=True) for given in read_foreign_texts(source)]
    print("\n" + "\n\n".join(_as_text(j) for j in judged) + f"\n\n{NOT_MEASURED}")
    for path, made in ((command.json, as_json), (command.html, as_html)):
        if path:
            _write(Path(path).expanduser(), made(source.name, judged))


def as_json(name: str, judged: Sequence[Any]) -> str:
    """The numbers of all data sets as JSON; null where something could not be measured.

    Args:
        name: of the file of texts.
        judged: what `judge_texts` gives, one per data set.
    """
    from recx.evaluation.judged_texts import MEANINGS, NOT_MEASURED

    sets = [
        {key: _rows(value) if isinstance(value, pd.DataFrame) else value for key, value in vars(j).items()}
        for j in judged
    ]
    told = {"file": name, "not_measured": NOT_MEASURED, "meanings": MEANINGS, "datasets": sets}
    return json.dumps(told, indent=1, ensure_ascii=False) + "\n"


def as_html(name: str, judged: Sequence[Any]) -> str:
    """A page that needs nothing beside it; everything from the file is escaped. Arguments as in `as_json`."""
    from recx.evaluation.judged_texts import MEANINGS, NOT_MEASURED, shown, wide

    templates = Environment(
        loader=FileSystemLoader(paths.shipped_data() / "page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return templates.get_template("judged.html").render(
        name=name, judged=judged, meanings=MEANINGS, not_measured=NOT_MEASURED, wide=wide, shown=shown
    )


def _as_text(judged: Any) -> str:
    from recx.evaluation.judged_texts import wide

    head = f"{judged.dataset or 'Texts'}: {judged.records:,} records of {judged.users:,} users, {judged.items:,} items"
    parts = [head, wide(judged.measures).to_string(line_width=118)]
    if len(judged.sources):
        told = judged.sources.round(3).to_string(index=False)
        parts.append(f"Telling the sources apart:\n{told}")
    return "\n\n".join([*parts, *judged.remarks])


def _rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [
        {key: None if isinstance(value, float) and math.isnan(value) else value for key, value in row.items()}
        for row in frame.to_dict("records")
    ]


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise DataError(f"{path} cannot be written ({error.strerror or error}).") from error
    print(f"Written: {path}")
