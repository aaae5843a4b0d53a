"""Does a text agree with itself: one title in one role, and the same causes when the same pair is explained again?"""

import re
from collections.abc import Sequence

import numpy as np
from scipy.stats import hypergeom

from recx.evaluation.test_set import Pairs
from recx.explaining.contradictions import sentence_spans
from recx.explaining.explainer import Explainer
from recx.explaining.records import Explanation
from recx.prompts.controls import Control

_STATEMENT_END = re.compile(r"[.!?;](?=\s|$)")


def explained_again(explainer: Explainer, pairs: Pairs, count: int = 60) -> list[Explanation]:
    """The first pairs explained a second time: from the view of an attribute, or for a beginner where there is none."""
    attributes = explainer.catalogue.attributes
    control = Control(view=next(iter(attributes))) if attributes else Control(audience="beginner")
    return explainer.explain(pairs.histories[:count], pairs.items[:count].tolist(), control)


def repeated_cause(text: Explanation) -> float:
    """Whether a text names one title in two roles: 1 or 0; NaN where it cites none.

    Two roles are: twice within one sentence ("A counts most, then A"), and once as a cause, once as what pulls the
    other way. A title that a later sentence takes up in the same role is not a repetition.
    """
    cited = [c for c in text.citations if c.item is not None]
    if not cited:
        return np.nan
    spans = sentence_spans(text, _STATEMENT_END)
    sentences = [next(n for n, (_, end) in enumerate(spans) if c.span[0] < end) for c in cited]
    roles = [(c.item, c.against) for c in cited]
    causes = {item for item, against in roles if not against}
    twice = len(set(zip(roles, sentences, strict=True))) < len(cited)
    return float(twice or any(against and item in causes for item, against in roles))


def repeated_causes(texts: Sequence[Explanation]) -> dict[str, np.ndarray]:
    """`repeated_cause` of P texts: metric -> (P,)."""
    return {"repeated_cause": np.array([repeated_cause(text) for text in texts])}


def self_consistency(first: Sequence[Sequence[int]], second: Sequence[Sequence[int]]) -> np.ndarray:
    """Jaccard likeness (P,) of the causes that two texts about the same pair name, in [0, 1]; NaN where one names none.

    Args:
        first: places that the first text about each of P pairs cites as causes.
        second: those of the second text.
    """
    sets = [(set(a), set(b)) for a, b in zip(first, second, strict=True)]
    return np.array([len(a & b) / len(a | b) if a and b else np.nan for a, b in sets])


def chance_consistency(
    first: Sequence[Sequence[int]], second: Sequence[Sequence[int]], sizes: Sequence[int]
) -> np.ndarray:
    """The expected `self_consistency` (P,) of as many titles drawn at random from the `sizes` (P,) of each history."""
    out = []
    for a, b, n in zip(map(set, first), map(set, second), sizes, strict=True):
        both = np.arange(min(len(a), len(b)) + 1)
        likely = hypergeom(n, len(a), len(b)).pmf(both) if a and b else np.array([np.nan])
        out.append(float((likely * both / np.maximum(1, len(a) + len(b) - both)).sum()))
    return np.array(out)
