import json
import shutil

import pytest

from recx import cli, paths
from recx.errors import CheckpointError, SettingsError
from recx.pipeline import stages
from recx.pipeline.launch import resolve_notebooks
from recx.profiles.resolve import resolve_settings
from recx.storage import run_folder as runs


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("RECX_RUNS_DIR", str(tmp_path))
    return tmp_path


def test_a_stage_is_finished_only_with_its_manifest_and_settings(folder):
    chosen = resolve_settings("test")
    run = stages.open_run("data", chosen)
    assert not stages.is_finished("data", chosen)
    run.record([{"method": "x", "metric": "m", "value": 1.0}])
    run.finish(seed=0)
    assert stages.is_finished("data", chosen)
    assert not stages.is_finished("data", resolve_settings("test", overrides={"data.demo.users": 7}))
    assert stages.is_finished("data", resolve_settings("test", overrides={"target.epochs": 7}))
    stages.open_run("data", chosen)
    assert not stages.is_finished("data", chosen), "opening a run forgets that it was finished"


def test_inputs_must_be_there(folder):
    with pytest.raises(CheckpointError, match="01_dataset_statistics"):
        stages.open_run("target", resolve_settings("test"))
    with pytest.raises(CheckpointError, match="not finished"):
        stages.folder("target", resolve_settings("test"))


def test_downstream_fingerprints_follow_upstream():
    one, two = resolve_settings("test"), resolve_settings("test", overrides={"target.epochs": 7})
    assert stages.fingerprint("data", one) == stages.fingerprint("data", two)
    assert stages.fingerprint("effect", one) != stages.fingerprint("effect", two)
    assert stages.ALIGN["intention"] in stages.describe("align-hybrid", one).inputs
    alone = resolve_settings("test", overrides={"align.hybrid_from": "backbone"})
    assert stages.ALIGN["intention"] not in stages.describe("align-hybrid", alone).inputs
    with pytest.raises(SettingsError, match="hybrid_from"):
        resolve_settings("test", overrides={"align.hybrid_from": "behavior"})
    with pytest.raises(SettingsError, match="continued_weight"):
        resolve_settings("test", overrides={"align.continued_weight": 1.5})
    three = resolve_settings("test", overrides={"evaluate.pairs": 2})
    assert stages.fingerprint("align-hybrid", one) == stages.fingerprint("align-hybrid", three)


def test_results_are_records_of_finished_stages(folder, capsys):
    run = stages.open_run("data", resolve_settings("test"))
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
    run = stages.open_run("data", resolve_settings("test"))
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
    found = []
    for word in ("one", "two"):
        path.write_text(json.dumps([{"instruction": word, "output": word}]))
        found.append(stages.fingerprint("tasks", chosen))
    assert found[0] != found[1]


def inherited(stale):
    """A stage is stale where what it builds on is."""
    return ["data", "target", "effect"] if "data" in stale else stale


def test_changed_code_makes_its_stages_stale(folder, tmp_path_factory, monkeypatch):
    chosen = resolve_settings("test")
    copy = tmp_path_factory.mktemp("copy")
    for name in ("recx", "notebooks", "data"):
        shutil.copytree(paths.ROOT / name, copy / name)
    monkeypatch.setattr(paths, "ROOT", copy)
    stages.open_run("data", chosen).finish(seed=0)
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
    run = stages.open_run("data", chosen)
    run.save_json("numbers", {"a": 1})
    run.finish(seed=0)
    assert stages.why_unfinished("data", chosen) == ""
    (run.folder / "numbers.json").write_text("{")
    assert "numbers.json" in stages.why_unfinished("data", chosen)
    manifest = json.loads((run.folder / "manifest.json").read_text())
    (run.folder / "manifest.json").write_text(json.dumps(manifest | {"files": {"../../../etc/passwd": 1}}))
    assert "files" in stages.why_unfinished("data", chosen)


def test_damaged_manifest_means_unfinished(folder):
    chosen = resolve_settings("test")
    run = stages.open_run("data", chosen)
    run.finish(seed=0)
    (run.folder / "manifest.json").write_text("{")
    assert not stages.is_finished("data", chosen)


def test_notebooks_by_number_name_or_stage():
    assert resolve_notebooks([]) == list(stages.ORDER)
    given = ["06_alignment_effect.ipynb", "02", "04", "tasks", "02"]
    assert resolve_notebooks(given) == ["target", "tasks", "alignments", "effect"]
    with pytest.raises(SettingsError, match="00_tour"):
        resolve_notebooks(["99"])


@pytest.mark.parametrize(
    "words, message",
    [
        (["run", "--dataset", "nonesuch"], "Unknown data set"),
        (["run", "--profile", "huge"], "Unknown profile"),
        (["run", "--set", "target.epoch=1"], "Unknown setting"),
        (["run", "--set", "target.epochs"], "--set takes key=value"),
        (["run", "--set", "target.epochs=inf"], "takes int"),
        (["data", "describe", "nonesuch"], "Unknown data set"),
    ],
)
def test_cli_errors_are_one_line(folder, capsys, words, message):
    with pytest.raises(SystemExit) as stop:
        cli.main(words)
    assert stop.value.code == 2
    assert message in capsys.readouterr().err
    assert not any(folder.iterdir()), "nothing half-written is left behind"


def test_cli_lists_and_describes(capsys):
    cli.main(["data", "list"])
    assert {"demo", "games", "ml-100k"} <= {line.split()[0] for line in capsys.readouterr().out.splitlines()}
    cli.main(["data", "describe", "demo"])
    out = capsys.readouterr().out
    assert "Licence: MIT" in out and "items sharing a title" in out and "sparsity_percent" in out


def test_set_takes_several_pairs():
    assert cli._unfold_set(["run", "--set", "a=1", "b=2", "--dataset", "x"]) == [
        "run", "--set", "a=1", "--set", "b=2", "--dataset", "x",
    ]  # fmt: skip
