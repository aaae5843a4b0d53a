"""Is a metric of faithfulness any good? It must tell texts that are faithful by construction from unfaithful ones.

Faithful ones cite the strongest causes by exact Shapley values. Unfaithful ones cite as many titles that are drawn at
random, the latest, or the weakest causes. After the causal diagnosticity of Zaman & Srivastava (EMNLP 2025, arXiv
2502.18848): the share of pairs in which a metric puts the faithful one higher. For metrics that are computed from
Shapley values themselves (`top_cause_*`, `f_auroc`), this shows only that they can distinguish texts at all, since
faithful texts reach their best value by construction.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from recx.attribution.decisive_sets import DecisiveSets
from recx.evaluation.bootstrap import bootstrap
from recx.evaluation.faithfulness import CITED, by_attribution, measure
from recx.evaluation.faithfulness_calibration import said_orders
from recx.evaluation.faithfulness_consistency import self_consistency
from recx.evaluation.faithfulness_curves import LOWER, measure_curves
from recx.evaluation.faithfulness_sets import measure_sets
from recx.evaluation.faithfulness_simulation import Edits, Said, simulate
from recx.evaluation.pair_effects import PairEffects

CHANCE = 0.5
FEWEST = 6  # users; with fewer, even a unanimous sign test finds nothing at the level of 5 %
UNFAITHFUL = ("random", "latest", "weakest")


def planted_attributions(effects: Sequence[PairEffects], seed: int = 0) -> dict[str, list[np.ndarray]]:
    """Attributions that are faithful or unfaithful by construction: kind -> numbers (n,) for each pair."""
    rng = np.random.default_rng(seed)
    return {
        "faithful": [one.shapley for one in effects],
        "random": [rng.random(len(one.players)) for one in effects],
        "latest": [
            np.array([np.flatnonzero(one.history == p)[-1] for p in one.players], dtype=float) for one in effects
        ],
        "weakest": [-one.shapley for one in effects],
    }


def planted_citations(effects: Sequence[PairEffects], seed: int = 0, count: int = CITED) -> dict[str, list[list[int]]]:
    """Citations that are faithful or unfaithful by construction: kind -> places cited for each pair."""
    return {
        kind: [by_attribution(one, own, count) for one, own in zip(effects, numbers, strict=True)]
        for kind, numbers in planted_attributions(effects, seed).items()
    }


def diagnosticity(faithful: np.ndarray, unfaithful: np.ndarray) -> np.ndarray:
    """Whether a metric puts the faithful text of each pair (P,) higher: 1, 0, or 0.5 where it cannot tell."""
    higher = np.where(faithful > unfaithful, 1.0, np.where(faithful < unfaithful, 0.0, CHANCE))
    return np.where(np.isnan(faithful) | np.isnan(unfaithful), np.nan, higher)


def certify(
    effects: Sequence[PairEffects], users: np.ndarray, sets: Sequence[DecisiveSets | None], edits: Edits, seed: int = 0
) -> pd.DataFrame:
    """Diagnosticity of every metric against each kind of unfaithful text, see `certify_planted`.

    A second draw of what is random stands for a second text about the same pair.

    Args:
        effects: effects of the titles of P pairs.
        users: (P,) user of each pair; intervals are over users.
        sets: the decisive sets of each pair, or None.
        edits: edits of the pairs' histories.
        seed: random seed of the planted texts and attributions.
    """
    again = planted_citations(effects, seed + 1)
    planted, simulated = {}, {}
    for kind, cited in planted_citations(effects, seed).items():
        said = [Said(own) for own in cited]
        planted[kind] = measure(effects, cited) | measure_sets(effects, cited, sets) | said_orders(effects, said)
        planted[kind] |= {"self_consistency": self_consistency(cited, again[kind])}
        simulated[kind] = {"simulatability_gain": simulate(edits, said)["simulatability_gain"]}
    for kind, numbers in planted_attributions(effects, seed).items():
        planted[kind] |= measure_curves(effects, numbers)
    return pd.concat([certify_planted(planted, users, LOWER), certify_planted(simulated, edits.users)])


def certify_planted(
    planted: Mapping[str, Mapping[str, np.ndarray]], users: np.ndarray, lower: frozenset[str] = frozenset()
) -> pd.DataFrame:
    """Diagnosticity of metrics that are measured already.

    Args:
        planted: for `faithful` and each kind of `UNFAITHFUL`, metric -> (P,).
        users: (P,) user of each pair.
        lower: metrics of which a lower number is better.

    Returns:
        One row per metric and kind: `metric, against, value, low, high, n, fit`. A metric is fit where the whole
        interval lies above chance, against every kind, over at least `FEWEST` users.
    """
    rows = []
    for metric, best in planted["faithful"].items():
        sign = -1 if metric in lower else 1
        for kind in UNFAITHFUL:
            told = bootstrap(diagnosticity(sign * best, sign * planted[kind][metric]), users)
            rows.append((metric, kind, told.value, told.low, told.high, told.n))
    frame = pd.DataFrame(rows, columns=["metric", "against", "value", "low", "high", "n"])
    frame["fit"] = ((frame["low"] > CHANCE) & (frame["n"] >= FEWEST)).groupby(frame["metric"]).transform("all")
    return frame


def fit_metrics(certified: pd.DataFrame) -> list[str]:
    """Metrics that may be reported."""
    return certified.loc[certified["fit"], "metric"].drop_duplicates().tolist()
