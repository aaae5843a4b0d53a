"""A reduced chain around recommenders written outside the package; the test is that it runs."""

import os
import subprocess
import sys

import pytest
import torch
from small_chain import CORE, SMALL

from recx import paths
from recx.cli import main
from recx.storage import run_folder as runs

BLACK_BOX = """
import numpy as np
from recx.recommenders.blackbox import BlackBox

def build(items, length):
    def score(histories):  # items near the latest one, by number
        return np.array([[-abs(i - h[-1]) for i in range(items + 1)] for h in histories])
    return BlackBox(score, items, length)
"""


@pytest.mark.chain
@pytest.mark.parametrize("kind", ["docs/own_recommender.py", "box.py"])
def test_the_chain_around_ones_own(tmp_path, kind):
    (tmp_path / "box.py").write_text(BLACK_BOX)
    path = paths.ROOT / kind if kind.startswith("docs") else tmp_path / kind
    chosen = SMALL | {"target.kind": path, "align.modes": "intention" if kind.startswith("docs") else "behavior"}
    # What notebook 06 asks of a target is the same for both; the black box is the one that answers in another way.
    stages = CORE if kind == "box.py" else CORE[:-1]
    words = [word for key, value in chosen.items() for word in ("--set", f"{key}={value}")]
    done = subprocess.run(
        [sys.executable, "-m", "recx", "run", *stages, "--profile", "test", *words],
        env=os.environ | {"RECX_RUNS_DIR": str(tmp_path / "runs")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    records = runs.results(tmp_path / "runs")
    last = "effect" if kind == "box.py" else f"align-{chosen['align.modes']}"
    assert {r["mode"] for r in records if r["stage"] == last and r["mode"]} == {chosen["align.modes"]}
    target = {r["method"]: r["value"] for r in records if r["stage"] == "target" and r["metric"] == "ndcg@10"}
    assert path.stem in target
    draws = {r["metric"]: r["value"] for r in records if r["method"] == "labels"}
    if kind == "box.py":  # the two neighbours of the latest item have one score, unless one of them is seen
        assert 0.3 < draws["tied_first"] < 1 and 0 < draws["tied_ranking"] < 0.1 and draws["undecided"] == 0
        assert draws["no_preference"] == 0
    else:
        assert target["own_recommender"] > 2 * target["popularity"]


def test_the_black_box_of_the_document_is_asked_about_ids_of_the_files(tmp_path, monkeypatch):
    monkeypatch.setenv("RECX_CONFIG_DIR", str(tmp_path / "config"))
    (tmp_path / "plays").mkdir()
    rows = [f"u{u},song-{(u + n) % 12},{n}" for u in range(20) for n in range(8)]
    (tmp_path / "plays" / "log.csv").write_text("\n".join(["user_id,item_id,timestamp", *rows]))
    main(["data", "add", "plays", str(tmp_path / "plays")])
    code = (paths.ROOT / "docs" / "own_recommender.md").read_text().split("```python\n")[1].split("```")[0]
    asked = []

    def my_scores(history):
        asked.append(history)
        return {"song-7": 1.0, "song-3": 2.0}

    scope = {"my_scores": my_scores}
    exec(code, scope)
    best = scope["build"](12, 10).score(torch.tensor([[0, 1, 2]])).argsort(descending=True)[0]
    assert [scope["ids"][i] for i in best[:2]] == ["song-3", "song-7"] and asked == [["song-0", "song-1"]]
