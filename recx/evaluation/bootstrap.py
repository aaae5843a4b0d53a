"""Bootstrap confidence intervals over users."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

BATCH = 100  # samples at once, few enough to stay in the processor's cache


@dataclass(frozen=True)
class Estimate:
    """A mean with its 95 % interval over users.

    Attributes:
        value: the mean.
        low: 2.5 % quantile of the resampled means.
        high: 97.5 % quantile of the resampled means.
        n: number of users.
    """

    value: float
    low: float
    high: float
    n: int

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


def bootstrap(
    values: Sequence[float] | np.ndarray,
    users: Sequence[int] | np.ndarray | None = None,
    resamples: int = 1000,
    seed: int = 0,
) -> Estimate:
    """Compute a percentile bootstrap of a mean over users (Efron & Tibshirani 1993, chapter 13).

    If users have several values, users are resampled and the mean is taken over all their values (the cluster
    bootstrap: Davison & Hinkley 1997, section 3.8). The values of one user are correlated, so resampling them
    individually would make the interval too narrow.

    Args:
        values: N values; missing ones (NaN) are ignored.
        users: (N,) user of each value; None if there is one value per user.
        resamples: number of samples with replacement.
        seed: random seed of the samples.

    Returns:
        The mean of all values with its interval; all NaN and n = 0 if there are no values.
    """
    numbers = np.asarray(values, dtype=float)
    known = ~np.isnan(numbers)
    numbers = numbers[known]
    if not numbers.size:
        return Estimate(np.nan, np.nan, np.nan, 0)
    mean = float(numbers.mean())
    data = (numbers,) if users is None else totals_by_user(numbers, np.asarray(users)[known])
    n = len(data[0])
    if n < 2:
        return Estimate(mean, mean, mean, n)
    low, high = percentile_interval(data, resamples, seed)
    return Estimate(mean, low, high, n)


def bootstrap_statistic(
    statistic: Callable[[np.ndarray], float],
    users: Sequence[int] | np.ndarray,
    resamples: int = 500,
    seed: int = 0,
    least: float | None = None,
) -> Estimate:
    """Percentile bootstrap over users of a statistic other than a mean, e.g. a correlation; see `bootstrap`.

    Args:
        statistic: maps the indices of rows, which may be repeated, to the value of the statistic.
        users: (N,) user of each row.
        resamples: number of samples with replacement.
        seed: random seed of the samples.
        least: the least possible value of a statistic that grows with noise, such as a mean distance. Samples are
            noisier than the data, so the interval is shifted down by the mean excess of the samples over the value
            (the bootstrap estimate of the bias, Efron & Tibshirani 1993, chapter 10), but not below `least`.

    Returns:
        The value with its 95 % interval; both ends equal the value if there are fewer than two users or it is NaN.
    """
    names, own = np.unique(users, return_inverse=True)
    value, n = float(statistic(np.arange(len(own)))) if len(own) else np.nan, len(names)
    if n < 2 or np.isnan(value):
        return Estimate(value, value, value, n)
    rows = np.split(np.argsort(own, kind="stable"), np.cumsum(np.bincount(own))[:-1])
    rng = np.random.default_rng(seed)
    drawn = [statistic(np.concatenate([rows[u] for u in rng.integers(n, size=n)])) for _ in range(resamples)]
    low, high = np.nanquantile(drawn, [0.025, 0.975])
    if least is not None:
        bias = np.nanmean(drawn) - value
        low, high = max(low - bias, least), max(high - bias, least)
    return Estimate(value, float(low), float(high), n)


def totals_by_user(numbers: np.ndarray, users: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Compute the sum (U,) and count (U,) of each user's values (N,)."""
    _, own = np.unique(users, return_inverse=True)
    return np.bincount(own, numbers), np.bincount(own).astype(float)


def percentile_interval(data: tuple[np.ndarray, ...], resamples: int, seed: int) -> tuple[float, float]:
    """Compute the 95 % interval of a mean of values (U,), or of the ratio of total sums (U,) to total counts (U,)."""
    interval = stats.bootstrap(
        data,
        _mean,
        paired=True,
        vectorized=True,
        n_resamples=resamples,
        batch=BATCH,
        method="percentile",
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return float(interval.low), float(interval.high)


def _mean(sums: np.ndarray, counts: np.ndarray | None = None, axis: int = -1) -> np.ndarray:
    return sums.mean(axis) if counts is None else sums.sum(axis) / counts.sum(axis)
