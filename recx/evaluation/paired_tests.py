"""Paired significance tests of two methods over the same users."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from recx.evaluation.bootstrap import percentile_interval
from recx.evaluation.metric_records import label_of


def paired_difference(
    first: np.ndarray, second: np.ndarray, resamples: int = 5000, seed: int = 0
) -> tuple[float, float, float, float]:
    """Compute the mean difference of two methods on the same users, its 95 % interval and a p-value.

    The interval is a percentile bootstrap over users; the two-sided p-value is that of a permutation test that swaps
    the two methods of a user at random (Smucker, Allan & Carterette, CIKM 2007). A single user has no interval.

    Args:
        first: one value per user.
        second: values of the other method, in the same order; users missing (NaN) in either are ignored.
        resamples: number of samples, for both.
        seed: random seed, for both.
    """
    gap = np.asarray(first, dtype=float) - np.asarray(second, dtype=float)
    gap = gap[~np.isnan(gap)]
    if not gap.size:
        return np.nan, np.nan, np.nan, np.nan
    mean = float(gap.mean())
    low, high = percentile_interval((gap,), resamples, seed) if gap.size > 1 else (np.nan, np.nan)
    rng = np.random.default_rng(seed)

    def swapped(size: tuple[int, ...]) -> np.ndarray:
        return gap * rng.choice((-1.0, 1.0), size=size)

    # Swapping a pair flips the sign of its difference. `permutation_test` is three times slower.
    test = stats.monte_carlo_test(gap, swapped, np.mean, vectorized=True, n_resamples=resamples, batch=1000)
    return mean, low, high, float(test.pvalue)


def paired_table(records: Sequence[dict[str, Any]], metric: str, against: str) -> pd.DataFrame:
    """Compare every method with one of them on one metric: `difference, low, high, p, n`.

    A method that was measured on fewer users is compared on these, which must be the first of the others'.

    Args:
        records: records with `values`, all measured on the same users in the same order.
        metric: name of the metric.
        against: label of the method that all others are compared with.
    """
    rows = {label_of(r): r["values"] for r in records if r["metric"] == metric and "values" in r}
    if against not in rows:
        return pd.DataFrame(columns=["difference", "low", "high", "p", "n"])
    table = {}
    for label, values in rows.items():
        if label != against:
            own, other = (row[: min(len(values), len(rows[against]))] for row in (rows[against], values))
            gap, low, high, p = paired_difference(own, other)
            both = int((~np.isnan(own - other)).sum())
            table[label] = {"difference": gap, "low": low, "high": high, "p": p, "n": both}
    return pd.DataFrame.from_dict(table, orient="index").rename_axis(f"{metric}: {against} minus")
