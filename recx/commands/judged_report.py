"""What the checks of `recx judge` found: as text, as JSON, and as one HTML page."""

import json
import math
from collections.abc import Sequence
from typing import Any

import pandas as pd

from recx.evaluation.judged_texts import MEANINGS, NOT_MEASURED, JudgedTexts, shown, wide
from recx.playground.page_templates import TEMPLATES


def as_text(judged: Sequence[JudgedTexts]) -> str:
    """The tables and remarks of all data sets."""
    return "\n\n".join([*map(_section, judged), NOT_MEASURED])


def as_json(name: str, judged: Sequence[JudgedTexts]) -> str:
    """The numbers of all data sets as JSON; null where something could not be measured.

    Args:
        name: of the file of texts.
        judged: what `judge_texts` gives, one per data set.
    """
    sets = [
        {key: _rows(value) if isinstance(value, pd.DataFrame) else value for key, value in vars(j).items()}
        for j in judged
    ]
    told = {"file": name, "not_measured": NOT_MEASURED, "meanings": MEANINGS, "datasets": sets}
    return json.dumps(told, indent=1, ensure_ascii=False) + "\n"


def as_html(name: str, judged: Sequence[JudgedTexts]) -> str:
    """A page that needs nothing beside it; everything from the file is escaped. Arguments as in `as_json`."""
    return TEMPLATES.get_template("judged.html").render(
        name=name, judged=judged, meanings=MEANINGS, not_measured=NOT_MEASURED, wide=wide, shown=shown
    )


def _section(judged: JudgedTexts) -> str:
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
