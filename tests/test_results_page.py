"""The results page."""

import numpy as np

from recx import cli
from recx.evaluation.metric_records import metric_record
from recx.evaluation.results_page import results_page
from recx.storage import run_folder


def stored(stage, record, **columns):
    return {"profile": "tiny", "dataset": "demo", "stage": stage, "verdict": ""} | record | columns


def test_tables_hold_values_with_intervals_and_split_verdicts_and_decodings():
    values = np.array([0.0, 1.0, 1.0, 1.0])
    records = [
        stored("effect", metric_record("random", "hr@5", values)),
        stored("effect", metric_record("aligned", "hr@5", values, mode="hybrid")),
        stored("effect", metric_record("aligned", "hr@5", values, mode="hybrid", decoding="free greedy")),
        stored("effect", metric_record("aligned", "cited_in_history", values, mode="hybrid")),
        stored("faithfulness", metric_record("a | b", "erasure_percentile", values), verdict="liked"),
        stored("faithfulness", metric_record("a | b", "erasure_percentile", values), verdict="both"),
        stored("effect", metric_record("aligned", "accuracy", np.array([np.nan]), mode="hybrid"), value=None),
        stored("data", metric_record("dataset", "items", np.array([3.0]))) | {"value": 3650.0, "low": None},
    ]
    page = results_page(records)
    headings = [line for line in page.splitlines() if line.startswith("##")]
    assert headings == [
        "## Profile tiny, data set demo",
        "### The data",
        "### Agreement with the target",
        "### Agreement with the target (other ways of decoding)",
        "### What explanations cite and state",
        "### Do the texts say what moved the target? (liked items)",
        "### Do the texts say what moved the target? (all items)",
    ]
    assert "| random | 0.750 [" in page and "| hybrid, free greedy | 0.750 [" in page
    assert "accuracy" not in page, "a metric without a value has no column"
    assert "| dataset | 3,650 | 1 |" in page and "a \\| b" in page
    tables = [line for line in page.splitlines() if line.startswith("|")]
    for block in page.split("\n\n"):
        lines = [line for line in block.splitlines() if line.startswith("|")]
        assert len({line.replace("\\|", "").count("|") for line in lines}) <= 1, "all lines have the same cells"
    assert len(tables) == 3 * 6 + 1


def test_the_command_prints_the_page(capsys, monkeypatch):
    monkeypatch.setattr(run_folder, "results", lambda: [stored("quality", metric_record("x", "r", np.ones(2)))])
    cli.main(["results", "--markdown"])
    assert "### Ratings of explanations" in capsys.readouterr().out


def test_names_of_other_peoples_files_are_shown_literally():
    records = [
        {
            "profile": "tiny",
            "dataset": "<img src=x>",
            "stage": "effect",
            "method": "<b>a|b",
            "mode": "",
            "metric": "hr@5",
        }
        | {"value": 0.5, "low": 0.4, "high": 0.6, "n": 3}
    ]
    page = results_page(records)
    assert "<img" not in page and "<b>" not in page and "&lt;b>a\\|b" in page
