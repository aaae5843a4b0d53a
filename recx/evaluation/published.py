"""The paper's published numbers, for comparison with measured ones."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from recx import paths
from recx.errors import DataError
from recx.evaluation.metric_records import label_of

_METRICS = {
    "task1_hr5": "hr@5",
    "task1_ndcg5": "ndcg@5",
    "task2_ndcg5": "ranking_ndcg@5_reference",
    "task3_accuracy": "accuracy",
    "task6_hcr": "history_coverage",
}
# Methods of the paper and how the same method is called here; its other language models have no counterpart.
_SAME_AS = {
    "Random": "random",
    "Popularity": "popularity, sampled",
    "Vicuna-7B": "unaligned",
    "Vicuna-7B-ICL": "unaligned ICL",
    "SASRec (distilled)": "distilled",
    "RecExplainer-B": "behavior",
    "RecExplainer-I": "intention",
    "RecExplainer-H": "hybrid",
}


def published(table: str) -> pd.DataFrame:
    """Read one table of `data/published/`, with the numbers as printed.

    Raises:
        DataError: there is no such table.
    """
    path = paths.shipped_data() / "published" / f"{table}.csv"
    if not path.is_file():
        known = ", ".join(sorted(p.stem for p in path.parent.glob("*.csv")))
        raise DataError(f"No published table {table!r}. Known: {known}.")
    return pd.read_csv(path)


def beside_published(metric: str, records: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Put the values of one metric that the paper printed for its three data sets beside those of this run.

    The paper's ranking metric uses the gains of its public code, so its numbers stand beside our reference metric, and
    its ratings (Table 2, by GPT-4) beside those of whichever judge is named.

    Args:
        metric: our name of a metric of Table 1, or `rating (JUDGE)`.
        records: this run's records; those of other metrics are ignored.

    Returns:
        A row per method of the paper, with the columns `games`, `movies`, `steam` and `this run`; NaN where there is no
        such number.

    Raises:
        DataError: the paper printed no such metric.
    """
    if metric.startswith("rating"):
        table = published("table2_judge_rating").set_index("method")
    else:
        rows = published("table1_alignment").rename(columns=_METRICS)
        if metric not in _METRICS.values():
            raise DataError(f"The paper has no metric {metric!r}. Known: rating, {', '.join(_METRICS.values())}.")
        table = rows.pivot(index="method", columns="dataset", values=metric).loc[rows["method"].unique()]
    ours = {label_of(dict(r)): r["value"] for r in records if r["metric"] == metric}
    return table.assign(**{"this run": [ours.get(_SAME_AS.get(m, ""), float("nan")) for m in table.index]})
