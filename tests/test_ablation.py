"""The grid of trainings, on the small chain."""

import json
import shutil

import pytest
from small_chain import start

from recx.pipeline import ablation
from recx.profiles.resolve import resolve_settings
from recx.storage.run_folder import read_json

SET = {"ablate.seeds": 1, "ablate.scale": 0.5, "ablate.users": 12, "ablate.pairs": 6, "align.hybrid_from": "backbone"}
# Two at a time even where there is one core: a single one trains in the notebook, whose prints reach no console.
GRID = [word for key, value in {**SET, "ablate.at_once": 2}.items() for word in ("--set", f"{key}={value}")]


def test_what_is_left_keeps_its_rows():
    chosen = resolve_settings("tiny", "demo")
    full, less = (ablation.variant_overrides(chosen, v, 0) for v in ("full", "without task 3"))
    shares = chosen.align.shares
    left = 1 - shares.preference - shares.explanation
    assert less["align.rows_hybrid"] == pytest.approx(full["align.rows_hybrid"] * left, abs=1)
    assert less["align.shares.preference"] == less["align.shares.explanation"] == less["align.own_words"] == 0
    assert full["variant"] != less["variant"]


@pytest.mark.parametrize(
    ("told", "cores", "expected"), [(0, 2, (2, 1)), (0, 1, (1, 1)), (0, 16, (4, 4)), (3, 8, (3, 2))]
)
def test_trainings_share_the_cores(monkeypatch, told, cores, expected):
    monkeypatch.setattr(ablation.joblib, "cpu_count", lambda: cores)
    monkeypatch.setattr(ablation.torch.cuda, "is_available", lambda: False)
    assert ablation.processes(resolve_settings("tiny", "demo", overrides={"ablate.at_once": told})) == expected


def test_the_grid_is_measured_and_taken_up_again(small_run, tmp_path):
    folder = tmp_path / "runs"
    shutil.copytree(small_run, folder)

    def run():
        process = start(folder, ["10_ablation"], GRID)
        out, _ = process.communicate(timeout=900)
        assert process.returncode == 0, out.decode()[-2000:]
        return out.decode()

    said = run()
    own = folder / "test" / "demo" / "ablation"
    assert {line.rsplit(",", 1)[0] for line in said.splitlines() if ", seed 0: " in line} == set(ablation.VARIANTS)
    records = read_json(own / "metrics.json")
    assert {r["method"] for r in records} == set(ablation.VARIANTS)
    ratings = [r["value"] for r in records if r["metric"] == "rating"]
    assert len(ratings) == len(ablation.VARIANTS) and all(0 <= r <= 3 for r in ratings)

    # One result lost and one of other settings: only these are done again, and their trainings are found finished.
    (own / "full-0.json").unlink()
    other = own / "without-task-4-0.json"
    other.write_text(json.dumps(read_json(other) | {"fingerprint": "of another time"}))
    (own / "manifest.json").unlink()
    said = run()
    again = {line.rsplit(",", 1)[0] for line in said.splitlines() if ", seed 0: " in line}
    assert again == {"full", "without task 4"}
