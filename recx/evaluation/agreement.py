"""How far raters agree, people or judges (paper Appendix A.3)."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from scipy.stats import spearmanr
from sklearn.metrics import cohen_kappa_score

LEVELS = (0, 1, 2, 3)


def krippendorff_alpha(ratings: np.ndarray, metric: str = "interval") -> float:
    """Krippendorff's alpha (Krippendorff 2011, "Computing Krippendorff's Alpha-Reliability").

    Args:
        ratings: (raters, units); NaN where a rater did not rate a unit.
        metric: "nominal" (equal or not) or "interval" (squared difference).

    Returns:
        1 for perfect agreement, 0 for chance; NaN where no unit has two ratings, or all ratings are equal.
    """
    units = [column[~np.isnan(column)] for column in np.asarray(ratings, dtype=float).T]
    units = [u for u in units if len(u) > 1]
    if not units:
        return float("nan")

    def distance(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return (a != b).astype(float) if metric == "nominal" else (a - b) ** 2

    observed = sum(distance(u[:, None], u[None, :]).sum() / (len(u) - 1) for u in units)
    pooled = np.concatenate(units)
    expected = distance(pooled[:, None], pooled[None, :]).sum() / (len(pooled) - 1)
    return float(1 - observed / expected) if expected else float("nan")


def agreement(first: Sequence[float], second: Sequence[float], resamples: int = 1000, seed: int = 0) -> dict[str, Any]:
    """Cohen's kappa (plain and quadratic), Spearman's rho and Krippendorff's alpha of two raters.

    Args:
        first: scores of one rater on N questions, NaN where there is none.
        second: of the other.
        resamples: bootstrap samples of questions for the 95 % intervals.
        seed: of the samples.

    Returns:
        metric -> (value, low, high), and `n`, the number of questions both rated. Values that are not defined (a
        rater who always says the same) are NaN.
    """
    a, b = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    both = ~np.isnan(a) & ~np.isnan(b)
    a, b = a[both], b[both]
    measures: Mapping[str, Callable[[np.ndarray, np.ndarray], float]] = {
        "cohen_kappa": lambda x, y: _kappa(x, y, None),
        "cohen_kappa_quadratic": lambda x, y: _kappa(x, y, "quadratic"),
        "spearman_rho": _rho,
        "krippendorff_alpha": lambda x, y: krippendorff_alpha(np.stack([x, y])),
    }
    rng = np.random.default_rng(seed)
    samples = [rng.integers(len(a), size=len(a)) for _ in range(resamples)] if len(a) else []
    found: dict[str, Any] = {"n": len(a)}
    for name, measure in measures.items():
        drawn = np.array([measure(a[s], b[s]) for s in samples])
        drawn = drawn[~np.isnan(drawn)]
        low, high = np.quantile(drawn, [0.025, 0.975]) if len(drawn) else (np.nan, np.nan)
        found[name] = (measure(a, b) if len(a) else float("nan"), float(low), float(high))
    return found


def _kappa(a: np.ndarray, b: np.ndarray, weights: str | None) -> float:
    if not len(a) or (len(np.unique(np.concatenate([a, b]))) < 2):
        return float("nan")
    return float(cohen_kappa_score(a.astype(int), b.astype(int), labels=list(LEVELS), weights=weights))


def _rho(a: np.ndarray, b: np.ndarray) -> float:
    if len(np.unique(a)) < 2 or len(np.unique(b)) < 2:
        return float("nan")
    return float(spearmanr(a, b).statistic)
