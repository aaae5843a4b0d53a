"""The tables of notebook 11, and where a baseline is ahead in them."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from recx.evaluation.faithfulness_curves import LOWER
from recx.evaluation.metric_records import label_of
from recx.evaluation.summary_tables import labelled

LOWER_IS_BETTER = LOWER | {"repeated_cause", "contradicts_evidence", "ece", "brier"}

# The further questions of notebook 11 in their order, each with the metrics that answer it.
CALIBRATION = ("ece", "brier")
QUESTIONS = (
    ("flip_named", "flip_named_gain"),
    ("simulatability_gain", "las", "simulatability_shuffled"),
    ("said_order", "strength_order", "repeated_cause", "numbers_as_measured", "contradicts_evidence"),
    ("self_consistency",),
    CALIBRATION,
)


def verdict_table(records: Sequence[dict[str, Any]]) -> pd.DataFrame:
    """Records as a table: a row for each method, a column for each metric and verdict.

    The number of users follows in brackets where it is smaller than another method's in the same column; a metric that
    could not be measured is a dash.
    """
    frame = labelled(records)
    if frame.empty:
        return frame
    fewer = frame["n"] < frame.groupby(["metric", "verdict"])["n"].transform("max")
    shown = [
        "-" if value != value else f"{value:.2f}" + (f" ({n})" if less else "")
        for value, n, less in zip(frame["value"], frame["n"], fewer, strict=True)
    ]
    table = frame.assign(shown=shown).pivot_table(
        index="label", columns=["metric", "verdict"], values="shown", aggfunc="first", sort=False
    )
    return table.fillna("").rename_axis(index="method")


def question_tables(records: Sequence[dict[str, Any]]) -> list[pd.DataFrame]:
    """`verdict_table` of the records that answer each of `QUESTIONS`; none for a question without records."""
    by_question = [[r for r in records if r["metric"] in metrics] for metrics in QUESTIONS]
    return [verdict_table(own) for own in by_question if own]


def caption(records: Sequence[Mapping[str, Any]], baselines: Sequence[str], left_out: Sequence[str] = ()) -> str:
    """What a table must not hide: where a baseline is at least as good as the best of the others, one per line.

    A method of whose texts fewer than half have a value (of the most that any has) is nobody's best.

    Args:
        records: of baselines and others. Where a metric has records for both verdicts together, those count alone.
        baselines: labels of those that use no language model.
        left_out: labels that are neither, e.g. the truth.
    """
    together = {r["metric"] for r in records if r["verdict"] == "both"}
    most: dict[tuple[str, str], int] = {}
    for r in records:
        most[r["metric"], r["verdict"]] = max(most.get((r["metric"], r["verdict"]), 0), r["n"])
    records = [r for r in records if 2 * r["n"] >= most[r["metric"], r["verdict"]]]
    rows: dict[str, dict[str, float]] = {}
    for r in records:
        label = label_of(dict(r))
        if r["value"] == r["value"] and label not in left_out and (r["verdict"] == "both") == (r["metric"] in together):
            name = r["metric"] if r["verdict"] == "both" else f"{r['metric']} ({r['verdict']})"
            rows.setdefault(name, {})[label] = -r["value"] if r["metric"] in LOWER_IS_BETTER else r["value"]
    ahead = []
    for name, values in rows.items():
        baseline, others = ({k: v for k, v in values.items() if (k in baselines) == own} for own in (True, False))
        if baseline and others and max(baseline.values()) >= max(others.values()):
            first, best = max(baseline, key=baseline.__getitem__), max(others, key=others.__getitem__)
            sign = -1 if name.split(" (")[0] in LOWER_IS_BETTER else 1
            ahead.append(f"{name}: {first} {sign * baseline[first]:.2f} (best other: {best} {sign * others[best]:.2f})")
    if not any({k in baselines for k in values} == {True, False} for values in rows.values()):
        return "There is no metric by which baselines and other methods could be compared."
    if not ahead:
        return "By each of these metrics, the best of the other methods is ahead of all baselines."
    return "\n  ".join(["By these metrics, a baseline is at least as good as all other methods:", *ahead])
