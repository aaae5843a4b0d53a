"""Formatting records as tables."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pandas as pd

from recx.evaluation.bootstrap import interval_text
from recx.evaluation.metric_records import label_of


def _shown(record: dict[str, Any], interval: bool = False) -> str:
    """Format a record's value; a placeholder stands for values that could not be measured."""
    if record["value"] != record["value"]:
        return "no attributes" if record["metric"] == "stated_attributes_true" else "-"
    limits = interval_text(record.get("low"), record.get("high")) if interval else ""
    return f"{record['value']:.3f}{limits}"


def side_by_side(records: Sequence[dict[str, Any]]) -> pd.DataFrame:
    """Build a table with a row per method, a column per metric ("value [low, high]"), and the numbers of users.

    Where the metrics of a row have more than three different numbers, the smallest and the largest are given. If some
    metric has several verdicts, each verdict has a row.
    """
    if not records:
        return pd.DataFrame()
    verdicts = Counter((label_of(r), r["metric"]) for r in records)
    several = {metric for (_, metric), count in verdicts.items() if count > 1}
    rows: dict[str, dict[str, str]] = {}
    numbers: dict[str, dict[int, None]] = {}
    for r in records:
        label = f"{label_of(r)} ({r['verdict']})" if r["metric"] in several and "verdict" in r else label_of(r)
        rows.setdefault(label, {})[r["metric"]] = _shown(r, interval=True)
        numbers.setdefault(label, {})[r["n"]] = None
    frame = pd.DataFrame.from_dict(rows, orient="index").rename_axis("method").fillna("")
    shown = [f"{min(n)} to {max(n)}" if len(n) > 3 else " / ".join(map(str, n)) for n in numbers.values()]
    return frame.assign(n=shown)


def labelled(records: Sequence[dict[str, Any]]) -> pd.DataFrame:
    """Convert records to a data frame with a `label` column for plotting."""
    return pd.DataFrame([{"label": label_of(r)} | {k: v for k, v in r.items() if k != "values"} for r in records])


def plain_table(records: Sequence[dict[str, Any]]) -> str:
    """Build a plain-text table of values with a row per method and a column per metric."""
    rows: dict[str, dict[str, str]] = {}
    for r in records:
        rows.setdefault(label_of(r), {})[r["metric"]] = _shown(r)
    metrics = list(dict.fromkeys(r["metric"] for r in records))
    return pd.DataFrame.from_dict(rows, orient="index").reindex(columns=metrics).fillna("-").to_string()
