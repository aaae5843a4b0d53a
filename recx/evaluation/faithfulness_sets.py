"""Whether a text names a title of the smallest set whose removal flips the target's decision.

The sets are those of `recx.attribution.decisive_sets`; they are certified, because every smaller set was tried.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.stats import hypergeom

from recx.attribution.decisive_sets import DecisiveSets, decisive_sets
from recx.evaluation.pair_effects import PairEffects

SET_METRICS = ("flip_named", "flip_named_gain")


def sets_of(effects: Sequence[PairEffects]) -> list[DecisiveSets | None]:
    """The decisive sets of every pair; None where a history is too long to certify them."""
    return [decisive_sets(one.value.target, one.whole, one.item, one.value.length) for one in effects]


def flip_named(effects: PairEffects, cited: Sequence[int], sets: DecisiveSets | None) -> tuple[float, float]:
    """Whether a title of the smallest flip is cited, and the same minus the chance of it for as many random titles.

    The chance that m of n titles miss all s of the flip is C(n - s, m) / C(n, m). Bounds: 0 or 1, and (-1, 1).

    Args:
        effects: of the pair.
        cited: places of the cited items among its players.
        sets: its decisive sets.

    Returns:
        NaN if nothing or everything is cited, or if no part of the history flips the decision.
    """
    named, n = set(cited), len(effects.players)
    if sets is None or sets.flip is None or not 0 < len(named) < n:
        return np.nan, np.nan
    hit = float(bool(named & set(sets.flip)))
    return hit, hit - float(hypergeom(n, len(sets.flip), len(named)).sf(0))


def measure_sets(
    effects: Sequence[PairEffects], cited: Sequence[Sequence[int]], sets: Sequence[DecisiveSets | None]
) -> dict[str, np.ndarray]:
    """`flip_named` of P pairs: metric -> (P,)."""
    rows = [flip_named(*one) for one in zip(effects, cited, sets, strict=True)]
    return dict(zip(SET_METRICS, np.array(rows, dtype=float).reshape(-1, 2).T, strict=True))


def set_table(effects: Sequence[PairEffects], sets: Sequence[DecisiveSets | None]) -> pd.DataFrame:
    """How large the smallest sets are: a row each for kind and verdict: `set, verdict, found, size, share, n`.

    `found` is the share of the n certified pairs that have one, `size` its mean number of titles, `share` that of the
    history's titles.
    """
    rows = []
    for kind in DecisiveSets._fields:
        for verdict, liked in (("liked", True), ("disliked", False)):
            own = [
                (getattr(s, kind), len(e.players)) for e, s in zip(effects, sets, strict=True) if s and e.liked == liked
            ]
            sizes = [(len(places), n) for places, n in own if places is not None]
            size, share = (
                (np.mean([s for s, _ in sizes]), np.mean([s / n for s, n in sizes])) if sizes else (np.nan,) * 2
            )
            rows.append((kind, verdict, len(sizes) / len(own) if own else np.nan, size, share, len(own)))
    return pd.DataFrame(rows, columns=["set", "verdict", "found", "size", "share", "n"])
