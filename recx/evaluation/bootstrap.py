"""Bootstrap confidence intervals over users."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

BATCH = 100  # samples at once, few enough to stay in the processor's cache
UNDEFINED = 0.05  # share of samples without a value above which there is no interval


@dataclass(frozen=True)
class Estimate:
    """A mean with its 95 % interval over users.

    Attributes:
        value: the mean.
        low: 2.5 % quantile of the resampled means; NaN if there is no interval.
        high: 97.5 % quantile of the resampled means; NaN if there is no interval.
        n: number of users.
    """

    value: float
    low: float
    high: float
    n: int

    def __str__(self) -> str:
        return f"{self.value:.3f}{interval_text(self.low, self.high)}"


def interval_text(low: float | None, high: float | None, digits: int = 3) -> str:
    """The interval that is written after a value, " [low, high]"; empty if there is none (None or NaN)."""
    return "" if low is None or low != low else f" [{low:.{digits}f}, {high:.{digits}f}]"


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
        The mean of all values with its interval, which is NaN for a single user; all NaN and n = 0 if there are no
        values.
    """
    numbers = np.asarray(values, dtype=float)
    known = ~np.isnan(numbers)
    numbers = numbers[known]
    if not numbers.size:
        return Estimate(np.nan, np.nan, np.nan, 0)
    mean = float(numbers.mean())
    data = (numbers,) if users is None else totals_by_user(numbers, np.asarray(users)[known])
    n = len(data[0])
    low, high = percentile_interval(data, resamples, seed) if n > 1 else (np.nan, np.nan)
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
        The value with its 95 % interval, which is NaN if there are fewer than two users, if the value is NaN, or if the
        statistic is undefined in more than `UNDEFINED` of the samples, as where one user decides whether it exists.
    """
    names, own = np.unique(users, return_inverse=True)
    value, n = float(statistic(np.arange(len(own)))) if len(own) else np.nan, len(names)
    if n < 2 or np.isnan(value):
        return Estimate(value, np.nan, np.nan, n)
    rows = np.split(np.argsort(own, kind="stable"), np.cumsum(np.bincount(own))[:-1])
    rng = np.random.default_rng(seed)
    drawn = [statistic(np.concatenate([rows[u] for u in rng.integers(n, size=n)])) for _ in range(resamples)]
    low, high = quantiles(np.array(drawn))
    if least is not None:
        bias = np.nanmean(drawn) - value
        low, high = (max(end - bias, least) if end == end else end for end in (low, high))
    return Estimate(value, low, high, n)


def quantiles(drawn: np.ndarray) -> tuple[float, float]:
    """The 95 % interval of resampled values (R,); NaN if more than `UNDEFINED` of them are."""
    if np.isnan(drawn).mean() > UNDEFINED:
        return np.nan, np.nan
    low, high = np.nanquantile(drawn, [0.025, 0.975])
    return float(low), float(high)


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
