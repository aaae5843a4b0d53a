"""Checks of explanations without a judge: decision, cited titles, stated attributes and numbers."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from recx.data.catalogue import Catalogue
from recx.evaluation.methods import Method
from recx.evaluation.test_set import Pairs
from recx.explaining.contradictions import contradictions
from recx.explaining.records import Explanation
from recx.parsing.parsed_explanation import ParsedExplanation
from recx.prompts.evidence import Evidence


def decision_agreement(explanations: Sequence[Explanation], target: Sequence[bool]) -> np.ndarray:
    """(P,) whether each decision is the target's (P,): 1 or 0 (also for no decision); NaN where there is no text."""
    said = [float(e.decision == bool(t)) for e, t in zip(explanations, target, strict=True)]
    return np.where([bool(e.text.strip()) for e in explanations], said, np.nan)


def cited_in_history(explanations: Sequence[Explanation | ParsedExplanation]) -> np.ndarray:
    """(P,) share of each explanation's cited titles that are in the history; NaN if it cites none."""
    return np.array([_share([c.in_history for c in e.citations]) for e in explanations])


def stated_attributes_true(explanations: Sequence[Explanation | ParsedExplanation]) -> np.ndarray:
    """(P,) share of each explanation's stated attributes that are true; NaN if it states none."""
    return np.array([_share([s.true for s in e.statements]) for e in explanations])


def attributes_unverified(explanations: Sequence[Explanation]) -> np.ndarray:
    """(P,) share of each explanation's attributes that no item of the catalogue has; NaN if it states none.

    They are not in `stated_attributes_true`, because the catalogue does not tell whether they are true.
    """
    flags = [[True] * len(e.unverified) + [False] * len(e.statements) for e in explanations]
    return np.array([_share(own) for own in flags])


def numbers_as_measured(explanations: Sequence[Explanation]) -> np.ndarray:
    """(P,) share of each explanation's numbers that were measured; NaN without any, or if its author was told none."""
    flags = [[n.measured for n in e.numbers if n.measured is not None] for e in explanations]
    return np.array([_share(own) for own in flags])


def contradicts_evidence(explanations: Sequence[Explanation], evidence: Sequence[Evidence]) -> np.ndarray:
    """(P,) whether each explanation contradicts the evidence it was told: 1 or 0; NaN where there is no text."""
    return np.array(
        [
            float(bool(contradictions(e, told))) if e.text.strip() else np.nan
            for e, told in zip(explanations, evidence, strict=True)
        ]
    )


def totals(explanations: Sequence[Explanation]) -> dict[str, int]:
    """Count `cited, cited_in_history, invented, stated, stated_true, unverified`, of which the shares are made."""
    citations = [c for e in explanations for c in e.citations]
    statements = [s for e in explanations for s in e.statements]
    return {
        "cited": len(citations),
        "cited_in_history": sum(c.in_history for c in citations),
        "invented": sum(c.item is None for c in citations),
        "stated": len(statements),
        "stated_true": sum(s.true for s in statements),
        "unverified": sum(len(e.unverified) for e in explanations),
    }


def _share(flags: Sequence[bool]) -> float:
    return float(np.mean(flags)) if len(flags) else np.nan


def explanation_records(
    explanations: Sequence[Explanation], pairs: Pairs, method: Method, decoding: str = ""
) -> list[dict[str, Any]]:
    """Compute records of the three checks, with intervals over users.

    There are records of `attributes_unverified` if some text states such an attribute, and of `answered` if some texts
    are missing.

    Args:
        explanations: the method's explanations of the pairs.
        pairs: the pairs explained, with the target's decisions.
        method: method that wrote the explanations.
        decoding: how they were decoded, if not freely.
    """
    columns = {
        "decision_agreement": decision_agreement(explanations, pairs.liked),
        "cited_in_history": cited_in_history(explanations),
        "stated_attributes_true": stated_attributes_true(explanations),
    }
    if any(e.unverified for e in explanations):
        columns["attributes_unverified"] = attributes_unverified(explanations)
    if not all(written := [bool(e.text.strip()) for e in explanations]):
        columns["answered"] = np.array(written, dtype=float)
    return method.records(columns, decoding=decoding, users=pairs.users)


def view_records(
    explanations: Mapping[str, Sequence[Explanation]], pairs: Pairs, method: Method
) -> list[dict[str, Any]]:
    """Measure how often two views of the same pairs give different texts and equal decisions.

    Texts that are missing or state no decision are not compared. There are no records for a catalogue with fewer than
    two attributes, which has no two views.

    Args:
        explanations: view -> explanations of the pairs.
        pairs: the pairs explained.
        method: method that wrote the explanations.
    """
    if len(explanations) < 2:
        return []
    first, second = list(explanations.values())[:2]
    control = f"views {' and '.join(list(explanations)[:2])}"
    both = list(zip(first, second, strict=True))
    columns = {
        "texts_differ": np.array([float(a.text != b.text) if a.text and b.text else np.nan for a, b in both]),
        "decisions_agree": np.array(
            [np.nan if None in (a.decision, b.decision) else float(a.decision == b.decision) for a, b in both]
        ),
    }
    return method.records(columns, control=control, users=pairs.users)


def as_frame(explained: Mapping[str, Sequence[Explanation]], pairs: Pairs, catalogue: Catalogue) -> pd.DataFrame:
    """Convert explanations to a table: `pair, method, history, item, target, decision, text`."""
    rows = []
    for method, explanations in explained.items():
        for pair, (e, history, liked) in enumerate(zip(explanations, pairs.histories, pairs.liked, strict=True)):
            titles = [catalogue.labels[i] for i in history]
            rows.append((pair, method, titles, e.title, bool(liked), e.decision, e.text))
    return pd.DataFrame(rows, columns=["pair", "method", "history", "item", "target", "decision", "text"])
