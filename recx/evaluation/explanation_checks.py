"""Checks of explanations that need no judge: decision, cited titles, stated attributes."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from recx.data.catalogue import Catalogue
from recx.evaluation.recommendation_quality import estimate
from recx.explaining.records import Explanation
from recx.prompts.wordings import MODES


def decision_agreement(explanations: Sequence[Explanation], target: Sequence[bool]) -> np.ndarray:
    """1 where the decision is the target's, 0 where it is not or was not given."""
    return np.array(
        [float(e.decision is not None and e.decision == bool(t)) for e, t in zip(explanations, target, strict=True)]
    )


def cited_in_history(explanations: Sequence[Explanation]) -> np.ndarray:
    """Share of an explanation's cited titles that stand in the history; NaN where it cites none."""
    return np.array([_share([c.in_history for c in e.citations]) for e in explanations])


def stated_attributes_true(explanations: Sequence[Explanation]) -> np.ndarray:
    """Share of an explanation's stated attributes that are true; NaN where it states none."""
    return np.array([_share([s.true for s in e.statements]) for e in explanations])


def totals(explanations: Sequence[Explanation]) -> dict[str, int]:
    """Counts behind the shares: `cited, cited_in_history, stated, stated_true, invented`."""
    citations = [c for e in explanations for c in e.citations]
    statements = [s for e in explanations for s in e.statements]
    return {
        "cited": len(citations),
        "cited_in_history": sum(c.in_history for c in citations),
        "invented": sum(c.item is None for c in citations),
        "stated": len(statements),
        "stated_true": sum(s.true for s in statements),
    }


def _share(flags: Sequence[bool]) -> float:
    return float(np.mean(flags)) if len(flags) else np.nan


def explanation_records(
    explanations: Sequence[Explanation], target: Sequence[bool], name: str, how: str = "aligned"
) -> list[dict[str, Any]]:
    """The three checks as records.

    Args:
        explanations: of one model.
        target: the target's decisions on the same pairs.
        name: a mode, or another method's name.
        how: method of a mode's records.
    """
    mode, method = (name, how) if name in MODES else ("", name)
    columns = {
        "decision_agreement": decision_agreement(explanations, target),
        "cited_in_history": cited_in_history(explanations),
        "stated_attributes_true": stated_attributes_true(explanations),
    }
    return [estimate(method, metric, values, mode) for metric, values in columns.items()]


def view_records(given: Mapping[str, Sequence[Explanation]], mode: str = "hybrid") -> list[dict[str, Any]]:
    """Explanations of the same pairs from two sides: how often the texts differ and the decisions agree.

    A catalogue with fewer than two attributes has no two sides, and gives no records.
    """
    if len(given) < 2:
        return []
    first, second = list(given.values())[:2]
    pairs = list(zip(first, second, strict=True))
    method = f"views {' and '.join(list(given)[:2])}"
    return [
        estimate(method, "texts_differ", np.array([float(a.text != b.text) for a, b in pairs]), mode),
        estimate(method, "decisions_agree", np.array([float(a.decision == b.decision) for a, b in pairs]), mode),
    ]


def as_frame(
    explained: Mapping[str, Sequence[Explanation]],
    histories: Sequence[np.ndarray],
    target: Sequence[bool],
    catalogue: Catalogue,
) -> pl.DataFrame:
    """Explanations as a table: `pair, method, history, item, target, decision, text`."""
    rows = []
    for method, given in explained.items():
        for pair, (explanation, history, verdict) in enumerate(zip(given, histories, target, strict=True)):
            titles = [catalogue.labels[i] for i in history]
            rows.append(
                (pair, method, titles, explanation.title, bool(verdict), explanation.decision, explanation.text)
            )
    return pl.DataFrame(rows, orient="row", schema=["pair", "method", "history", "item", "target", "decision", "text"])
