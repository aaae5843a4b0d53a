import os
from pathlib import Path

import platformdirs
import pytest

from recx import cli, paths
from recx.errors import RecxError


def test_runs_lie_beside_a_package_that_one_can_write(monkeypatch):
    monkeypatch.delenv("RECX_RUNS_DIR", raising=False)
    monkeypatch.setattr(os, "access", lambda path, mode: True)
    assert paths.runs() == paths.ROOT / "runs" and paths.figures() == paths.ROOT / "figures"


def test_an_installation_of_somebody_else_leaves_runs_to_the_user(monkeypatch, tmp_path):
    monkeypatch.delenv("RECX_RUNS_DIR", raising=False)
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    own = Path(platformdirs.user_data_dir("recx"))
    assert paths.runs() == own / "runs" and paths.figures() == own / "figures"
    monkeypatch.setenv("RECX_RUNS_DIR", str(tmp_path))
    assert paths.runs() == tmp_path
    monkeypatch.setenv("RECX_RUNS_DIR", "~/mine")
    assert paths.runs() == Path.home() / "mine"


def test_runs_that_somebody_else_began_are_not_ours(monkeypatch, tmp_path):
    monkeypatch.delenv("RECX_RUNS_DIR", raising=False)
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    (tmp_path / "runs").mkdir()
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != tmp_path / "runs")
    assert paths.runs() == Path(platformdirs.user_data_dir("recx")) / "runs"
    assert paths.figures() == tmp_path / "figures"


@pytest.mark.parametrize("name", ["~nobody-of-this-name/runs", "a" * 300, "runs/" + "b" * 5000, "a\0b"])
def test_names_that_no_file_can_have_are_refused_in_one_sentence(name):
    with pytest.raises(RecxError, match="cannot be a path on this machine: .*[a-z].$"):
        paths.expanded(name)


def test_a_path_need_not_exist_yet(tmp_path):
    (tmp_path / "file").write_text("")
    assert paths.expanded(str(tmp_path / "new" / "folder")) == tmp_path / "new" / "folder"
    assert paths.expanded(tmp_path / "file" / "below") == tmp_path / "file" / "below", "the writer says why it cannot"
    assert paths.expanded("~/mine") == Path.home() / "mine"


@pytest.mark.parametrize(
    "words",
    [
        ["data", "describe", "~nobody-of-this-name/log"],
        ["data", "describe", "a" * 300],
        ["run", "--dataset", "~nobody-of-this-name/log", "data"],
        ["judge", "~nobody-of-this-name/texts.jsonl"],
        ["figures", "--out", "~nobody-of-this-name"],
        ["figures", "--profile", "/tmp"],
        ["explain", "--input", "a" * 300, "--output", "b.jsonl"],
    ],
)
def test_commands_refuse_such_paths_without_a_traceback(words, capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("RECX_RUNS_DIR", str(tmp_path))
    with pytest.raises(SystemExit):
        cli.main(words)
    said = capsys.readouterr().err
    assert said.startswith("recx: ") and "Traceback" not in said and len(said.splitlines()) < 4


def test_a_folder_that_cannot_be_made_is_one_sentence(monkeypatch, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("RECX_RUNS_DIR", str(tmp_path / "file" / "runs"))
    with pytest.raises(SystemExit, match="2"):
        cli.main(["run", "00", "--profile", "test"])
    assert "cannot be written (Not a directory). Name another folder with RECX_RUNS_DIR." in capsys.readouterr().err


def test_a_user_without_a_home_is_told_what_to_set(monkeypatch, tmp_path):
    def homeless(name):
        raise RuntimeError("could not determine the home directory")

    monkeypatch.setattr(platformdirs, "user_cache_dir", homeless)
    monkeypatch.delenv("RECX_CACHE_DIR", raising=False)
    with pytest.raises(RecxError, match="no home folder. Set HOME"):
        paths.cache()
    monkeypatch.setenv("RECX_CACHE_DIR", str(tmp_path))
    assert paths.cache() == tmp_path
