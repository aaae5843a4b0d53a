"""Case studies selected by fixed rules rather than by hand (paper Figures 5 and 6)."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from recx.data.catalogue import Catalogue
from recx.evaluation.test_set import Pairs
from recx.explaining.explainer import Explainer
from recx.explaining.records import Explanation
from recx.explaining.segments import Segment, segments
from recx.parsing.stated_decision import stated_decision
from recx.prompts.controls import Control

RULES = {
    "typical": "the ratings of all methods are closest to their mean ratings",
    "hardest": "the explainer is least certain of its decision",
    "best rated": "highest rating of the explainer, then highest mean rating of all methods",
    "worst rated": "lowest rating of the explainer, then lowest mean rating of all methods",
}


def choose_cases(
    ratings: Mapping[str, np.ndarray], likely: np.ndarray, explainer: str, seed: int = 0
) -> dict[str, int]:
    """Choose a different pair for each rule of `RULES`.

    Args:
        ratings: method -> (P,) ratings of the same pairs, NaN where there is none.
        likely: (P,) the explainer's probability of "yes".
        explainer: the method whose explanations are studied.
        seed: random seed that breaks ties.

    Returns:
        rule -> number of the pair; fewer than four entries if there are fewer pairs.
    """
    table = pd.DataFrame(dict(ratings))
    means = table.mean(axis=1)
    worth = {
        "typical": ((table - table.mean()) ** 2).mean(axis=1, skipna=False).to_numpy(),
        "hardest": np.abs(np.asarray(likely) - 0.5),
        "best rated": -(table[explainer] * 100 + means).to_numpy(),
        "worst rated": (table[explainer] * 100 + means).to_numpy(),
    }
    order = np.random.default_rng(seed).permutation(len(table))
    chosen: dict[str, int] = {}
    for rule, values in worth.items():
        ranked = order[np.argsort(np.where(np.isnan(values), np.inf, values)[order], kind="stable")]
        free = [int(n) for n in ranked if int(n) not in chosen.values()]
        if free:
            chosen[rule] = free[0]
    return chosen


def case_frame(
    title: str,
    history: Sequence[str],
    item: str,
    decision: bool,
    texts: Mapping[str, Explanation],
    ratings: Mapping[str, float] | None = None,
) -> pd.DataFrame:
    """Build a frame of one case, with a row per segment of text.

    The columns are `case, history, item, decision, method, rating, text, holds, why`, with `Segment.said` as `holds`.

    Args:
        title: title of the case, e.g. the rule that chose it.
        history: labels, oldest first; joined by line breaks in the frame.
        item: label of the item.
        decision: the target's decision.
        texts: method -> explanation.
        ratings: method -> rating, if there is one.
    """
    rows = []
    for method, e in texts.items():
        for piece in segments(e) or [Segment("(no text)")]:
            rating = (ratings or {}).get(method, np.nan)
            rows.append((title, "\n".join(history), item, decision, method, rating, piece.text, piece.said, piece.why))
    names = ["case", "history", "item", "decision", "method", "rating", "text", "holds", "why"]
    return pd.DataFrame(rows, columns=names)


def marked_parts(explanation: Explanation, liked: bool) -> pd.DataFrame:
    """Split one explanation at its marks: `text, kind, holds` (`Segment.said`), together the text again.

    The kind is `citation`, `statement`, or `decision` for a "Yes" or "No" at the beginning; otherwise it is empty, and
    so is `holds`.

    Args:
        explanation: the explanation; of an empty one the only part says that there is no text.
        liked: the target's decision, which the stated one is compared with.
    """
    rows: list[tuple[str, str, str]] = []
    cited, place = {c.span for c in explanation.citations}, 0
    for piece in segments(explanation) or [Segment("(no text)")]:
        span = (place, place + len(piece.text))
        kind = "citation" if span in cited else "statement"
        rows.append((piece.text, kind if piece.said else "", piece.said))
        place = span[1]
    first = rows[0][0][: stated_decision(explanation.text)[1]].rstrip(" .,:;!")
    if first and not rows[0][1]:
        agrees = "yes" if explanation.decision == liked else "no"
        rows[:1] = [(first, "decision", agrees), (rows[0][0][len(first) :], "", "")]
    return pd.DataFrame(rows, columns=["text", "kind", "holds"])


def frames_of(
    chosen: Mapping[str, int],
    explained: Mapping[str, Sequence[Explanation]],
    ratings: Mapping[str, np.ndarray],
    pairs: Pairs,
    catalogue: Catalogue,
    max_history: int,
) -> pd.DataFrame:
    """Build one frame of the chosen cases, with all methods' explanations and their ratings.

    Args:
        chosen: rule -> number of the pair.
        explained: method -> explanations of all pairs.
        ratings: method -> ratings of all pairs.
        pairs: all pairs.
        catalogue: the items.
        max_history: how many of the latest items a prompt shows.
    """
    frames = []
    for rule, n in chosen.items():
        texts = {method: own[n] for method, own in explained.items()}
        rated = {method: float(own[n]) for method, own in ratings.items()}
        title = f"{rule[0].upper()}{rule[1:]}: {RULES[rule]} (pair {n})"
        frames.append(_case(title, n, texts, pairs, catalogue, max_history, rated))
    return pd.concat(frames, ignore_index=True)


def view_frame(explainer: Explainer, n: int, pairs: Pairs, views: Sequence[str]) -> pd.DataFrame:
    """Build a frame of one pair explained from several views, or from none if the catalogue has no attributes."""
    controls = {f"by {view}": Control(view=view) for view in views} or {"no view": Control()}
    history, item = pairs.histories[n], int(pairs.items[n])
    texts = {name: explainer.explain([history], [item], control)[0] for name, control in controls.items()}
    title = f"One pair from {len(texts)} view{'s' * (len(texts) > 1)} (pair {n})"
    return _case(title, n, texts, pairs, explainer.catalogue, explainer.max_history)


def _case(
    title: str,
    n: int,
    texts: Mapping[str, Explanation],
    pairs: Pairs,
    catalogue: Catalogue,
    max_history: int,
    rated: Mapping[str, float] | None = None,
) -> pd.DataFrame:
    history = [catalogue.labels[i] for i in pairs.histories[n][-max_history:]]
    return case_frame(title, history, catalogue.labels[pairs.items[n]], bool(pairs.liked[n]), texts, rated)
