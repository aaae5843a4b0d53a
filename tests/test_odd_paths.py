"""The kit, runs, cache and data in folders whose names have a special meaning to some library."""

import os
import shutil
import subprocess
import sys

import pytest

from recx import paths
from recx.pipeline.saved_figures import redraw
from recx.storage import run_folder

ODD = "{profile} {v1} {} }{ 100% %20 [a]*? 'q' \"d\" $HOME `x` ; & # é \\ ü"


@pytest.fixture
def kit(tmp_path):
    """A copy of the kit with the files of a clone."""
    kit = tmp_path / f"kit {ODD}"
    for name in ("recx", "notebooks", "data"):
        shutil.copytree(paths.ROOT / name, kit / name, ignore=shutil.ignore_patterns("__pycache__"))
    return kit


@pytest.fixture
def data(tmp_path):
    """A data set of 40 people."""
    data = tmp_path / f"data {ODD}"
    data.mkdir()
    titles = [f"{n},Title {n}" for n in range(30)]
    rows = [f"{u},{(u * 7 + n * 3) % 30},{n}" for u in range(40) for n in range(10)]
    (data / "items.csv").write_text("\n".join(["item_id,title", *titles]))
    (data / "interactions.csv").write_text("\n".join(["user_id,item_id,timestamp", *rows]))
    return data


def test_a_notebook_runs_in_them_and_its_figures_are_drawn_again(kit, data, tmp_path, monkeypatch):
    runs, cache = tmp_path / f"runs {ODD}", tmp_path / f"cache {ODD}"
    surroundings = {"PYTHONPATH": str(kit), "RECX_RUNS_DIR": str(runs), "RECX_CACHE_DIR": str(cache)}
    line = [sys.executable, "-m", "recx", "run", "01", "--profile", "test", "--dataset"]
    for dataset in ("demo", str(data)):
        done = subprocess.run(
            [*line, dataset], cwd=tmp_path, env=os.environ | surroundings, capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0 and "1 notebooks executed" in done.stdout, done.stdout + done.stderr
    assert {path.parts[-3].split()[0] for path in runs.glob("*/*/*/manifest.json")} == {"demo", "data"}
    monkeypatch.setenv("RECX_RUNS_DIR", str(runs))
    (own,) = (folder for folder in (runs / "test").iterdir() if folder.name != "demo")
    (made,) = own.glob("*/manifest.json")
    assert run_folder.read_manifest(made.parent) and list(made.parent.glob("*.ipynb"))
    drawn = redraw("test", own.name, tmp_path / f"figures {ODD}")
    assert drawn and all(path.is_file() and path.parts[-3] == f"test-{own.name}" for path in drawn)
    # Nothing was written under a name that one of them had read out of a path.
    assert {path.name.split()[0] for path in tmp_path.iterdir()} <= {"kit", "data", "runs", "cache", "figures"}
    assert not [path for path in tmp_path.iterdir() if not path.name.endswith(ODD)]
