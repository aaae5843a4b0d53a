"""Inter-rater agreement between people and judges (paper Appendix A.3)."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import krippendorff
import numpy as np
from scipy.stats import rankdata
from sklearn.metrics import cohen_kappa_score

from recx.evaluation.bootstrap import bootstrap_statistic

LEVELS = (0, 1, 2, 3)


def agreement(
    first: Sequence[float],
    second: Sequence[float],
    users: Sequence[int] | np.ndarray | None = None,
    resamples: int = 1000,
    seed: int = 0,
) -> dict[str, Any]:
    """Compute Cohen's kappa (plain, quadratic), Spearman's rho and Krippendorff's alpha (interval) of two raters.

    Args:
        first: scores of one rater on N questions, NaN where there is none.
        second: scores of the other rater.
        users: (N,) user whom each question is about; the bootstrap resamples users. None means one question per user.
        resamples: number of bootstrap samples for the 95 % intervals.
        seed: random seed of the samples.

    Returns:
        metric -> (value, low, high), and `n`, the number of questions that both rated. Undefined values are
        NaN: rho if one rater always gives the same score, kappa and alpha if both always give the same one.
    """
    a, b = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    both = ~np.isnan(a) & ~np.isnan(b)
    owners = np.arange(len(a)) if users is None else np.asarray(users)
    a, b, owners = a[both], b[both], owners[both]
    measures: Mapping[str, Callable[[np.ndarray, np.ndarray], float]] = {
        "cohen_kappa": lambda x, y: _kappa(x, y, None),
        "cohen_kappa_quadratic": lambda x, y: _kappa(x, y, "quadratic"),
        "spearman_rho": spearman,
        "krippendorff_alpha": lambda x, y: krippendorff_alpha(np.stack([x, y])),
    }
    result: dict[str, Any] = {"n": len(a)}
    for name, measure in measures.items():
        found = bootstrap_statistic(lambda rows, m=measure: m(a[rows], b[rows]), owners, resamples, seed)
        result[name] = (found.value, found.low, found.high)
    return result


def krippendorff_alpha(ratings: np.ndarray, metric: str = "interval") -> float:
    """Compute Krippendorff's alpha (Krippendorff 2011, "Computing Krippendorff's Alpha-Reliability").

    Args:
        ratings: (raters, units); NaN where a rater did not rate a unit.
        metric: "nominal" (equal or not) or "interval" (squared difference).

    Returns:
        1 for perfect agreement, 0 for chance; NaN if no unit has two ratings, or all ratings are equal.
    """
    paired = ratings[:, (~np.isnan(ratings)).sum(0) > 1]
    if len(np.unique(paired[~np.isnan(paired)])) < 2:
        return float("nan")
    return float(krippendorff.alpha(paired, level_of_measurement=metric))


def _kappa(a: np.ndarray, b: np.ndarray, weights: str | None) -> float:
    if not len(a) or (len(np.unique(np.concatenate([a, b]))) < 2):
        return float("nan")
    return float(cohen_kappa_score(a.astype(int), b.astype(int), labels=list(LEVELS), weights=weights))


def spearman(first: np.ndarray, second: np.ndarray) -> float:
    """Rank correlation of numbers (M,), in [-1, 1], ties at their mean rank; NaN where one is constant."""
    if len(first) < 2 or np.ptp(first) == 0 or np.ptp(second) == 0:
        return np.nan
    return float(np.corrcoef(rankdata(first), rankdata(second))[0, 1])
