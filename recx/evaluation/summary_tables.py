"""Records as tables for reading."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from recx.evaluation.metric_records import label_of


def side_by_side(records: Sequence[dict[str, Any]]) -> pd.DataFrame:
    """A row for each method, a column for each metric as "value [low, high]" or the value alone, and the users."""
    if not records:
        return pd.DataFrame()
    rows: dict[str, dict[str, str]] = {}
    for r in records:
        row = rows.setdefault(label_of(r), {})
        interval = f" [{r['low']:.3f}, {r['high']:.3f}]" if r.get("low") is not None else ""
        row[r["metric"]] = f"{r['value']:.3f}{interval}"
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
        rows.setdefault(label_of(r), {})[r["metric"]] = f"{r['value']:.3f}"
    metrics = list(dict.fromkeys(r["metric"] for r in records))
    return pd.DataFrame.from_dict(rows, orient="index").reindex(columns=metrics).fillna("-").to_string()
