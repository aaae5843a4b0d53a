"""Open runs: each data set and model is read once, both in a notebook and behind the web page."""

import os
import subprocess
from dataclasses import asdict
from types import SimpleNamespace

import pandas as pd
import pytest
import torch

from recx.data import registry
from recx.data.split import leave_one_out
from recx.errors import CheckpointError, SettingsError
from recx.explaining.aligned import AlignedExplainer
from recx.models.saved_models import build_aligned
from recx.pipeline import finished, stages
from recx.playground import open_runs, shipped_run
from recx.playground.in_notebook import serve_in_notebook
from recx.playground.open_runs import OpenRuns
from recx.playground.widgets.app_form import app
from recx.profiles.resolve import resolve_settings
from recx.recommenders.sasrec import SASRec
from recx.settings import BackboneSettings, TargetShape
from recx.storage.run_folder import write_json

SETTINGS = resolve_settings(overrides={"align.modes": "behavior"})


@pytest.fixture(scope="module")
def opened():
    """The demo with an untrained target and untrained models."""
    data = registry.load_dataset(SETTINGS.data)
    torch.manual_seed(0)
    target = SASRec(len(data.catalogue), TargetShape(width=16)).eval().requires_grad_(False)
    model, tokenizer = build_aligned(BackboneSettings(), None, None)
    explainer = AlignedExplainer(model.eval(), tokenizer, "behavior", data.catalogue, target, target.length)
    explainers = {"unaligned": explainer, "behavior": explainer}
    return finished.FinishedRun(data, leave_one_out(data.sequences), target, explainers)


@pytest.fixture
def loaded(opened, monkeypatch, tmp_path):
    """The names of everything that is loaded or started from now on, with an empty folder of runs."""
    names = []

    def spy(name, value):
        def called(*_, **__):
            names.append(name)
            return value

        return called

    data, target, explainers = (spy(n, getattr(opened, n)) for n in ("data", "target", "explainers"))
    monkeypatch.setattr(registry, "load_dataset", data)
    monkeypatch.setattr(finished, "load_dataset", data)
    monkeypatch.setattr(finished, "load_target", target)
    monkeypatch.setattr(finished, "load_explainers", explainers)
    monkeypatch.setattr(subprocess, "Popen", spy("process", None))
    monkeypatch.setattr(stages, "why_unfinished", lambda *_: "")
    monkeypatch.setattr(stages, "folder", lambda *_: tmp_path)
    monkeypatch.setenv("RECX_RUNS_DIR", str(tmp_path / "runs"))
    return names


def write_run(tmp_path, dataset="demo"):
    folder = tmp_path / "runs" / "tiny" / dataset
    (folder / "target").mkdir(parents=True)
    write_json(folder / "target" / "config.json", asdict(SETTINGS))


def test_texts_are_rated_further_after_their_ratings_were_evaluated(tmp_path, monkeypatch):
    monkeypatch.setenv("RECX_RUNS_DIR", str(tmp_path))
    folder = tmp_path / "tiny" / "demo"
    chosen = resolve_settings(overrides={"evaluate.ratings": str(folder / "ratings")})
    stage = stages.run_of("quality", chosen).begin()
    columns = {"method": "ours", "pair": 0, "history": [["A"]], "item": "B", "target": True, "text": "Why not?"}
    stage.save_frame("explanations", pd.DataFrame(columns))

    def ratings():
        run = open_runs.OpenRun(folder, chosen)
        run._services["histories"] = SimpleNamespace(max_history=5)
        return run.service("ratings")

    with pytest.raises(CheckpointError, match="'quality' is not finished"):
        ratings()
    stage.finish(seed=0)
    ratings().rate("Ann", 0, 3)
    assert not stages.is_finished("quality", chosen)
    assert ratings().next_question("Ann")["done"] == 1
    monkeypatch.setattr(stages, "inputs_of", lambda *_: ())  # the models are other ones now
    with pytest.raises(CheckpointError, match="'quality' is not finished"):
        ratings()


