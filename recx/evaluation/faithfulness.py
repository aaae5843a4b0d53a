"""Does an explanation cite what moved the target?

Each metric is a pure function of what is cited and of what the target says of the parts of a history
(`recx.evaluation.pair_effects`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from recx.evaluation.pair_effects import TINY, PairEffects
from recx.explaining.records import Explanation

CITED = 2  # titles that a method without texts is taken to cite; most texts cite two


@dataclass(frozen=True)
class SetComparison:
    """A number of one set against those of all sets of its size.

    Attributes:
        raw: the number itself, in the units of the value.
        percentile: share of the sets with a smaller one, half of those with the same.
        normalised: 0 for the mean over the sets, 1 for the best; NaN where all sets are the same.
        p_value: share of the sets, the set itself included, whose number is at least as large; this is the p-value of
            a permutation test that draws titles at random.
    """

    raw: float
    percentile: float
    normalised: float
    p_value: float


def against_sets(own: float, others: np.ndarray) -> SetComparison:
    """A number against those (S,) of all sets of the same size, its own among them.

    Bounds: the percentile and the p-value lie in [0, 1], the normalised number at 1 or below.
    """
    span = others.max() - others.mean()
    normalised = float((own - others.mean()) / span) if span > TINY else np.nan
    ties = np.isclose(others, own, rtol=0, atol=TINY)
    lower = (others < own) & ~ties
    return SetComparison(float(own), float(lower.mean() + ties.mean() / 2), normalised, float(1 - lower.mean()))


def falls_without(effects: PairEffects, cited: Sequence[int]) -> tuple[float, np.ndarray] | None:
    """How far the target falls without the cited titles, and without each set (S,) of as many titles.

    In the units of the value; "falls" means away from its decision. The cited titles are among the sets.

    Args:
        effects: of the pair.
        cited: places of the cited items among its players.

    Returns:
        None where nothing is cited, or everything: there is nothing to compare with then.
    """
    n = len(effects.players)
    if not 0 < len(set(cited)) < n:
        return None
    own = _as_set(cited, n)
    full = effects.values(np.ones((1, n), bool))[0]
    return float(full - effects.values(~own)[0]), full - effects.values(~effects.sets_like(own))


def erasure(effects: PairEffects, cited: Sequence[int]) -> SetComparison | None:
    """How far the target moves when the cited titles are taken out, against other sets of as many titles.

    Comprehensiveness of DeYoung et al. (ACL 2020, ERASER), placed between random and best sets of the same size.

    Args:
        effects: of the pair.
        cited: places of the cited items among its players.

    Returns:
        None where nothing is cited, or everything.
    """
    falls = falls_without(effects, cited)
    return None if falls is None else against_sets(*falls)


def sufficiency(effects: PairEffects, cited: Sequence[int]) -> SetComparison | None:
    """How sure the target is of its decision when only the cited titles are left, against other sets of as many.

    Sufficiency of DeYoung et al. (ACL 2020, ERASER) with its sign turned, so that more is better.

    Returns:
        None where nothing is cited, or everything.
    """
    n = len(effects.players)
    if not 0 < len(set(cited)) < n:
        return None
    own = _as_set(cited, n)
    return against_sets(effects.values(own)[0], effects.values(effects.sets_like(own)))


def mattered(effects: PairEffects, cited: Sequence[int]) -> float:
    """Did it matter what a text cites? A further point of the reference judge, apart from the paper's 0 to 3.

    1 where taking out the cited titles moves the target away from its decision, and further than the median set of as
    many titles does; otherwise 0, also for a text that cites nothing. Of random titles it is 1 in at most half of the
    pairs.

    Args:
        effects: of the pair.
        cited: places of the cited items among its players.

    Returns:
        NaN where everything is cited: there is nothing to compare with then.
    """
    if not len(cited):
        return 0.0
    falls = falls_without(effects, cited)
    return float(falls[0] > max(0, np.median(falls[1])) + TINY) if falls else np.nan


def top_cause(effects: PairEffects, cited: Sequence[int]) -> tuple[float, float]:
    """Whether the strongest cause by Shapley value is cited, and whether it is cited first.

    Both are NaN where nothing or everything is cited. A text that cites more titles finds the strongest cause more
    often, so texts of different lengths should be compared by the second.
    """
    if not 0 < len(set(cited)) < len(effects.players):
        return np.nan, np.nan
    best = effects.shapley >= effects.shapley.max() - TINY
    return float(best[list(cited)].any()), float(best[cited[0]])


def f_auroc(effects: PairEffects, cited: Sequence[int]) -> float:
    """The chance that a cited title has a larger Shapley value than one that is not cited; 0.5 for random citations.

    The area under the ROC curve of "is cited" for the size of an effect; NaN where all or none are cited.
    """
    named = _as_set(cited, len(effects.players))[0]
    if not 0 < named.sum() < len(named):
        return np.nan
    gap = effects.shapley[named][:, None] - effects.shapley[~named][None]
    return float((gap > TINY).mean() + (np.abs(gap) <= TINY).mean() / 2)


def phi_coefficient(named: np.ndarray, changed: np.ndarray) -> float:
    """Correlation of two binary variables (M,), in [-1, 1]; NaN where one is constant.

    Of "the text names it" and "taking it out changes the decision" it is the correlational counterfactual test in its
    binary form (Siegel et al., ACL 2024, "The Probabilities Also Matter", take the shift of probabilities).
    """
    if len(named) < 2 or named.std() == 0 or changed.std() == 0:
        return np.nan
    return float(np.corrcoef(named.astype(float), changed.astype(float))[0, 1])


def cited_places(effects: PairEffects, explanation: Explanation) -> list[int]:
    """Which players an explanation cites as causes, the first cited first; not those that pull the other way."""
    return effects.places([c.item for c in explanation.citations if c.item is not None and not c.against])


METRICS = (
    "erasure_percentile",
    "erasure_normalised",
    "sufficiency_normalised",
    "top_cause_cited",
    "top_cause_first",
    "f_auroc",
    "mattered",
)


def measure(effects: Sequence[PairEffects], cited: Sequence[Sequence[int]]) -> dict[str, np.ndarray]:
    """Every metric of citations, one number per pair (P,); NaN where a text cites nothing that could be compared.

    Only `mattered` counts a text that cites nothing: as 0.

    Args:
        effects: of P pairs.
        cited: places that each text cites among the players of its pair.
    """
    rows = []
    for one, places in zip(effects, cited, strict=True):
        erased, left = erasure(one, places), sufficiency(one, places)
        first = top_cause(one, places)
        percentile, normalised = (erased.percentile, erased.normalised) if erased else (np.nan, np.nan)
        kept = left.normalised if left else np.nan
        rows.append((percentile, normalised, kept, *first, f_auroc(one, places), mattered(one, places)))
    return dict(zip(METRICS, np.array(rows, dtype=float).reshape(-1, len(METRICS)).T, strict=True))


SHARES = np.linspace(0, 1, 6)


def erasure_curve(effects: PairEffects, numbers: np.ndarray) -> np.ndarray:
    """How far the target has moved when the highest items are taken out one after the other (DEL curve).

    Source: Petsiuk, Das & Saenko, BMVC 2018 (deletion); for recommenders Gurevitch et al., ACM TORS 2025 (LXR).

    Args:
        effects: of a pair.
        numbers: (n,) an attribution.

    Returns:
        (len(SHARES),) decrease of the signed value once each of `SHARES` of the history is removed, interpolated.
    """
    n = len(effects.players)
    gone = np.zeros((n + 1, n), dtype=bool)
    for k, place in enumerate(np.argsort(-numbers, kind="stable")):
        gone[k + 1 :, place] = True
    values = effects.values(~gone)
    return np.interp(SHARES, np.arange(n + 1) / n, values[0] - values)


def by_attribution(effects: PairEffects, numbers: np.ndarray, count: int) -> list[int]:
    """The places of the `count` highest numbers (n,), the highest first: what a text by an attribution would cite."""
    return np.argsort(-numbers, kind="stable")[: max(1, min(count, len(effects.players) - 1))].tolist()


def _as_set(places: Sequence[int], n: int) -> np.ndarray:
    chosen = np.zeros((1, n), dtype=bool)
    chosen[0, list(places)] = True
    return chosen
