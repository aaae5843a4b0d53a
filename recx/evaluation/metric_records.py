"""Records: one metric of one method each, as `metrics.json` holds them."""

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
    """A record of a mean with its bootstrap interval over users, and the `values` themselves for paired tests.

    Args:
        method: who answered; "aligned" for the modes.
        metric: what was measured.
        values: (N,) numbers, NaN where there is none.
        mode: of an aligned model.
        decoding: how the answers were decoded, where it was not as in the main tables.
        control: what was changed on purpose, so that the metric must fall or stay.
        users: (N,) whose numbers they are; None where each is another user's.
    """
    e = bootstrap(values, users)
    columns = {"method": method, "mode": mode, "decoding": decoding, "control": control, "metric": metric}
    interval = {"value": e.value, "low": e.low, "high": e.high, "n": e.n}
    return columns | interval | {"values": np.asarray(values, dtype=float)}


def label_of(record: dict[str, Any]) -> str:
    """Who answered and how, in a few words: the mode of an aligned model, the method of everyone else."""
    name = record.get("mode") or record["method"]
    return ", ".join(filter(None, [name, record.get("decoding"), record.get("control")]))


def decoded_otherwise(record: dict[str, Any]) -> bool:
    """Whether the answers were decoded in another way than in the main tables.

    Unconstrained, with the history's titles allowed, task 2 through task 3, or an explanation with held quotes.
    """
    return bool(record.get("decoding"))
