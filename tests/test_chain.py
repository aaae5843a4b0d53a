"""Runs the notebooks in order on a reduced demo and checks their results instead of stored outputs."""

import json

import matplotlib.pyplot as plt
import nbformat
import pytest

from recx import cli, paths
from recx.pipeline import stages
from recx.pipeline.finished import open_finished
from recx.pipeline.saved_figures import redraw
from recx.profiles.resolve import resolve_settings
from recx.storage import run_folder as runs


@pytest.fixture(scope="module")
def chain(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RECX_RUNS_DIR", str(folder))
        cli.main(["run", "--profile", "test"])
        yield runs.results(folder)


def value(records, metric, mode="", method="aligned", decoding="", control=""):
    wanted = {"metric": metric, "mode": mode, "method": method, "decoding": decoding, "control": control}
    (record,) = [r for r in records if wanted.items() <= r.items()]
    return record


pytestmark = pytest.mark.chain


def test_target_beats_popularity(chain):
    target, popular = (value(chain, "ndcg@10", method=m) for m in ("sasrec", "popularity"))
    assert target["low"] > 2 * popular["high"]


@pytest.mark.parametrize("mode", ["intention", "hybrid"])
def test_aligned_beats_unaligned_and_constant(chain, mode):
    agreement = [r for r in chain if r["stage"] == "effect"]  # popularity is measured on what people chose, too
    for metric in ("hr@5", "ndcg@5"):
        ours = value(agreement, metric, mode)
        for baseline in ("unaligned", "constant", "popularity", "popularity, sampled"):
            assert ours["low"] > value(agreement, metric, method=baseline)["high"]
    assert value(chain, "accuracy", mode)["low"] > value(chain, "accuracy", method="unaligned")["value"]


@pytest.mark.parametrize("mode", ["intention", "hybrid"])
def test_the_unconstrained_greedy_answer_is_the_targets_first_item(chain, mode):
    ours = value(chain, "exact_match", mode)
    assert ours["n"] == resolve_settings("test").evaluate.users
    assert ours["value"] > value(chain, "exact_match", method="unaligned")["value"]
    assert ours["value"] <= value(chain, "hr@5", mode)["value"]


def test_behavior_learns_too(chain):
    ours = value(chain, "hr@5", "behavior")
    assert ours["low"] > value(chain, "hr@5", method="unaligned")["value"]
    assert ours["value"] > value(chain, "hr@5", method="constant")["value"]


def test_shuffled_user_vectors_fall_to_chance(chain):
    shuffled = value(chain, "hr@5", "intention", control="other people's vectors")
    assert shuffled["value"] < value(chain, "hr@5", method="constant")["high"] + 0.03
    assert shuffled["high"] < 0.5 * value(chain, "hr@5", "intention")["low"]
    accuracy = value(chain, "accuracy", "intention", control="other people's vectors")
    assert accuracy["high"] < value(chain, "accuracy", "intention")["low"]


def test_explanations_follow_the_target_and_stay_true(chain):
    agreement = value(chain, "decision_agreement", "hybrid")
    assert agreement["low"] > 0.5, "chance, which the interval over 26 pairs must exclude"
    assert value(chain, "cited_in_history", "hybrid")["value"] > 0.85
    assert value(chain, "stated_attributes_true", "hybrid")["value"] > 0.85
    assert value(chain, "texts_differ", "relation", control="views platform and genre")["value"] > 0.8


def test_the_relation_mode_says_what_moved_the_target(chain):
    def effect(mode, verdict, control=""):
        wanted = {"metric": "erasure_normalised", "mode": mode, "verdict": verdict, "control": control}
        (record,) = [r for r in chain if wanted.items() <= r.items()]
        return record

    assert effect("relation", "both")["low"] > max(0, effect("hybrid", "both")["value"])
    assert effect("relation", "both")["value"] > 0.15
    for verdict in ("liked", "disliked"):
        # Over the dozen pairs of one verdict, the interval is too wide to demand that it excludes 0.
        assert effect("relation", verdict)["value"] > max(0.1, effect("hybrid", verdict)["value"])
    assert value(chain, "decision_agreement", "relation")["value"] > 0.8
    assert value(chain, "cited_in_history", "relation")["value"] > 0.85


def test_worked_examples_and_the_distilled_target_stand_beside(chain):
    assert value(chain, "hr@5", method="distilled")["low"] > value(chain, "hr@5", method="constant")["high"]
    shown = value(chain, "accuracy", method="unaligned ICL")
    assert shown["n"] == resolve_settings("test").evaluate.users
    assert shown["value"] < value(chain, "accuracy", "hybrid")["low"]


def test_ratings_and_controls_fall_where_they_must(chain):
    rating = {m: value(chain, "rating (reference)", m) for m in ("behavior", "intention", "hybrid")}
    assert rating["hybrid"]["value"] > value(chain, "rating (reference)", method="unaligned")["value"]
    controls = json.loads((stages.folder("quality", resolve_settings("test")) / "controls.json").read_text())[
        "reference"
    ]
    assert all(controls["as_written"] > controls[kind] for kind in controls if kind != "as_written"), controls


def test_sources_are_told_apart_and_shuffled_labels_are_not(chain):
    accuracy = value(chain, "source_accuracy", method="whole text")
    assert accuracy["low"] > value(chain, "source_accuracy", method="whole text", control="shuffled labels")["value"]
    assert value(chain, "score_r2 (text)", "hybrid")["value"] > value(chain, "score_r2 (mean)", "hybrid")["value"] == 0


def test_cases_are_shown_and_marked(chain):
    page = (stages.folder("cases", resolve_settings("test")) / "cases.html").read_text()
    assert page.count("<table") == 5 and "\u2713" in page and "hybrid" in page


def test_every_figure_is_saved_whole_and_drawn_again(chain, tmp_path):
    drawn = redraw("test", "demo", tmp_path)
    names = {p.stem for p in drawn}
    assert names >= {
        "alignment_effect",
        "explanations",
        "ratings",
        "discrimination",
        "score_prediction",
        "cases",
        "views",
    }
    made = [p for p in stages.folder("data", resolve_settings("test")).parent.glob("*/figures/*.png")]
    assert len(made) == len(drawn)
    for path in [*drawn, *made]:
        origin = json.loads(path.with_suffix(".json").read_text())
        assert origin["fingerprint"] and origin["stage"]
        assert all(path.with_suffix(f".{kind}").stat().st_size > 100 for kind in ("pdf", "svg", "csv"))


@pytest.mark.parametrize("path", sorted(paths.notebooks().glob("solutions/*.ipynb")), ids=lambda p: p.stem)
def test_the_solution_of_an_exercise_finds_what_it_asserts(chain, path):
    code = [c for c in nbformat.read(path, 4).cells if c.cell_type == "code"]
    (parameters,) = [c for c in code if "parameters" in c.metadata.get("tags", [])]
    parameters.source += '\nprofile = "test"'
    exec(compile("\n".join(c.source for c in code), str(path), "exec"), {"__name__": "__main__"})
    plt.close("all")


def test_a_finished_run_opens_and_answers(chain):
    opened = open_finished(resolve_settings("test"))
    assert set(opened.data.reasons["user_id"]) == set(opened.data.user_ids), "the demo's reasons come along"
    history = opened.split.test_histories[0][:5].tolist()
    for explainer in opened.explainers.values():
        (answer,) = explainer.recommend([history])
        assert len(set(answer.items)) == 5 and set(answer.items) <= set(range(1, len(opened.data.catalogue) + 1))
    (explanation,) = opened.explainers["hybrid"].explain([history], [answer.items[0]], "Use one sentence.")
    assert explanation.decision is not None and explanation.text.endswith(".")


def test_second_run_finds_everything_finished(chain, capsys):
    cli.main(["run", "--profile", "test"])
    out = capsys.readouterr().out
    assert "0 notebooks executed" in out and out.count("skipped") == len(stages.DEFAULT_STAGES)


def test_run_folders_hold_what_the_plan_says(chain):
    chosen = resolve_settings("test")
    for stage in stages.STAGES.keys() - set(stages.OPTIONAL_STAGES):
        folder = stages.folder(stage, chosen)
        manifest = json.loads((folder / "manifest.json").read_text())
        assert manifest["fingerprint"] == stages.fingerprint(stage, chosen)
        assert {"seed", "versions", "seconds", "device"} <= manifest.keys()
        assert (folder / f"{stages.STAGES[stage].notebook}.ipynb").is_file() and (folder / "config.json").is_file()
        assert not list(folder.rglob("*.part")) and not (folder / "checkpoints").exists()
        for path in folder.rglob("*"):
            assert path.suffix not in {".pt", ".pth", ".bin", ".pkl"}
    figures = stages.folder("effect", chosen) / "figures"
    assert {p.suffix for p in figures.glob("alignment_effect.*")} == {".pdf", ".svg", ".png", ".csv", ".json"}
    assert json.loads((figures / "alignment_effect.json").read_text())["inputs"].keys() >= {"target", "align-hybrid"}


def test_no_record_stands_twice(chain):
    assert all(tuple(r) == runs.RECORD for r in chain)
    assert len({tuple(r.values())[: runs.RECORD.index("value")] for r in chain}) == len(chain)


def test_unchanged_settings_give_the_same_records(chain, tmp_path, monkeypatch):
    monkeypatch.setenv("RECX_RUNS_DIR", str(tmp_path))
    cli.main(["run", "01", "02", "--profile", "test"])
    again = runs.results(tmp_path)
    assert {"target"} <= {r["stage"] for r in again} <= {"data", "target"}
    assert again == [r for r in chain if r["stage"] in ("data", "target")]
