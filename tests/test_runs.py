import dataclasses
import json
import os
import shlex
import shutil

import nbformat
import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import save_file

from recx import cli, paths
from recx.commands import run_command
from recx.errors import CheckpointError, DataError, SettingsError
from recx.pipeline import stages
from recx.pipeline.finished import open_finished
from recx.pipeline.launch import QUIET, _execute, prepare, quiet_libraries, resolve_notebooks
from recx.playground.open_runs import command_of, settings_of
from recx.profiles.resolve import parse_overrides, resolve_settings
from recx.storage import run_folder as runs


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("RECX_RUNS_DIR", str(tmp_path))
    return tmp_path


def test_a_stage_is_finished_only_with_its_manifest_and_settings(folder):
    chosen = resolve_settings("test")
    run = stages.begin_stage("data", chosen)
    assert not stages.is_finished("data", chosen)
    run.record([{"method": "x", "metric": "m", "value": 1.0}])
    run.finish(seed=0)
    assert stages.is_finished("data", chosen)
    assert not stages.is_finished("data", resolve_settings("test", overrides={"data.demo.users": 7}))
    assert stages.is_finished("data", resolve_settings("test", overrides={"target.epochs": 7}))
    stages.begin_stage("data", chosen)
    assert not stages.is_finished("data", chosen), "opening a run forgets that it was finished"


def test_inputs_must_be_there(folder):
    with pytest.raises(CheckpointError, match="01_dataset_statistics"):
        stages.begin_stage("target", resolve_settings("test"))
    with pytest.raises(CheckpointError, match="not finished"):
        stages.folder("target", resolve_settings("test"))


def test_on_public_files_notebook_13_needs_no_target(folder, tmp_path):
    with pytest.raises(CheckpointError, match="02_train_recommender"):
        stages.begin_stage("llmxrec", resolve_settings("test"))
    chosen = resolve_settings("test", overrides={"llmxrec.files": str(tmp_path)})
    assert stages.begin_stage("llmxrec", chosen).inputs == {}


def test_a_finished_run_opens_by_the_name_of_its_data_set(folder, monkeypatch):
    monkeypatch.delenv("RECX_DATA_DIR", raising=False)
    monkeypatch.setenv("RECX_CACHE_DIR", str(folder))
    with pytest.raises(CheckpointError, match="tiny.demo.target: stage 'target' is not finished"):
        open_finished("demo")
    with pytest.raises(DataError, match="'ml-100k' does not ship"):
        open_finished("ml-100k")
    with pytest.raises(SettingsError, match="Unknown data set"):
        open_finished("nonesuch")


def test_frames_come_back_as_they_were(folder):
    run = stages.begin_stage("data", resolve_settings("test"))
    frame = pd.DataFrame(
        {"pair": [0, 1], "history": [["Halo", "Portal"], []], "decision": [True, None], "score": [0.5, float("nan")]}
    )
    run.save_frame("explanations", frame)
    pd.testing.assert_frame_equal(runs.read_frame(run.folder / "explanations.parquet"), frame)
    assert [p.name for p in run.folder.glob("*.part")] == []
    (run.folder / "explanations.parquet").write_bytes(b"PAR1")
    with pytest.raises(CheckpointError, match="cannot be read"):
        runs.read_frame(run.folder / "explanations.parquet")


def test_downstream_fingerprints_follow_upstream():
    one, two = resolve_settings("test"), resolve_settings("test", overrides={"target.epochs": 7})
    assert stages.fingerprint("data", one) == stages.fingerprint("data", two)
    assert stages.fingerprint("effect", one) != stages.fingerprint("effect", two)
    assert stages.ALIGN["intention"] in stages.run_of("align-hybrid", one).inputs
    alone = resolve_settings("test", overrides={"align.hybrid_from": "backbone"})
    assert stages.ALIGN["intention"] not in stages.run_of("align-hybrid", alone).inputs
    with pytest.raises(SettingsError, match="hybrid_from"):
        resolve_settings("test", overrides={"align.hybrid_from": "behavior"})
    with pytest.raises(SettingsError, match="continued_weight"):
        resolve_settings("test", overrides={"align.continued_weight": 1.5})
    three = resolve_settings("test", overrides={"evaluate.pairs": 2})
    assert stages.fingerprint("align-hybrid", one) == stages.fingerprint("align-hybrid", three)


