"""Is a model as sure as it should be: its P("Yes"), its graded words, and the order in which it names causes?"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from recx.evaluation.agreement import spearman
from recx.evaluation.bootstrap import Estimate, bootstrap_statistic
from recx.evaluation.faithfulness_simulation import Said
from recx.evaluation.pair_effects import TINY, PairEffects
from recx.explaining.records import Explanation
from recx.prompts.evidence import said_strength

BINS = 10


def expected_calibration_error(probability: np.ndarray, truth: np.ndarray) -> float:
    """The mean distance of P("Yes") from the share of yes, over bins of equal width, in [0, 1]; 0 is calibrated.

    Source: Naeini, Cooper & Hauskrecht, AAAI 2015; Guo et al., ICML 2017. A constant probability at the share of yes
    is calibrated too, and tells nothing: see `brier_score`.

    Args:
        probability: (P,) of yes.
        truth: (P,) whether the target says yes.
    """
    bins = np.minimum((probability * BINS).astype(int), BINS - 1)
    gaps = np.bincount(bins, probability - truth, minlength=BINS)
    return float(np.abs(gaps).sum() / len(bins)) if len(bins) else np.nan


def brier_score(probability: np.ndarray, truth: np.ndarray) -> float:
    """The mean squared distance of P("Yes") from the decision, in [0, 1] (Brier 1950); 0.25 for one half throughout."""
    return float(np.square(probability - truth).mean()) if len(truth) else np.nan


def calibration(probability: np.ndarray, liked: np.ndarray, users: np.ndarray) -> dict[str, Estimate]:
    """`ece` and `brier` of P("Yes") against the target's decision, with intervals over users.

    Args:
        probability: (P,) of yes; NaN where no answer came.
        liked: (P,) whether the target likes the item.
        users: (P,) whose pairs they are.
    """
    known = ~np.isnan(probability)
    p, truth, users = probability[known], np.asarray(liked)[known].astype(float), np.asarray(users)[known]
    return {
        "ece": bootstrap_statistic(lambda rows: expected_calibration_error(p[rows], truth[rows]), users, least=0.0),
        "brier": bootstrap_statistic(lambda rows: brier_score(p[rows], truth[rows]), users),
    }


def strength_order(
    texts: Sequence[Explanation], effects: Sequence[PairEffects], users: np.ndarray, liked: bool
) -> Estimate:
    """Are graded words ("a strong match", "only just not a match") ordered as the target's ranking is?

    Spearman's correlation, over the texts of one verdict, of the words' grade with the share of the catalogue that the
    target puts on the other side of the item; its interval is over users. Texts without such words, or with another
    decision than the target's, are left out.

    Args:
        texts: P texts.
        effects: of the same pairs.
        users: (P,) whose pairs they are.
        liked: which verdict.
    """
    graded = [
        (grade, _share_beyond(one), user)
        for text, one, user in zip(texts, effects, users, strict=True)
        if one.liked == liked == text.decision and (grade := said_strength(text.text)) is not None
    ]
    words, truth, whose = np.array(graded, dtype=float).reshape(-1, 3).T
    return bootstrap_statistic(lambda rows: spearman(words[rows], truth[rows]), whose)


def _share_beyond(one: PairEffects) -> float:
    below = float(replace(one.value, score="share_below").full(one.history, [one.item])[0])
    return below if one.liked else 1 - below


def said_order(effects: PairEffects, causes: Sequence[int], against: Sequence[int] = ()) -> float:
    """Are the named titles ordered as their effects? Spearman's correlation within one text, in [-1, 1].

    The first cause ("the main reason", "lifts it most") is said to be the strongest, and each further one weaker.
    Titles that pull the other way rank below all causes, the one named first lowest. A title named twice counts
    where it is named first.

    Returns:
        NaN where fewer than two titles are named, or all have the same effect.
    """
    named = list(dict.fromkeys([*causes, *reversed(tuple(dict.fromkeys(against)))]))
    measured = np.round(effects.shapley[named] / TINY)  # effects that differ by less are the same
    return spearman(-np.arange(len(named)), measured)


def said_orders(effects: Sequence[PairEffects], said: Sequence[Said | None]) -> dict[str, np.ndarray]:
    """`said_order` of P pairs: metric -> (P,); NaN where nothing is said."""
    orders = [said_order(e, s.causes, s.against) if s else np.nan for e, s in zip(effects, said, strict=True)]
    return {"said_order": np.array(orders)}
