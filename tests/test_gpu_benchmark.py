"""The GPU benchmark runs to the end on a CPU with a tiny model, even without the packages that it does not need."""

import json
import os
import subprocess
import sys

import pytest

from recx import paths


@pytest.fixture
def without_readers(tmp_path):
    """An environment whose Python finds neither polars nor rapidfuzz, as on a machine with a GPU."""
    (tmp_path / "sitecustomize.py").write_text(
        "import importlib.util as util\n"
        "import sys\n"
        "class Missing:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name in ('polars', 'rapidfuzz', 'tyro', 'krippendorff', 'pooch'):\n"
        "            raise ModuleNotFoundError(f'No module named {name!r}')\n"
        "sys.meta_path.insert(0, Missing())\n"
        "find = util.find_spec\n"
        "def find_spec(name, package=None):\n"
        "    try:\n"
        "        return find(name, package)\n"
        "    except ModuleNotFoundError:\n"
        "        return None\n"
        "util.find_spec = find_spec\n"
    )
    return os.environ | {"PYTHONPATH": str(tmp_path)}


def measured(environment, *more):
    script = paths.ROOT / "benchmarks" / "gpu.py"
    done = subprocess.run([sys.executable, script, "--tiny", *more], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1].removeprefix("RESULT "))


def test_it_measures_each_way(without_readers):
    result = measured(without_readers, "--total", "500")
    assert [row["way"] for row in result["table"]][:3] == ["ours", "trainer", "reference"]
    assert all(row["steps"] > 0 and 0 < row["share_of_matrix_rate"] < 1 for row in result["table"])
    rates = [row["tokens_per_second"] for row in result["table"]]
    assert rates[2] < min(rates[:2]), "rows padded to 1,024 tokens cost more"
    assert all(result["decoding"][0][f"{what}_per_second"] > 0 for what in ("histories", "texts"))
    assert result["left_out"] == []


def test_nothing_is_started_after_the_deadline(without_readers):
    result = measured(without_readers, "--total", "0")
    assert result["table"] == result["decoding"] == []
    ways = [f"tiny {way} (no time)" for way in ("ours", "trainer", "reference", "decoding")]
    assert result["left_out"][:4] == ways
