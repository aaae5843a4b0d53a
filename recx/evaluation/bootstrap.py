"""Bootstrap intervals over users."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Estimate:
    """A mean over users with its 95 % interval.

    Attributes:
        value: mean.
        low: 2.5 % quantile of the resampled means.
        high: 97.5 % quantile.
        n: number of users.
    """

    value: float
    low: float
    high: float
    n: int

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


def bootstrap(values: Sequence[float] | np.ndarray, resamples: int = 1000, seed: int = 0) -> Estimate:
    """Percentile bootstrap of the mean (Efron & Tibshirani 1993, chapter 13).

    Args:
        values: one number a user; missing ones (NaN) are left out.
        resamples: how many samples with replacement.
        seed: of the samples.

    Returns:
        The mean with its interval; all NaN and n = 0 if there is no number.
    """
    numbers = np.asarray(values, dtype=float)
    numbers = numbers[~np.isnan(numbers)]
    if not numbers.size:
        return Estimate(np.nan, np.nan, np.nan, 0)
    rng = np.random.default_rng(seed)
    means = np.concatenate(
        [numbers[rng.integers(numbers.size, size=(100, numbers.size))].mean(1) for _ in range(max(1, resamples // 100))]
    )
    low, high = np.quantile(means, [0.025, 0.975])
    return Estimate(float(numbers.mean()), float(low), float(high), int(numbers.size))
