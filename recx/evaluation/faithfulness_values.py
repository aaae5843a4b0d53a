"""Does a text name the attribute values that moved the target, not only titles?

A value of the history (a platform, a genre, a category ...) is named where the text truly says it of titles of the
history or of the history as a whole. Its effect is what the target's value loses when all titles that have it are taken
out (`recx.attribution.attribute_effects`), and it is compared with the other values of the same attribute. Values that
the whole history shares are left out, as nothing would be left.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy.stats import hypergeom

from recx.attribution.attribute_effects import UNKNOWN, value_holders
from recx.data.catalogue import Catalogue
from recx.evaluation.certification import certify_planted, fit_metrics
from recx.evaluation.pair_effects import TINY, PairEffects
from recx.evaluation.test_set import Pairs
from recx.evaluation.verdict_records import verdict_records
from recx.explaining.records import Explanation

VALUE_METRICS = ("value_percentile", "top_value_named", "top_value_gain")


class RemovedValues(NamedTuple):
    """The values of one attribute that some titles of a history have, but not all.

    Attributes:
        values: G of them, at least two.
        effects: (G,) how far the signed value falls without the titles that have each.
        latest: (G,) whether the latest title has it.
    """

    values: tuple[str, ...]
    effects: np.ndarray
    latest: np.ndarray


def removed_values(effects: PairEffects, catalogue: Catalogue) -> list[RemovedValues]:
    """One entry for every attribute of which the history has at least two values to compare."""
    out, latest = [], effects.players == effects.history[-1]
    for attribute in catalogue.attributes:
        values, holders = value_holders(catalogue, attribute, effects.players)
        some = [n for n, v in enumerate(values) if v != UNKNOWN and not holders[n].all()]
        if len(some) < 2:
            continue
        holders = holders[some]
        full, *without = effects.values(np.concatenate([np.ones_like(holders[:1]), ~holders]))
        out.append(RemovedValues(tuple(values[n] for n in some), full - np.array(without), (holders & latest).any(1)))
    return out


def named_values(removed: Sequence[RemovedValues], explanation: Explanation) -> list[list[int]]:
    """Which values of each attribute a text names, as places among them; what it says of the item alone is left out."""
    said = {s.value for s in explanation.statements if s.true and not s.negated and set(s.items) != {explanation.item}}
    return [[n for n, value in enumerate(one.values) if value in said] for one in removed]


def value_scores(removed: Sequence[RemovedValues], named: Sequence[Sequence[int]]) -> tuple[float, float, float]:
    """`VALUE_METRICS` of one text, each the mean over the attributes of which it names some values, but not all.

    `value_percentile`: the mean share of the attribute's values with a smaller effect than a named one, half of those
    with the same, in (0, 1); 0.5 for random values. `top_value_named`: whether the value whose removal moves the target
    most is named, 0 or 1. `top_value_gain`: the same less the chance of it for as many random values, in (-1, 1).

    Args:
        removed: of the pair.
        named: places of the named values for each attribute.

    Returns:
        NaN where no attribute can be compared.
    """
    rows = []
    for one, places in zip(removed, named, strict=True):
        if not 0 < len(places) < len(one.values):
            continue
        gaps = one.effects[list(places), None] - one.effects
        below = (gaps > TINY).mean(1) + (np.abs(gaps) <= TINY).mean(1) / 2
        top = float(one.effects[list(places)].max() >= one.effects.max() - TINY)
        best = int((one.effects >= one.effects.max() - TINY).sum())
        rows.append((below.mean(), top, top - float(hypergeom(len(one.values), best, len(places)).sf(0))))
    return tuple(np.mean(rows, axis=0)) if rows else (np.nan,) * len(VALUE_METRICS)


def planted_values(removed: Sequence[Sequence[RemovedValues]], seed: int = 0) -> dict[str, list[list[list[int]]]]:
    """What texts that are faithful or unfaithful by construction name of P pairs: kind -> places for each attribute.

    One value of each attribute: that with the largest effect (faithful), that with the smallest (weakest), a random
    one, or one of the latest title.
    """
    rng = np.random.default_rng(seed)
    return {
        "faithful": [[[int(one.effects.argmax())] for one in pair] for pair in removed],
        "random": [[[int(rng.integers(len(one.values)))] for one in pair] for pair in removed],
        "latest": [[np.flatnonzero(one.latest)[:1].tolist() for one in pair] for pair in removed],
        "weakest": [[[int(one.effects.argmin())] for one in pair] for pair in removed],
    }


def measure_values(
    removed: Sequence[Sequence[RemovedValues]], named: Sequence[Sequence[Sequence[int]]]
) -> dict[str, np.ndarray]:
    """`value_scores` of P pairs: metric -> (P,)."""
    rows = [value_scores(*one) for one in zip(removed, named, strict=True)]
    return dict(zip(VALUE_METRICS, np.array(rows, dtype=float).reshape(-1, len(VALUE_METRICS)).T, strict=True))


def value_records(
    effects: Sequence[PairEffects],
    explained: Mapping[str, Sequence[Explanation]],
    columns: Mapping[str, Mapping[str, str]],
    pairs: Pairs,
    catalogue: Catalogue,
) -> list[dict[str, Any]]:
    """Records of those `VALUE_METRICS` that tell planted texts apart on these pairs, of every method's texts.

    With them those of a random value and of one of the latest title's.

    Args:
        effects: of P pairs.
        explained: method -> P explanations.
        columns: method -> `method`, `mode` and `control` of its records; one that is not among them has its own name.
        pairs: P pairs.
        catalogue: with attributes; without them there are no records.
    """
    removed = [removed_values(one, catalogue) for one in effects]
    planted = planted_values(removed)
    fit = fit_metrics(certify_planted({k: measure_values(removed, own) for k, own in planted.items()}, pairs.users))
    said = {
        name: [named_values(own, text) for own, text in zip(removed, texts, strict=True)]
        for name, texts in explained.items()
    }
    return [
        record
        for name, named in {**said, "random": planted["random"], "latest": planted["latest"]}.items()
        for record in verdict_records(
            columns.get(name, {"method": name}),
            measure_values(removed, named),
            pairs,
            [m for m in VALUE_METRICS if m in fit],
        )
    ]
