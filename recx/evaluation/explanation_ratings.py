"""Ratings of several methods' explanations of the same pairs by several judges (paper Table 2 and Figure 3)."""

import itertools
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from recx import paths
from recx.data.catalogue import Catalogue
from recx.evaluation.agreement import LEVELS, agreement
from recx.evaluation.human_ratings import HumanRating, aspect_of, question_id, read_ratings, text_hash
from recx.evaluation.judges import ExplanationToRate, Judge
from recx.evaluation.llm_judge import LLMJudge
from recx.evaluation.methods import Method
from recx.evaluation.metric_records import metric_record
from recx.evaluation.reference_judge import ReferenceJudge
from recx.evaluation.test_set import Pairs
from recx.explaining.records import Explanation
from recx.settings import EvaluateSettings
from recx.storage.text_store import TextStore

COLUMNS = ["judge", "kind", "method", "pair", "score", "points", "comment"]


def judges_of(catalogue: Catalogue, settings: EvaluateSettings, texts: Path) -> list[Judge]:
    """Return the reference judge and, if an address is set, a chat model whose replies are cached in `texts`."""
    judges: list[Judge] = [ReferenceJudge(catalogue)]
    if settings.judge.address:
        judges.append(LLMJudge(catalogue, settings.judge, TextStore(texts / "judge.jsonl"), show_progress=True))
    return judges


def people_of(ratings: str, explained: Mapping[str, Sequence[Explanation]]) -> pd.DataFrame:
    """Read human ratings from a file or folder in the format of `rate`; empty if no path is given.

    Ratings of texts other than these are ignored; their number is printed.
    """
    read = read_ratings(paths.expanded(ratings)) if ratings else []
    given = [r for r in read if not aspect_of(r.question)]  # sheets have another scale
    marks = {question_id(m, n): text_hash(e.text) for m, own in explained.items() for n, e in enumerate(own)}
    fits = [r for r in given if r.question in marks and r.text in ("", marks[r.question])]
    if len(fits) < len(given):
        print(f"Ignored {len(given) - len(fits)} of {len(given)} ratings because they are of other texts.")
    return from_people(fits)


def rate(judges: Sequence[Judge], questions: Mapping[str, Sequence[ExplanationToRate]]) -> pd.DataFrame:
    """Let every judge rate every explanation.

    Returns:
        Columns `COLUMNS`: `kind` is "judge", or "human" for people; `method` is the method's label; `points` is JSON; a
        missing score is NaN.
    """
    rows = []
    for judge in judges:
        for method, asked in questions.items():
            for pair, rating in enumerate(judge.rate(asked)):
                score = np.nan if rating.score is None else float(rating.score)
                rows.append((judge.name, "judge", method, pair, score, json.dumps(rating.points), rating.comment))
    return pd.DataFrame(rows, columns=COLUMNS)


def from_people(ratings: Sequence[HumanRating]) -> pd.DataFrame:
    """Convert human ratings to the format of `rate`; the judge is "person" followed by the rater's name.

    Ratings whose question does not have the form `method/pair` are ignored.
    """
    rows = []
    for r in ratings:
        method, _, pair = r.question.rpartition("/")
        if method and pair.isdigit():
            rows.append((f"person {r.rater}", "human", method, int(pair), float(r.score), "{}", ""))
    return pd.DataFrame(rows, columns=COLUMNS)


def rating_records(rated: pd.DataFrame, methods: Mapping[str, Method], pairs: Pairs) -> list[dict[str, Any]]:
    """Compute each method's mean rating by each judge, with intervals over users (paper Table 2)."""
    records = []
    for (judge, label), rows in rated.groupby(["judge", "method"], sort=False):
        rows = rows.sort_values("pair")
        values = {f"rating ({judge})": rows["score"].to_numpy()}
        records += methods[label].records(values, users=pairs.users[rows["pair"].to_numpy()])
    return records


def preferences(
    judges: Sequence[Judge],
    questions: Mapping[str, Sequence[ExplanationToRate]],
    best: str,
    pairs: Pairs,
    count: int = 100,
) -> pd.DataFrame:
    """Compare one method's explanations pairwise with those of every other method, by every judge.

    A chat model is asked about two explanations in both orders; if its answer depends on the order, neither wins.

    Args:
        judges: judges that compare.
        questions: method -> explanations of the pairs.
        best: the method compared with the others.
        pairs: the pairs explained.
        count: largest number of pairs to compare.

    Returns:
        Columns `judge, method, against, metric, value, low, high, n`, with intervals over users. The metric is
        `preferred` (share of pairs won, a tie counting one half) or `same_in_both_orders` (share of pairs for which the
        judge gave the same answer in both).
    """
    rows = []
    for judge, other in itertools.product(judges, (m for m in questions if m != best)):
        choices = judge.compare(questions[best][:count], questions[other][:count])
        usable = [c.winner is not None for c in choices]
        values = {
            "preferred": [(c.winner + 1) / 2 for c in choices if c.winner is not None],
            "same_in_both_orders": [c.consistent for c in choices if c.winner is not None],
        }
        for metric, own in values.items():
            r = metric_record(best, metric, np.array(own, dtype=float), users=pairs.users[:count][usable])
            rows.append((judge.name, best, other, *(r[k] for k in ("metric", "value", "low", "high", "n"))))
    return pd.DataFrame(rows, columns=["judge", "method", "against", "metric", "value", "low", "high", "n"])


def rating_share_table(rated: pd.DataFrame) -> pd.DataFrame:
    """Compute the share of each rating level per method (paper Figure 3): `judge, method, level, share, n`."""
    rows = []
    for (judge, method), own in rated.dropna(subset="score").groupby(["judge", "method"], sort=False):
        for level in LEVELS:
            rows.append((judge, method, level, float((own["score"] == level).mean()), len(own)))
    return pd.DataFrame(rows, columns=["judge", "method", "level", "share", "n"])


def agreement_table(rated: pd.DataFrame, pairs: Pairs) -> pd.DataFrame:
    """Measure the agreement of every two judges on explanations both rated (paper Appendix A.3)."""
    wide = rated.pivot_table(index=["method", "pair"], columns="judge", values="score", sort=False)
    users = pairs.users[wide.index.get_level_values("pair")]
    kinds = rated.groupby("judge")["kind"].first()
    rows = []
    for a, b in itertools.combinations(wide.columns, 2):
        measures = agreement(wide[a].to_numpy(), wide[b].to_numpy(), users)
        kind = "-".join(sorted((kinds[a], kinds[b]), reverse=True))  # human-human, judge-human, judge-judge
        n = measures.pop("n")
        rows += [(a, b, kind, measure, *interval, n) for measure, interval in measures.items()]
    return pd.DataFrame(rows, columns=["first", "second", "kind", "measure", "value", "low", "high", "n"])


def points_table(rated: pd.DataFrame) -> pd.DataFrame:
    """Compute for each method the share of explanations that earn each point of the reference judge."""
    own = rated[rated["judge"] == "reference"]
    points = pd.DataFrame([json.loads(p) for p in own["points"]], index=own["method"])
    return points.astype(float).groupby(level=0, sort=False).mean()
