"""Records as tables for reading."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from recx.evaluation.explanation_checks import totals
from recx.explaining.records import Explanation


def label_of(record: dict[str, Any]) -> str:
    """A record's method in one word or two: the mode where that says it all."""
    mode, method = record.get("mode", ""), record["method"]
    if not mode or method == "aligned":
        return mode or method
    return f"{mode}, {method.removeprefix('aligned ').strip('()')}"


def decoded_otherwise(record: dict[str, Any]) -> bool:
    """Whether an aligned mode answered in another way than Table 1 has it.

    Unconstrained, with the history's titles allowed, task 2 through task 3, or an explanation with held quotes.
    """
    return record["method"].startswith("aligned (")


def side_by_side(records: Sequence[dict[str, Any]]) -> pd.DataFrame:
    """A row a method, a column a metric as "value [low, high]" or the value alone, and how many users it is over."""
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


def summary(
    records: Sequence[dict[str, Any]],
    checks: Sequence[dict[str, Any]],
    explained: Sequence[Explanation],
    liked: np.ndarray,
    mode: str = "hybrid",
    shown: int = 4,
) -> str:
    """Table 1 and the checks of explanations as plain text, with a few explanations.

    Args:
        records: of Table 1.
        checks: of the explanations.
        explained: explanations of one model.
        liked: the target's decisions on the same pairs.
        mode: of that model.
        shown: how many explanations.
    """
    parts = ["Agreement with the target on test histories (titles along the catalogue's trie, the history left out)"]
    parts.append(_plain([r for r in records if not decoded_otherwise(r)]))
    other = [r for r in records if decoded_otherwise(r)]
    if other:
        told = "unconstrained, as in the paper; along the trie, the history not left out; five items ranked by task 3"
        parts.append(f"Decoded otherwise: {told}")
        parts.append(_plain(other))
    parts += ["Explanations", _plain(checks)]
    counts = totals(explained)
    parts.append(
        f"{mode}: {counts['cited_in_history']} of {counts['cited']} cited titles stand in the history, "
        f"{counts['invented']} do not exist; {counts['stated_true']} of {counts['stated']} stated attributes are true"
    )
    for explanation, verdict in list(zip(explained, liked, strict=True))[:shown]:
        parts.append(f"\n[target: {'yes' if verdict else 'no'}] {explanation.title}\n  {explanation.text}")
    return "\n".join(parts) + "\n"


def _plain(records: Sequence[dict[str, Any]]) -> str:
    metrics = list(dict.fromkeys(r["metric"] for r in records))
    if not records:
        return "(none)"
    rows: dict[str, dict[str, str]] = {}
    for r in records:
        rows.setdefault(label_of(r), {})[r["metric"]] = f"{r['value']:.3f}"
    width = max(map(len, rows)) + 2
    heads = "".join(f"{m:>{max(len(m), 6) + 2}}" for m in metrics)
    lines = [" " * width + heads]
    for label, values in rows.items():
        lines.append(f"{label:<{width}}" + "".join(f"{values.get(m, '-'):>{max(len(m), 6) + 2}}" for m in metrics))
    return "\n".join(lines)
