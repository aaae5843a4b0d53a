"""Records of a metric for the pairs that the target likes, those that it dislikes, or both."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from recx.evaluation.bootstrap import Estimate
from recx.evaluation.metric_records import metric_record
from recx.evaluation.test_set import Pairs

Records = list[dict[str, Any]]
Columns = Mapping[str, str]


def verdict_records(
    columns: Columns, measured: Mapping[str, np.ndarray], pairs: Pairs, metrics: Sequence[str]
) -> Records:
    """Records of some metrics for the pairs the target likes, those it dislikes, and both, with intervals over users.

    Args:
        columns: `method`, `mode` and `control` of the records.
        measured: metric -> (P,).
        pairs: P pairs.
        metrics: names of the metrics to record.
    """
    verdicts = {"liked": pairs.liked, "disliked": ~pairs.liked, "both": np.ones(len(pairs), dtype=bool)}
    return [
        metric_record(**columns, metric=metric, values=np.where(mask, measured[metric], np.nan), users=pairs.users)
        | {"verdict": verdict}
        for metric in metrics
        for verdict, mask in verdicts.items()
    ]


def estimate_record(columns: Columns, metric: str, e: Estimate, verdict: str) -> dict[str, Any]:
    """A record of a statistic other than a mean."""
    return {**columns, "metric": metric} | asdict(e) | {"verdict": verdict}