def test_results_are_records_of_finished_stages(folder, capsys):
    run = stages.begin_stage("data", resolve_settings("test"))
    run.record([{"method": "x", "metric": "m", "value": 0.5, "low": 0.4, "high": 0.6, "n": 9}])
    cli.main(["results", "--json"])
    assert json.loads(capsys.readouterr().out) == []
    run.finish(seed=0)
    cli.main(["results", "--json"])
    (record,) = json.loads(capsys.readouterr().out)
    assert tuple(record) == runs.RECORD and record["value"] == 0.5 and record["dataset"] == "demo"
    cli.main(["results"])
    assert "[0.400, 0.600]" in capsys.readouterr().out


def test_what_has_no_value_is_null(folder, capsys):
    run = stages.begin_stage("data", resolve_settings("test"))
    run.record(
        [{"method": "m", "metric": "x", "value": float("nan"), "low": float("nan"), "high": float("nan"), "n": 0}]
    )
    run.finish(seed=0)
    cli.main(["results", "--json"])
    assert json.loads(capsys.readouterr().out, parse_constant=pytest.fail)[0]["value"] is None
    cli.main(["results"])
    assert "x " in capsys.readouterr().out


def test_other_conversations_make_other_tasks(folder, tmp_path):
    path = tmp_path / "talk.json"
    chosen = resolve_settings("test", overrides={"align.conversations": str(path)})
    fingerprints = []
    for word in ("one", "two"):
        path.write_text(json.dumps([{"instruction": word, "output": word}]))
        fingerprints.append(stages.fingerprint("tasks", chosen))
    assert fingerprints[0] != fingerprints[1]


def test_changed_ratings_and_imported_texts_make_their_readers_stale(folder, tmp_path):
    path = tmp_path / "given.jsonl"
    for key, readers in (("ratings", {"quality"}), ("imported", {"effect", "quality"})):
        chosen = resolve_settings("test", overrides={f"evaluate.{key}": str(path)})
        fingerprints = []
        for text in ("one", "another"):
            path.write_text(text)
            fingerprints.append({name: stages.fingerprint(name, chosen) for name in ("target", "effect", "quality")})
        assert {name for name, old in fingerprints[0].items() if fingerprints[1][name] != old} == readers


def inherited(stale):
    """A stage is stale if one of its inputs is."""
    return ["data", "target", "effect"] if "data" in stale else stale


def test_changed_code_makes_its_stages_stale(folder, tmp_path_factory, monkeypatch):
    chosen = resolve_settings("test")
    copy = tmp_path_factory.mktemp("copy")
    for name in ("recx", "notebooks", "data"):
        shutil.copytree(paths.ROOT / name, copy / name)
    monkeypatch.setattr(paths, "ROOT", copy)
    stages.begin_stage("data", chosen).finish(seed=0)
    before = {name: stages.fingerprint(name, chosen) for name in ("data", "target", "effect")}
    # What each notebook reaches through imports, the layers apart: 01 draws figures and shows published numbers.
    touched = {
        "recommenders/ranking.py": ["target", "effect"],
        "plots/dataset_plots.py": ["data", "target", "effect"],
        "evaluation/published.py": ["data", "effect"],
        "decoding/constrained.py": ["effect"],
    }
    for module, stale in touched.items():
        code = copy / "recx" / module
        code.write_text(code.read_text() + "\n# changed\n")
        after = {name: stages.fingerprint(name, chosen) for name in before}
        assert [n for n in before if after[n] != before[n]] == inherited(stale), module
        before = after
    reader = copy / "recx" / "data" / "split.py"
    reader.write_text(reader.read_text() + "\n# changed\n")
    assert stages.why_unfinished("data", chosen) == "settings, inputs or code have changed"


def test_a_file_that_is_gone_or_cut_is_noticed(folder):
    chosen = resolve_settings("test")
    run = stages.begin_stage("data", chosen)
    run.save_json("numbers", {"a": 1})
    run.finish(seed=0)
    assert stages.why_unfinished("data", chosen) == ""
    (run.folder / "numbers.json").write_text("{")
    assert "numbers.json" in stages.why_unfinished("data", chosen)
    manifest = json.loads((run.folder / "manifest.json").read_text())
    (run.folder / "manifest.json").write_text(json.dumps(manifest | {"files": {"../../../etc/passwd": 1}}))
    assert "files" in stages.why_unfinished("data", chosen)


def test_whoever_may_read_the_folder_may_read_its_weights(folder):
    run = stages.begin_stage("data", resolve_settings("test"))
    save_file({"w": torch.zeros(2)}, run.folder / "weights.safetensors")
    (run.folder / "config.json").chmod(0o644)
    run.finish(seed=0)
    assert (run.folder / "weights.safetensors").stat().st_mode & 0o777 == 0o644


