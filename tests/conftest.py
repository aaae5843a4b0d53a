"""Shared fixtures: real data sets if available, a small catalogue, and small models."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock
from small_chain import start

from recx import paths
from recx.data.catalogue import build_catalogue
from recx.models.backbones import load_backbone

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ["RECX_CONFIG_DIR"] = os.path.join(os.devnull, "config")  # no data sets of whoever runs the tests
_SHARED = paths.ROOT.parent / "shared" / "data"


def data_folder() -> Path | None:
    found = paths.local_data() or _SHARED
    return found if found.is_dir() else None


def pytest_collection_modifyitems(items):
    """The longest file first: pytest-xdist's workers take files in this order, so that none waits for it at the end."""
    items.sort(key=lambda item: item.path.name != "test_chain.py")


@pytest.fixture
def real_data() -> Path:
    """Folder with real data sets; tests that need it are skipped if there is none."""
    if data_folder() is None:
        pytest.skip("no real data sets at hand (set RECX_DATA_DIR)")
    return data_folder()


def pytest_sessionfinish(session, exitstatus):
    """Fail in CI if a test was skipped for lack of real data although the data is available."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = [r for r in reporter.stats.get("skipped", []) if "real data" in str(r.longrepr)] if reporter else []
    if skipped and data_folder() is not None and os.environ.get("CI"):
        session.exitstatus = 1


@pytest.fixture(scope="session")
def small_run(tmp_path_factory):
    """Folder of a finished small chain, read-only; its results are meaningless.

    The workers of pytest-xdist share it: the first that needs it makes it, the others wait.
    """
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "small-run"
    with FileLock(f"{folder}.lock"):
        if not folder.exists():
            folder.with_suffix(".new").mkdir()
            process = start(folder.with_suffix(".new"))
            out, _ = process.communicate(timeout=900)
            assert process.returncode == 0, out.decode()[-2000:]
            folder.with_suffix(".new").rename(folder)
    return folder


@pytest.fixture(scope="session")
def rated_run(small_run, tmp_path_factory):
    """The small chain, with explanations that can be rated."""
    folder = tmp_path_factory.mktemp("rated-run") / "runs"
    shutil.copytree(small_run, folder)
    process = start(folder, ["07_explanation_quality"])
    out, _ = process.communicate(timeout=600)
    assert process.returncode == 0, out.decode()[-2000:]
    return folder


@pytest.fixture(scope="session")
def backbone():
    return load_backbone("recx-tiny")


@pytest.fixture
def small_catalogue():
    titles = ["Portal", "Portal 2", "Halo 3", "Okami", "Okami", "Rock &amp; Roll"]
    platform = [["PC"], ["PC"], ["Xbox 360"], ["Wii"], ["PlayStation 2"], []]
    genre = [["Puzzle"], ["Puzzle"], ["Shooter"], ["Adventure"], ["Adventure"], ["Music"]]
    return build_catalogue(list("abcdef"), titles, {"platform": platform, "genre": genre})


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def foreign_kernel(tmp_path, monkeypatch):
    """Kernels installed by a user, one of which has the name of the kit's kernel and cannot start."""
    for name in ("python3", "other"):
        folder = tmp_path / "share" / "kernels" / name
        folder.mkdir(parents=True)
        spec = {"argv": ["/no/such/python", "{connection_file}"], "display_name": "another", "language": "python"}
        (folder / "kernel.json").write_text(json.dumps(spec))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "share"))
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "share"))
