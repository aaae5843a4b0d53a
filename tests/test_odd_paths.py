"""The kit, the runs, the cache and the data in folders whose names mean something to one library or another."""

import os
import shutil
import subprocess
import sys

import pytest

from recx import paths
from recx.storage import run_folder

ODD = "{profile} {v1} {} }{ 100% %20 [a]*? 'q' \"d\" $HOME `x` ; & # é \\ ü"


@pytest.fixture
def kit(tmp_path):
    """A copy of the kit, as a clone has it."""
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


def test_a_notebook_runs_in_them(kit, data, tmp_path):
    runs, cache = tmp_path / f"runs {ODD}", tmp_path / f"cache {ODD}"
    surroundings = {"PYTHONPATH": str(kit), "RECX_RUNS_DIR": str(runs), "RECX_CACHE_DIR": str(cache)}
    line = [sys.executable, "-m", "recx", "run", "01", "--profile", "test", "--dataset"]
    for dataset in ("demo", str(data)):
        done = subprocess.run(
            [*line, dataset], cwd=tmp_path, env=os.environ | surroundings, capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0 and "1 notebooks executed" in done.stdout, done.stdout + done.stderr
    assert {path.parts[-3].split()[0] for path in runs.glob("*/*/*/manifest.json")} == {"demo", "data"}
    assert {path.name for path in tmp_path.iterdir()} == {
        kit.name,
        data.name,
        runs.name,
        cache.name,
    } or not cache.exists()
    (made,) = (path.parent for path in runs.glob("test/demo/*/manifest.json"))
    assert run_folder.read_manifest(made) and list(made.glob("*.ipynb")) and list(made.glob("figures/*.png"))
