"""Faithfulness of many texts: records by verdict, baselines that see no text, and a test of what is named."""

import contextlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from recx.attribution.attributions import METHODS, likeness, serves
from recx.attribution.learned_mask import fit_learned_mask
from recx.data.catalogue import Catalogue
from recx.errors import SettingsError
from recx.evaluation.bootstrap import Estimate, bootstrap_statistic
from recx.evaluation.faithfulness import (
    CITED,
    SHARES,
    by_attribution,
    cited_places,
    erasure,
    erasure_curve,
    phi_coefficient,
)
from recx.evaluation.metric_records import label_of
from recx.evaluation.pair_effects import PairEffects
from recx.evaluation.text_rewards import is_true
from recx.explaining.records import Explanation

Citations = list[list[int]]


def attributions_of(effects: Sequence[PairEffects], catalogue: Catalogue) -> dict[str, list[np.ndarray]]:
    """Every attribution method's numbers (n,) for the items of each pair, signed by the target's decision.

    Those that cannot be used with this target are left out; the learned mask is fitted first. `most alike` looks at the
    catalogue alone: of a disliked item it takes the least alike as causes.
    """
    methods = dict(METHODS)
    with contextlib.suppress(SettingsError):
        methods["learned mask"] = fit_learned_mask(effects[0].value)
    out: dict[str, list[np.ndarray]] = {}
    for name, method in methods.items():
        if serves(name, effects[0].value):
            out[name] = [_numbers(name, method, one) for one in effects]
    out["most alike"] = [
        likeness(catalogue, one.players, one.item) * (1 if one.liked else -1)
        + 1e-6 * np.arange(len(one.players))  # of equals the later one
        for one in effects
    ]
    return out


def _numbers(name: str, method: Callable[..., np.ndarray], one: PairEffects) -> np.ndarray:
    if name == "Shapley":
        return one.shapley
    numbers = method(one.value, one.history, [one.item])[:, 0]
    # Methods that use no values (random, latest, attention) have no sign to flip.
    return numbers if one.liked or name in ("random", "latest", "attention rollout") else -numbers


def cited_by(effects: Sequence[PairEffects], attributions: Mapping[str, Sequence[np.ndarray]]) -> dict[str, Citations]:
    """What each attribution method would cite: its `CITED` highest items."""
    return {
        name: [by_attribution(one, own, CITED) for one, own in zip(effects, numbers, strict=True)]
        for name, numbers in attributions.items()
    }


def cited_in(effects: Sequence[PairEffects], explained: Mapping[str, Sequence[Explanation]]) -> dict[str, Citations]:
    """What the texts of each method cite as causes."""
    return {
        name: [cited_places(one, text) for one, text in zip(effects, texts, strict=True)]
        for name, texts in explained.items()
    }


def phi_estimate(named: Sequence[np.ndarray], changed: Sequence[np.ndarray], users: np.ndarray) -> Estimate:
    """Correlation over all titles of "the text names it" and "taking it out changes the decision", with its interval.

    Whole users are drawn, as the titles of a pair and the pairs of a user go together.

    Args:
        named: for each of P pairs (n,) whether a title is named.
        changed: for each pair (n,) whether the decision changes without it.
        users: (P,) whose pairs they are.
    """
    names, changes = np.concatenate(named), np.concatenate(changed)
    whose = np.repeat(users, [len(own) for own in named])
    return bootstrap_statistic(lambda rows: phi_coefficient(names[rows], changes[rows]), whose)


def phi_by_method(
    effects: Sequence[PairEffects],
    explained: Mapping[str, Sequence[Explanation]],
    changed: Sequence[np.ndarray],
    users: np.ndarray,
) -> dict[str, Estimate]:
    """`phi_estimate` of every method's texts; pairs without a text are left out."""
    out = {}
    for name, texts in explained.items():
        named = [
            (np.isin(np.arange(len(one.players)), cited_places(one, text)), own, user)
            for one, text, own, user in zip(effects, texts, changed, users, strict=True)
            if text.text.strip()
        ]
        if named:
            titles, changes, whose = zip(*named, strict=True)
            out[name] = phi_estimate(titles, changes, np.array(whose))
    return out


def case_frame(effects: PairEffects, explanation: Explanation, catalogue: Catalogue) -> pd.DataFrame:
    """The effect of each title of one history, and whether a text cites it: `title, effect, cited`."""
    places = cited_places(effects, explanation)
    rows = [
        (catalogue.labels[i], e, n in places)
        for n, (i, e) in enumerate(zip(effects.players, effects.shapley, strict=True))
    ]
    return pd.DataFrame(rows, columns=["title", "effect", "cited"])


def misleading_case(effects: Sequence[PairEffects], texts: Sequence[Explanation]) -> int:
    """Index of the pair whose text passes `is_true` and cites the titles with the lowest normalised effect.

    Texts that cite no title twice are preferred. If no text passes, the index is 0.
    """
    found = [
        (len({c.item for c in text.citations}) < len(text.citations), erased.normalised, n)
        for n, (one, text) in enumerate(zip(effects, texts, strict=True))
        if is_true(text, one.liked)
        and (erased := erasure(one, cited_places(one, text))) is not None
        and not np.isnan(erased.normalised)
    ]
    return min(found)[-1] if found else 0


def case_heading(text: Explanation, liked: bool, method: str) -> str:
    """What a case is about; a text that does not pass `is_true` is announced as such."""
    said = f"{text.title}: the target says {'yes' if liked else 'no'}, and {method} explains it by"
    return said if is_true(text, liked) else f"No text passes all three checks; this is the first one.\n{said}"


def curve_frame(effects: Sequence[PairEffects], attributions: Mapping[str, Sequence[np.ndarray]]) -> pd.DataFrame:
    """The mean erasure curve of each attribution method: `method, share, value`."""
    parts = []
    for name, numbers in attributions.items():
        curves = [erasure_curve(one, own) for one, own in zip(effects, numbers, strict=True)]
        parts.append(pd.DataFrame({"method": name, "share": SHARES, "value": np.mean(curves, axis=0)}))
    return pd.concat(parts)


def mean_table(measured: Mapping[str, Mapping[str, np.ndarray]]) -> pd.DataFrame:
    """Means over pairs: one row per method, one column per metric."""
    return pd.DataFrame({name: {m: pd.Series(v).mean() for m, v in own.items()} for name, own in measured.items()}).T


def verdict_frame(records: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Records of liked and disliked pairs, named by label: `method, metric, verdict, value, low, high, n`."""
    columns = ["method", "metric", "verdict", "value", "low", "high", "n"]
    rows = [{**r, "method": label_of(dict(r))} for r in records if r["verdict"] in ("liked", "disliked")]
    return pd.DataFrame(rows, columns=list(rows[0]) if rows else columns)[columns]


def plausibility_frame(rated: pd.DataFrame, measured: Mapping[str, Mapping[str, np.ndarray]]) -> pd.DataFrame:
    """Mean rating by the reference judge beside the mean effect of what is cited: `method, rating, effect`."""
    means = rated[rated["judge"] == "reference"].groupby("method")["score"].mean()
    rows = [(n, means[n], pd.Series(m["erasure_normalised"]).mean()) for n, m in measured.items() if n in means.index]
    return pd.DataFrame(rows, columns=["method", "rating", "effect"])
