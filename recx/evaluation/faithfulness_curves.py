"""Masking curves of attributions: where an item goes in the ranking as titles leave a history, or enter it, in order.

Source: Barkan et al., WWW 2024 ("A Counterfactual Framework for Learning and Evaluating Explanations for Recommender
Systems", LXR) and Gurevitch et al., ACM TORS 2025. There a tenth of the history goes at each of ten steps, and the item
is the one recommended first. Here one title goes at a step, down to the last (no target reads an empty history), and a
disliked item is looked at from the other end of the ranking: its place counts from the last.
"""

from collections.abc import Sequence

import numpy as np

from recx.evaluation.pair_effects import PairEffects

KS = (10, 50)
CURVES = ("del", "ins", *(f"{side}@{k}" for k in KS for side in ("pos", "neg")))
LOWER = frozenset({"del", *(f"pos@{k}" for k in KS)})  # the metrics of which a lower number is better
CURVE_METHODS = ("Shapley", "leave one out", "integrated gradients", "latest", "random")


def masking(effects: PairEffects, numbers: np.ndarray) -> dict[str, float]:
    """The areas of one attribution's masking curves, each the mean over its steps, in [0, 1].

    `pos@K`: how often the item is still among the first K (of a disliked one: the last K) while the titles with the
    highest numbers are taken out one after the other; lower is better. `neg@K`: the same while those with the lowest
    go; higher is better. `del`: the share of the other items that it ranks above (if disliked: below) while the
    highest go; lower is better. `ins`: the same while the highest are added, one by one; higher is better.
    `@K` is NaN for an item that is not among these K to begin with.

    Args:
        effects: of a pair.
        numbers: (n,) an attribution, signed as the decision is: the strongest cause highest.
    """
    order, n = np.argsort(-numbers, kind="stable"), len(effects.players)
    highest, lowest = ([order[k:] for k in range(n)], [order[: n - k] for k in range(n)])  # what is left
    # Read backwards, what is left while the lowest are removed is what is there while the highest are added.
    histories = [effects.history[np.isin(effects.history, effects.players[left])] for left in [*highest, *lowest]]
    ranks = effects.ranks(histories)
    places = np.array([r.rank if effects.liked else r.unseen + 1 - r.rank for r in ranks])
    ahead = 1 - (places - 1) / np.maximum(1, np.array([r.unseen for r in ranks]) - 1)
    areas = {"del": float(ahead[:n].mean()), "ins": float(ahead[n:].mean())}
    for k in KS:
        within = np.where(places[0] <= k, places <= k, np.nan)
        areas |= {f"pos@{k}": float(within[:n].mean()), f"neg@{k}": float(within[n:].mean())}
    return areas


def measure_curves(effects: Sequence[PairEffects], numbers: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
    """`masking` of P pairs: metric -> (P,).

    Args:
        effects: of P pairs.
        numbers: (n,) of each by one attribution method.
    """
    rows = [masking(one, own) for one, own in zip(effects, numbers, strict=True)]
    return {metric: np.array([row[metric] for row in rows]) for metric in CURVES}
