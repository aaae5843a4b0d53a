"""The paper's published numbers, for comparison with measured ones."""

import pandas as pd

from recx import paths
from recx.errors import DataError

_METRICS = {
    "task1_hr5": "hr@5",
    "task1_ndcg5": "ndcg@5",
    "task2_ndcg5": "ranking_ndcg@5_reference",
    "task3_accuracy": "accuracy",
    "task6_hcr": "history_coverage",
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


def published_alignment(dataset: str = "games") -> pd.DataFrame:
    """Read Table 1 for one data set of the paper: one row per method, with our metric names as columns.

    The paper's ranking metric uses the gains of its public code, so its numbers are in the reference column.
    """
    rows = published("table1_alignment").query("dataset == @dataset")
    return rows.drop(columns="dataset").rename(columns=_METRICS).set_index("method")
