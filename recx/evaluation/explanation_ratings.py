"""Explanations of several methods rated by several judges (paper Table 2 and Figure 3), on the same pairs."""

import itertools
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from recx.data.catalogue import Catalogue
from recx.evaluation.agreement import LEVELS, agreement
from recx.evaluation.human_ratings import HumanRating, question_id, read_ratings, text_hash
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
    """The reference judge, and a chat model where an address is set; its replies are kept in the folder of texts."""
    judges: list[Judge] = [ReferenceJudge(catalogue)]
    if settings.judge.address:
        judges.append(LLMJudge(catalogue, settings.judge, TextStore(texts / "judge.jsonl"), show_progress=True))
    return judges


def people_of(ratings: str, explained: Mapping[str, Sequence[Explanation]]) -> pd.DataFrame:
    """Ratings by people in the form of `rate`, from a file or folder; empty where none is named.

    Ratings of texts other than the ones at hand are left out, and counted in a printed line.
    """
    given = read_ratings(Path(ratings).expanduser()) if ratings else []
    marks = {question_id(m, n): text_hash(e.text) for m, own in explained.items() for n, e in enumerate(own)}
    fits = [r for r in given if r.question in marks and r.text in ("", marks[r.question])]
    if len(fits) < len(given):
        print(f"{len(given) - len(fits)} of {len(given)} ratings are of other texts, and left out.")
    return from_people(fits)


def rate(judges: Sequence[Judge], questions: Mapping[str, Sequence[ExplanationToRate]]) -> pd.DataFrame:
    """Every judge's rating of every explanation.

    Returns:
        Columns `COLUMNS`: `kind` is "judge", or "human" where people rated; `method` is the label; `points` are JSON;
        a missing score is NaN.
    """
    rows = []
    for judge in judges:
        for method, asked in questions.items():
            for pair, rating in enumerate(judge.rate(asked)):
                score = np.nan if rating.score is None else float(rating.score)
                rows.append((judge.name, "judge", method, pair, score, json.dumps(rating.points), rating.comment))
    return pd.DataFrame(rows, columns=COLUMNS)


def from_people(ratings: Sequence[HumanRating]) -> pd.DataFrame:
    """Ratings by people in the form of `rate`; the judge is "person" and the rater's name.

    Ratings of unknown form (a question that is no `method/pair`) are left out.
    """
    rows = []
    for r in ratings:
        method, _, pair = r.question.rpartition("/")
        if method and pair.isdigit():
            rows.append((f"person {r.rater}", "human", method, int(pair), float(r.score), "{}", ""))
    return pd.DataFrame(rows, columns=COLUMNS)


def rating_records(rated: pd.DataFrame, methods: Mapping[str, Method], pairs: Pairs) -> list[dict[str, Any]]:
    """Mean rating of each method by each judge, with its interval over users (paper Table 2)."""
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
    """Explanations of one method against those of each other, by every judge.

    A chat model is asked about two explanations in both orders; where it answers by place and not by text, neither
    wins.

    Args:
        judges: who compares.
        questions: method -> explanations of the pairs.
        best: the method compared with the others.
        pairs: what was explained.
        count: at most so many of them.

    Returns:
        Columns `judge, method, against, metric, value, low, high, n`, metric being `preferred` (share of pairs won, a
        tie counting one half) and `consistent` (share of pairs with the same answer in both orders), with intervals
        over users.
    """
    rows = []
    for judge, other in itertools.product(judges, (m for m in questions if m != best)):
        choices = judge.compare(questions[best][:count], questions[other][:count])
        usable = [c.winner is not None for c in choices]
        values = {
            "preferred": [(c.winner + 1) / 2 for c in choices if c.winner is not None],
            "consistent": [c.consistent for c in choices if c.winner is not None],
        }
        for metric, own in values.items():
            r = metric_record(best, metric, np.array(own, dtype=float), users=pairs.users[:count][usable])
            rows.append((judge.name, best, other, *(r[k] for k in ("metric", "value", "low", "high", "n"))))
    return pd.DataFrame(rows, columns=["judge", "method", "against", "metric", "value", "low", "high", "n"])


def rating_share_table(rated: pd.DataFrame) -> pd.DataFrame:
    """Share of each level among the ratings of a method (paper Figure 3): columns `judge, method, level, share, n`."""
    rows = []
    for (judge, method), own in rated.dropna(subset="score").groupby(["judge", "method"], sort=False):
        for level in LEVELS:
            rows.append((judge, method, level, float((own["score"] == level).mean()), len(own)))
    return pd.DataFrame(rows, columns=["judge", "method", "level", "share", "n"])


def agreement_table(rated: pd.DataFrame, pairs: Pairs) -> pd.DataFrame:
    """How far each two judges agree on the explanations both rated (paper Appendix A.3), with intervals over users."""
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


def points_table(rated: pd.DataFrame, judge: str = "reference") -> pd.DataFrame:
    """Share of a method's explanations for which each point of a judge holds."""
    own = rated[rated["judge"] == judge]
    points = pd.DataFrame([json.loads(p) for p in own["points"]], index=own["method"])
    return points.astype(float).groupby(level=0, sort=False).mean()
