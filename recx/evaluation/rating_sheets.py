"""Summary of rating sheets, on which people mark every explanation from 0 to 10 on three scales, as in LLMXRec."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict

import numpy as np
import pandas as pd

from recx.evaluation.bootstrap import bootstrap
from recx.evaluation.human_ratings import HumanRating, aspect_of, text_hash


def sheet_means(ratings: Sequence[HumanRating], explanations: pd.DataFrame) -> pd.DataFrame:
    """Mean marks by method and scale, with intervals over the pairs of person and item.

    Args:
        ratings: of sheets and others, which are ignored, as are those of other texts than these.
        explanations: `method, pair, text`, as the rated stage saved them.

    Returns:
        Columns `method, aspect, value, low, high, n`.
    """
    marks: Mapping[tuple[str, int], str] = {(r.method, r.pair): text_hash(r.text) for r in explanations.itertuples()}
    rows = []
    for rating in ratings:
        aspect = aspect_of(rating.question)
        method, _, pair = rating.question.removesuffix(f"#{aspect}").rpartition("/")
        if aspect and pair.isdigit() and rating.text in ("", marks.get((method, int(pair)), "?")):
            rows.append((method, aspect, int(pair), float(rating.score)))
    frame = pd.DataFrame(rows, columns=["method", "aspect", "pair", "score"])
    means = [
        {"method": method, "aspect": aspect} | asdict(bootstrap(own["score"].to_numpy(), np.asarray(own["pair"])))
        for (method, aspect), own in frame.groupby(["method", "aspect"], sort=False)
    ]
    return pd.DataFrame(means, columns=["method", "aspect", "value", "low", "high", "n"])
