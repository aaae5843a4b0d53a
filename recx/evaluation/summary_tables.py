"""Records as tables for reading."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from recx.evaluation.metric_records import label_of


def _shown(record: dict[str, Any], interval: bool = False) -> str:
    """A record's value; what there was nothing to measure of is no number."""
    if record["value"] != record["value"]:
        return "no attributes" if record["metric"] == "stated_attributes_true" else "-"
    limits = f" [{record['low']:.3f}, {record['high']:.3f}]" if interval and record.get("low") is not None else ""
    return f"{record['value']:.3f}{limits}"


def side_by_side(records: Sequence[dict[str, Any]]) -> pd.DataFrame:
    """A row for each method, a column for each metric as "value [low, high]" or the value alone, and the users."""
    if not records:
        return pd.DataFrame()
    rows: dict[str, dict[str, str]] = {}
    for r in records:
        row = rows.setdefault(label_of(r), {})
        row[r["metric"]] = _shown(r, interval=True)
        row["n"] = " / ".join(dict.fromkeys([*filter(None, row.get("n", "").split(" / ")), str(r["n"])]))
    frame = pd.DataFrame.from_dict(rows, orient="index").rename_axis("method").fillna("")
    return frame[[c for c in frame.columns if c != "n"] + ["n"]]


def labelled(records: Sequence[dict[str, Any]]) -> pd.DataFrame:
    """Records as a pandas frame with the column `label`, as plots take it."""
    return pd.DataFrame([{"label": label_of(r)} | {k: v for k, v in r.items() if k != "values"} for r in records])


def plain_table(records: Sequence[dict[str, Any]]) -> str:
    """A row for each method, a column for each metric, the values alone, as plain text."""
    rows: dict[str, dict[str, str]] = {}
    for r in records:
        rows.setdefault(label_of(r), {})[r["metric"]] = _shown(r)
    metrics = list(dict.fromkeys(r["metric"] for r in records))
    return pd.DataFrame.from_dict(rows, orient="index").reindex(columns=metrics).fillna("-").to_string()
