"""Summary of rating sheets, on which people mark every explanation from 0 to 10 on three scales, as in LLMXRec."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict

import numpy as np
import pandas as pd

from recx.evaluation.bootstrap import bootstrap
from recx.evaluation.human_ratings import HumanRating, aspect_of, text_hash


def sheet_means(ratings: Sequence[HumanRating], explanations: pd.DataFrame) -> pd.DataFrame:
    """Mean marks by method and scale, with intervals over people, or over pairs where these name no `user`.

    Args:
        ratings: of sheets and others, which are ignored, as are those of other texts than these.
        explanations: `method, pair, text` and, if known, `user`, as the rated stage saved them.

    Returns:
        Columns `method, aspect, value, low, high, n`.
    """
    marks: Mapping[tuple[str, int], str] = {(r.method, r.pair): text_hash(r.text) for r in explanations.itertuples()}
    named = "user" in explanations.columns
    person = dict(zip(explanations["pair"], explanations["user" if named else "pair"], strict=True))
    rows = []
    for rating in ratings:
        aspect = aspect_of(rating.question)
        method, _, pair = rating.question.removesuffix(f"#{aspect}").rpartition("/")
        rated = marks.get((method, int(pair))) if aspect and pair.isdigit() else None
        if rated is not None and rating.text in ("", rated):
            rows.append((method, aspect, person.get(int(pair), int(pair)), float(rating.score)))
    frame = pd.DataFrame(rows, columns=["method", "aspect", "person", "score"])
    means = [
        {"method": method, "aspect": aspect} | asdict(bootstrap(own["score"].to_numpy(), np.asarray(own["person"])))
        for (method, aspect), own in frame.groupby(["method", "aspect"], sort=False)
    ]
    return pd.DataFrame(means, columns=["method", "aspect", "value", "low", "high", "n"])