def test_damaged_manifest_means_unfinished(folder):
    chosen = resolve_settings("test")
    run = stages.begin_stage("data", chosen)
    run.finish(seed=0)
    (run.folder / "manifest.json").write_text("{")
    assert not stages.is_finished("data", chosen)


def test_notebooks_by_number_name_or_stage():
    assert resolve_notebooks([]) == list(stages.DEFAULT_STAGES)
    given = ["06_alignment_effect.ipynb", "02", "04", "tasks", "02"]
    assert resolve_notebooks(given) == ["target", "tasks", "alignments", "effect"]
    with pytest.raises(SettingsError, match="00_tour"):
        resolve_notebooks(["99"])


@pytest.mark.parametrize(
    "words, message",
    [
        (["run", "--dataset", "nonesuch"], "Unknown data set"),
        (["run", "--profile", "huge"], "Unknown profile"),
        (["run", "99_nonesuch"], "There is no notebook"),
        (["run", "--dataset", "games", "--data-dir", "/nonesuch"], "not found in /nonesuch"),
        (["run", "--set", "align.conversations=/nonesuch"], "no such file"),
        (["run", "--set", "target.kind=nonesuch.py"], "no such file"),
        (["run", "--set", "llmxrec.files=nonesuch"], "no such file"),
        (["run", "--set", "llmxrec.instructions=nonesuch"], "no such file"),
        (["run", "--set", "target.epoch=1"], "Unknown setting"),
        (["run", "--set", "target.epochs"], "--set expects key=value"),
        (["run", "--set", "target.epochs=inf"], "must be of type int"),
        (["run", "01", "--set", "data.name=nosuch"], "Use --dataset instead"),
        (["run", "--set", "profile=huge"], "Use --profile instead"),
        (["data", "describe", "nonesuch"], "Unknown data set"),
    ],
)
def test_cli_errors_are_one_line(folder, capsys, words, message):
    with pytest.raises(SystemExit) as stop:
        cli.main(words)
    assert stop.value.code == 2
    shown = capsys.readouterr()
    assert message in shown.err and shown.err.count("\n") == 1 and shown.out == "", "what is wrong, and nothing else"
    assert not any(folder.iterdir()), "nothing half-written is left behind"


def test_cli_lists_and_describes(capsys):
    cli.main(["data", "list"])
    assert {"demo", "games", "ml-100k"} <= {line.split()[0] for line in capsys.readouterr().out.splitlines()}
    cli.main(["data", "describe", "demo"])
    out = capsys.readouterr().out
    assert "Licence: MIT" in out and "items that share a title" in out and "sparsity_percent" in out


@pytest.mark.parametrize("verbose", [False, True])
def test_a_run_prints_how_it_differs(folder, capsys, monkeypatch, verbose):
    monkeypatch.setattr(run_command, "run_all", lambda plan: 0)
    cli.main(["run", "--set", "target.seed=7", "evaluate.shots=1", *(["--verbose"] if verbose else [])])
    out = capsys.readouterr().out
    assert ("target.seed=7" in out and "evaluate.shots=1" in out) != verbose
    assert ("follow_series=0.45" in out) == verbose


def test_paths_are_made_absolute_before_kernels_start_elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text("")
    (tmp_path / "people.jsonl").write_text("")
    named = {"target.kind": "mine.py", "evaluate.ratings": "people.jsonl", "align.conversations": ""}
    named |= {"align.relation_from": "aligned"}
    (tmp_path / "aligned").mkdir()
    (tmp_path / "sasrec").mkdir()
    plan = prepare(["02"], "test", "demo", "", named)
    assert plan.stages == ("target",)
    assert plan.settings.target.kind == plan.parameters["overrides"]["target.kind"] == str(tmp_path / "mine.py")
    assert plan.settings.evaluate.ratings == str(tmp_path / "people.jsonl")
    assert plan.settings.align.conversations == "", "an empty name is not the present folder"
    assert plan.settings.align.relation_from == str(tmp_path / "aligned"), "it may be a folder"
    assert prepare(["02"], "test", "demo", "", {"target.kind": "sasrec"}).settings.target.kind == "sasrec"


def unset(monkeypatch, names):
    for name in names:
        monkeypatch.setenv(name, "")  # so that it is gone again afterwards too
        monkeypatch.delenv(name)


