"""The metrics of finished runs as Markdown: one table per stage, one row per method, intervals beside the values."""

from collections.abc import Sequence
from itertools import groupby
from typing import Any

from recx.evaluation.bootstrap import interval_text
from recx.evaluation.faithfulness_curves import CURVES
from recx.evaluation.faithfulness_tables import CALIBRATION, QUESTIONS
from recx.evaluation.metric_records import decoded_otherwise, label_of

_EXPLANATIONS = (
    "decision_agreement", "cited_in_history", "stated_attributes_true", "attributes_unverified", "texts_differ",
    "decisions_agree"
)  # fmt: skip
_SCORES = ("score_mse (text)", "score_r2 (text)", "score_mse (masked)", "score_r2 (masked)", "score_mse (verdict)",
           "score_r2 (verdict)", "score_mse (mean)", "score_r2 (mean)")  # fmt: skip
_FORESEEN = tuple(metric for group in QUESTIONS if group != CALIBRATION for metric in group)
_RANKED = ("ranking_ndcg@5", "first_right", "candidates_named")
_SUMMED = ("top10_overlap", "next_hr@10", "next_below", "in_history", "distinct_titles")
_GROUPS = ("rule_named", "rule_right", "words")
# Stage, heading, and which of its metrics; an empty tuple stands for those that no other table of the stage has.
TABLES: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("data", "The data", ()),
    ("target", "The target, on held-out items", ()),
    ("tasks", "Rows for training", ()),
    ("effect", "Agreement with the target", ()),
    ("effect", "What explanations cite and state", _EXPLANATIONS),
    ("quality", "Ratings of explanations, 0 to 3", ()),
    ("faithfulness", "Do the texts say what moved the target?", ()),
    ("faithfulness", "Can a reader predict the target from the texts?", _FORESEEN),
    ("faithfulness", "Calibration of the decision", ("ece", "brier")),
    ("faithfulness", "Masking curves of attributions", CURVES),
    ("discrimination", "Predicting the target's score from a text", _SCORES),
    ("discrimination", "Telling sources apart", ()),
    ("questions", "Questions that presuppose a decision", ()),
    ("questions", "Does a text name the rule of a group's recommendation?", _GROUPS),
    ("rewards", "Tuning on rewards: what was rewarded, and what was not", ()),
    ("rewards", "Tuning on rewards: rankings", _RANKED),
    ("rewards", "Tuning on rewards: summaries that the target reads", _SUMMED),
)
_INTRODUCTION = """# Results

Made by `recx results --markdown` from finished runs; do not edit. Values are followed by their 95 % bootstrap intervals
over users, and *n* is the largest number of users, pairs or texts behind a row. Trivial baselines (random, popularity,
constant, a plain template) stand in the same tables as the language models: compare with them first. The notebook of
each stage explains its metrics and shows what the paper reports beside ours."""


def results_page(records: Sequence[dict[str, Any]]) -> str:
    """A Markdown page.

    Args:
        records: what `recx.storage.run_folder.results` gives, in its order.

    Returns:
        One section per run (profile and data set), and in it the tables of `TABLES`; a metric that is split by the
        target's decision, or by the way of decoding, has one table for each.
    """
    parts = [_INTRODUCTION]
    for (profile, dataset), group in groupby(records, key=lambda r: (r["profile"], r["dataset"])):
        parts.append(f"## Profile {profile}, data set {_literal(dataset)}")
        of_run = [r for r in group if r["value"] is not None]
        for stage, heading, metrics in TABLES:
            elsewhere = {m for other, _, named in TABLES if other == stage for m in named}
            kept = [r for r in of_run if r["stage"] == stage]
            kept = [r for r in kept if (r["metric"] in metrics if metrics else r["metric"] not in elsewhere)]
            for kind in dict.fromkeys(map(_kind, kept)):
                parts.append(f"### {heading}{kind}\n\n" + _table([r for r in kept if _kind(r) == kind]))
    return "\n\n".join(parts) + "\n"


def _kind(record: dict[str, Any]) -> str:
    verdict = {"": "", "both": " (all items)"}.get(record.get("verdict", ""), f" ({record.get('verdict')} items)")
    return verdict + (" (other ways of decoding)" if decoded_otherwise(record) else "")


def _table(records: Sequence[dict[str, Any]]) -> str:
    metrics = list(dict.fromkeys(r["metric"] for r in records))
    rows: dict[str, dict[str, str]] = {}
    for r in records:
        row = rows.setdefault(label_of(r), dict.fromkeys(metrics, ""))
        row[r["metric"]] = _cell(r)
        row["n"] = max(row.get("n", ""), str(r["n"] or ""), key=lambda n: int(n or 0))
    columns = ["method", *metrics, "n"]
    lines = [columns, ["---"] * len(columns), *([name, *row.values()] for name, row in rows.items())]
    return "\n".join("| " + " | ".join(_literal(cell).replace("|", "\\|") for cell in line) + " |" for line in lines)


def _literal(text: str) -> str:
    """Names from the user's files, shown as they are: Markdown passes HTML through."""
    return text.replace("&", "&amp;").replace("<", "&lt;")


def _cell(record: dict[str, Any]) -> str:
    whole = record["value"] % 1 == 0 and record["value"] > 1
    value = f"{record['value']:,.0f}" if whole else f"{record['value']:.3f}"
    if record["low"] is None or record["low"] == record["high"]:
        return value
    return value + interval_text(record["low"], record["high"])
