"""A recommender in the user's own file: run when the user names it, and not because a run names it."""

import json
import sys
from dataclasses import asdict

import pytest

from recx import paths
from recx.errors import SettingsError
from recx.pipeline import stages
from recx.playground.open_runs import OpenRuns
from recx.profiles.resolve import resolve_settings
from recx.recommenders.custom_recommender import load_module, remember, require_remembered
from recx.storage.run_folder import write_json

CODE = 'open(__file__ + ".ran", "w").close()\ndef build(items, length): return None\n'


@pytest.fixture(autouse=True)
def folders(tmp_path, monkeypatch):
    monkeypatch.setenv("RECX_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setenv("RECX_RUNS_DIR", str(tmp_path / "runs"))


def named(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(CODE)
    return file, resolve_settings("test", overrides={"target.kind": str(file), "align.modes": "behavior"})


def test_a_run_from_somebody_else_executes_no_code(tmp_path, monkeypatch):
    file, settings = named(tmp_path)
    folder = tmp_path / "runs" / "test" / "demo" / "target"
    folder.mkdir(parents=True)
    write_json(folder / "config.json", asdict(settings))
    monkeypatch.setattr(stages, "why_unfinished", lambda *_: "")
    for _ in range(2):
        with pytest.raises(SettingsError, match="you have not run it in its present form"):
            OpenRuns().get("test/demo").service("models")
    assert not (tmp_path / "mine.py.ran").exists()


def test_beginning_a_stage_with_a_file_names_it_in_its_present_form(tmp_path):
    file, settings = named(tmp_path)
    stages.begin_stage("data", settings)
    require_remembered(str(file))
    file.write_text(CODE + "\n# changed")
    with pytest.raises(SettingsError, match="in its present form"):
        require_remembered(str(file))
    remember(str(file))
    require_remembered(str(file))
    (paths.config() / "recommenders.json").write_text("[]")
    with pytest.raises(SettingsError):
        require_remembered(str(file))
    assert str(file.resolve()) not in json.loads((paths.config() / "recommenders.json").read_text())


def test_a_file_that_fails_leaves_no_module_behind(tmp_path):
    file = tmp_path / "broken.py"
    file.write_text("raise ValueError('no')")
    with pytest.raises(SettingsError, match="ValueError: no"):
        load_module(str(file))
    assert "recx_custom_broken" not in sys.modules