def test_a_kernel_shows_no_bars_or_advice_of_libraries(tmp_path, monkeypatch):
    code = """import sys, warnings
from transformers import AutoModelForCausalLM
from transformers.utils import logging
AutoModelForCausalLM.from_pretrained("data/backbones/recx-tiny")
logging.get_logger("transformers.generation").warning("advice")
logging.get_logger("transformers.generation").warning_advice("advice")
exec(compile("warnings.warn('old', FutureWarning); warnings.warn('old', DeprecationWarning)", "library.py", "exec"))
print("done")"""
    unset(monkeypatch, QUIET)
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    (tmp_path / "made").mkdir()
    nbformat.write(notebook, tmp_path / "loads.ipynb")
    monkeypatch.setattr(paths, "notebooks", lambda: tmp_path)
    _execute("tour", "loads", tmp_path / "made", {}, quiet=True)
    (cell,) = [c for c in nbformat.read(tmp_path / "made" / "loads.ipynb", 4).cells if "transformers" in c.source]
    assert [output["text"] for output in cell.outputs] == ["done\n"]


def test_variables_of_the_person_are_kept(monkeypatch):
    unset(monkeypatch, QUIET)
    monkeypatch.setenv("TRANSFORMERS_VERBOSITY", "info")
    quiet_libraries()
    assert {name: os.environ[name] for name in QUIET} == {**QUIET, "TRANSFORMERS_VERBOSITY": "info"}


@pytest.mark.parametrize(
    "overrides",
    [
        {},
        {"target.kind": "mf"},
        {"target.kind": "mf", "target.epochs": 40},  # the default, which the kind of target changes
        {"target.kind": "a folder/mine.py", "align.modes": "behavior"},
        {"evaluate.ratings": "my ratings=1.jsonl", "align.fit.gradient_checkpointing": "true"},
    ],
)
def test_the_command_of_a_run_makes_it_again(folder, overrides):
    settings = resolve_settings("test", "games", "/some where", overrides)
    words = shlex.split(command_of(settings))
    assert words[:2] == ["recx", "run"] and words[2:8:2] == ["--profile", "--dataset", "--data-dir"]
    assert resolve_settings(*words[3:8:2], parse_overrides(words[9:])) == settings
    config = folder / "config.json"
    config.write_text(json.dumps(dataclasses.asdict(settings)))
    assert settings_of(config) == settings


def test_set_takes_several_pairs():
    assert cli._unfold_set(["run", "--set", "a=1", "b=2", "--dataset", "x"]) == [
        "run", "--set", "a=1", "--set", "b=2", "--dataset", "x",
    ]  # fmt: skip


def test_default_filters_and_tokenizer_files_count(folder, monkeypatch, tmp_path):
    chosen = resolve_settings("test")
    before = stages.fingerprint("data", chosen)
    monkeypatch.setattr(stages, "default_filtering", lambda name: {"": {"min_item": 9}})
    assert stages.fingerprint("data", chosen) != before
    backbone = tmp_path / "backbone"
    backbone.mkdir()
    (backbone / "config.json").write_text("{}")
    (backbone / "merges.txt").write_text("a b")
    own = resolve_settings("test", overrides={"align.backbone.name": str(backbone)})
    before = stages.fingerprint("tasks", own)
    (backbone / "merges.txt").write_text("a c")
    assert stages.fingerprint("tasks", own) != before


def test_the_tour_is_made_again_once_the_shipped_model_can_be_opened(folder, monkeypatch):
    chosen = resolve_settings("test")
    monkeypatch.setattr(stages, "is_here", lambda name: False)
    before = stages.fingerprint("tour", chosen)
    monkeypatch.setattr(stages, "is_here", lambda name: True)
    assert stages.fingerprint("tour", chosen) != before


def test_hidden_files_of_the_system_belong_to_no_stage(folder):
    chosen = resolve_settings("test")
    run = stages.begin_stage("data", chosen)
    (run.folder / ".DS_Store").write_text("a")
    run.finish(seed=0)
    (run.folder / ".DS_Store").write_text("longer")
    assert stages.is_finished("data", chosen)
    kept = run.checkpoints()
    kept.parent.mkdir(parents=True)
    (kept.parent / ".DS_Store").write_text("a")
    assert run.checkpoints() == kept
    (run.folder / "manifest.json").write_text("[]")
    assert stages.why_unfinished("data", chosen) == "not finished yet"


def test_numbers_of_numpy_are_numbers(folder):
    run = stages.begin_stage("data", resolve_settings("test"))
    run.record([{"method": "m", "metric": "x", "value": np.float32("nan"), "low": np.float32(0.5), "n": np.int64(3)}])
    run.finish(seed=np.int64(4))
    (record,) = runs.results()
    assert (record["value"], record["low"], record["n"]) == (None, 0.5, 3)
    assert runs.read_manifest(run.folder)["seed"] == 4