def every(widget):
    yield widget
    for child in getattr(widget, "children", ()):
        yield from every(child)


def test_a_notebook_answers_from_the_run_it_has_opened(opened, loaded):
    client = serve_in_notebook(opened, SETTINGS)
    shown = {getattr(w, "description", ""): w for w in every(app("tiny/demo", client))}
    assert shown["run"].value == "tiny/demo" and shown["Ask"].disabled is False
    client = client.bind(run="tiny/demo")
    question = {"history": opened.split.test_histories[0].tolist(), "item": 9}
    assert client.call("ask_target", **question)["top"]
    *_, answer = client.stream("explain", model="behavior", **question)
    (explained,) = opened.explainers["behavior"].explain([question["history"]], [9])
    assert answer["text"] == explained.text
    assert not loaded


def test_another_cell_uses_the_same_server_and_the_latest_run(opened, loaded):
    first, second = serve_in_notebook(opened, SETTINGS), serve_in_notebook(opened, SETTINGS)
    assert first.port == second.port and not loaded


def test_a_kept_run_is_never_closed(opened, loaded, tmp_path):
    runs = OpenRuns()
    runs.keep(open_runs.OpenRun(tmp_path / "runs" / "tiny" / "demo", SETTINGS, opened))
    kept = runs.get("tiny/demo").service("models")
    for dataset in ("one", "two", "three"):
        write_run(tmp_path, dataset)
        runs.get(f"tiny/{dataset}").service("histories")
    assert runs.get("tiny/demo").service("models") is kept and kept.target is opened.target
    assert [row["name"] for row in runs.runs() if not row["why"]] == ["tiny/one", "tiny/three", "tiny/two", "tiny/demo"]
    write_run(tmp_path)
    assert [row["name"] for row in runs.runs() if not row["why"]] == ["tiny/demo", "tiny/one", "tiny/three", "tiny/two"]


def test_runs_of_ones_own_come_before_the_shipped_model(opened, loaded, tmp_path, monkeypatch):
    monkeypatch.setattr(shipped_run, "why_not_ready", lambda: "")
    write_run(tmp_path)
    assert [row["name"] for row in shipped_run.open_runs().runs()] == ["tiny/demo", "shipped/demo"]


def test_a_run_on_disk_is_read_once(opened, loaded, tmp_path):
    write_run(tmp_path)
    run = OpenRuns().get("tiny/demo")
    assert run.service("histories").about()["users"] == len(opened.data.user_ids)
    assert loaded == ["data"]  # the form is there before any model
    assert run.service("models").explainers == opened.explainers
    run.service("models")
    assert loaded == ["data", "target", "explainers"]


def test_unfinished_and_unknown_runs_are_refused(loaded, tmp_path, monkeypatch):
    write_run(tmp_path)
    monkeypatch.setattr(stages, "why_unfinished", lambda *_: "not finished yet")
    runs = OpenRuns()
    for _ in range(2):
        with pytest.raises(SettingsError, match="not finished yet"):
            runs.get("tiny/demo").service("histories")
    with pytest.raises(SettingsError, match="no run"):
        runs.get("../demo")
    assert [row["why"] for row in runs.runs()] == ["not finished yet"] and not loaded


def test_a_run_that_was_made_again_is_opened_again(opened, loaded, tmp_path):
    write_run(tmp_path)
    runs = OpenRuns()
    first = runs.get("tiny/demo")
    assert runs.get("tiny/demo") is first
    for config in tmp_path.rglob("config.json"):
        os.utime(config, ns=(1, config.stat().st_mtime_ns + 1_000_000_000))
    assert runs.get("tiny/demo") is not first


def test_a_damaged_run_does_not_hide_the_others(loaded, tmp_path, monkeypatch):
    write_run(tmp_path)
    for error in (RuntimeError("no home"), OSError("name too long"), RecursionError("deep")):

        def failing(*_, error=error):
            raise error

        monkeypatch.setattr(stages, "why_unfinished", failing)
        assert [row["why"] for row in OpenRuns().runs()] == [str(error)]
