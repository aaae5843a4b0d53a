"""Metric records as stored in `metrics.json`: one metric of one method each."""

from dataclasses import asdict
from typing import Any

import numpy as np

from recx.evaluation.bootstrap import bootstrap


def metric_record(
    method: str,
    metric: str,
    values: np.ndarray,
    mode: str = "",
    decoding: str = "",
    control: str = "",
    users: np.ndarray | None = None,
) -> dict[str, Any]:
    """Build a record of a mean with its bootstrap interval over users; `values` are kept for paired tests.

    Args:
        method: name of the method; "aligned" for the modes.
        metric: name of the metric.
        values: (N,) values, NaN where there is none.
        mode: mode of an aligned model.
        decoding: how the answers were decoded, if differently from the main tables.
        control: what was deliberately changed, so that the metric must fall or stay the same.
        users: (N,) user of each value; None if there is one value per user.
    """
    e = bootstrap(values, users)
    columns = {"method": method, "mode": mode, "decoding": decoding, "control": control, "metric": metric}
    return columns | asdict(e) | {"values": np.asarray(values, dtype=float)}


def label_of(record: dict[str, Any]) -> str:
    """Short label of a record: the mode of an aligned model or the name of the method, with any variation."""
    name = record.get("mode") or record["method"]
    return ", ".join(filter(None, [name, record.get("decoding"), record.get("control")]))


def decoded_otherwise(record: dict[str, Any]) -> bool:
    """Whether the answers were decoded differently from the main tables.

    This covers unconstrained decoding, allowing titles of the history, solving task 2 through task 3, and explanations
    with restricted quotes.
    """
    return bool(record.get("decoding"))
