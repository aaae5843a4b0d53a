"""Is a metric of faithfulness any good? It must tell texts that are faithful by construction from unfaithful ones.

Faithful ones cite the strongest causes by exact Shapley values. Unfaithful ones cite as many titles that are drawn at
random, the latest, or the weakest causes. After the causal diagnosticity of Zaman & Srivastava (arXiv 2502.18848): the
share of pairs in which a metric puts the faithful one higher. Of metrics that are themselves made from Shapley values
(`top_cause_*`, `f_auroc`) this shows no more than that they can tell at all: their best value is reached by
construction.
"""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from recx.evaluation.bootstrap import bootstrap
from recx.evaluation.faithfulness import CITED, METRICS, PairEffects, by_attribution, measure

CHANCE = 0.5


def planted_citations(effects: Sequence[PairEffects], seed: int = 0, count: int = CITED) -> dict[str, list[list[int]]]:
    """Citations that are faithful or unfaithful by construction: kind -> places cited for each pair."""
    rng = np.random.default_rng(seed)

    def by(numbers: Callable[[PairEffects], np.ndarray]) -> list[list[int]]:
        return [by_attribution(one, numbers(one), count) for one in effects]

    return {
        "faithful": by(lambda one: one.shapley),
        "random": by(lambda one: rng.random(len(one.players))),
        "latest": by(lambda one: np.array([np.flatnonzero(one.history == p)[-1] for p in one.players], dtype=float)),
        "weakest": by(lambda one: -one.shapley),
    }


def diagnosticity(faithful: np.ndarray, unfaithful: np.ndarray) -> np.ndarray:
    """Whether a metric puts the faithful text of each pair (P,) higher: 1, 0, or 0.5 where it cannot tell."""
    higher = np.where(faithful > unfaithful, 1.0, np.where(faithful < unfaithful, 0.0, CHANCE))
    return np.where(np.isnan(faithful) | np.isnan(unfaithful), np.nan, higher)


def certify(effects: Sequence[PairEffects], users: np.ndarray, seed: int = 0) -> pd.DataFrame:
    """Diagnosticity of every metric against each kind of unfaithful text.

    Args:
        effects: of P pairs.
        users: (P,) whose pairs they are; intervals are over users.
        seed: of what is drawn at random.

    Returns:
        A row each for metric and kind: `metric, against, value, low, high, n, fit`. A metric is fit where the whole
        interval lies above chance, against every kind.
    """
    planted = {kind: measure(effects, cited) for kind, cited in planted_citations(effects, seed).items()}
    rows = []
    for metric in METRICS:
        for kind in ("random", "latest", "weakest"):
            told = bootstrap(diagnosticity(planted["faithful"][metric], planted[kind][metric]), users)
            rows.append(
                {
                    "metric": metric,
                    "against": kind,
                    "value": told.value,
                    "low": told.low,
                    "high": told.high,
                    "n": told.n,
                }
            )
    frame = pd.DataFrame(rows)
    frame["fit"] = frame.groupby("metric")["low"].transform("min") > CHANCE
    return frame


def fit_metrics(certified: pd.DataFrame) -> list[str]:
    """Metrics that may be reported."""
    return [metric for metric in METRICS if bool(certified.loc[certified["metric"] == metric, "fit"].all())]
