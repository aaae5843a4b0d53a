"""The grid of trainings of the ablation, on the small chain."""

import shutil

import pandas as pd
import pytest
from small_chain import SMALL, start

from recx.alignment.corpus import rows_per_task
from recx.evaluation.summary_tables import side_by_side
from recx.pipeline import ablation
from recx.profiles.resolve import resolve_settings
from recx.storage.run_folder import read_json

SET = {"ablate.seeds": 1, "ablate.scale": 0.5, "ablate.users": 12, "ablate.pairs": 6, "align.hybrid_from": "backbone"}
# Two at a time even where there is one core: a single one trains in the notebook, whose prints reach no console.
SET["ablate.at_once"] = 2
GRID = [word for key, value in SET.items() for word in ("--set", f"{key}={value}")]


def test_what_is_left_keeps_its_rows():
    chosen = resolve_settings("tiny", "demo")
    full, less = (ablation.variant_overrides(chosen, v, 0) for v in ("full", "without task 3 and explanations"))
    shares = chosen.align.shares
    kept = 1 - shares.preference - shares.explanation
    assert less["align.rows_hybrid"] == pytest.approx(full["align.rows_hybrid"] * kept, abs=1)
    assert less["align.shares.preference"] == less["align.shares.explanation"] == less["align.own_words"] == 0
    assert full["variant"] != less["variant"]


def test_task_3_is_left_out_alone_and_with_the_explanations():
    chosen = resolve_settings("tiny", "demo")
    counts = {}
    for variant in ("full", "without task 3", "without task 3 and explanations"):
        settings = resolve_settings("tiny", "demo", overrides=ablation.variant_overrides(chosen, variant, 0))
        counts[variant] = rows_per_task(settings.align, "hybrid", settings.align.own_words)
    full, alone, both = counts.values()
    assert full["preference"] > 0 and alone["preference"] == both["preference"] == 0
    assert alone["explanation"] == pytest.approx(full["explanation"], abs=2) and full["explanation"] > 100
    assert both["explanation"] == 0
    for task in full.keys() - {"preference", "explanation"}:
        assert full[task] == pytest.approx(alone[task], abs=2) == pytest.approx(both[task], abs=2), task


def test_the_table_of_rows_leaves_out_what_a_variant_leaves_out():
    frame = ablation.rows_of_variants({"profile": "tiny", "dataset": "demo", "data_dir": "", "overrides": {}})
    wide = frame.pivot(index="variant", columns="task", values="rows")
    assert list(frame["variant"].unique()) == list(ablation.VARIANTS) and (wide.loc["full"] > 0).all()
    for variant, left_out in ablation.VARIANTS.items():
        assert set(wide.columns[wide.loc[variant] == 0]) == set(left_out), variant


@pytest.mark.parametrize(
    ("at_once", "cores", "expected"), [(0, 2, (2, 1)), (0, 1, (1, 1)), (0, 16, (4, 4)), (3, 8, (3, 2))]
)
def test_trainings_share_the_cores(monkeypatch, at_once, cores, expected):
    monkeypatch.setattr(ablation.joblib, "cpu_count", lambda: cores)
    monkeypatch.setattr(ablation.torch.cuda, "is_available", lambda: False)
    assert ablation.processes(resolve_settings("tiny", "demo", overrides={"ablate.at_once": at_once})) == expected


def test_a_variant_is_trained_once_and_again_where_its_measure_changes(monkeypatch, tmp_path):
    trained = []
    monkeypatch.setattr(ablation, "launch", lambda stage, settings, parameters, quiet: trained.append(stage))
    monkeypatch.setattr(
        ablation, "launch_alignments", lambda settings, parameters: trained.append(parameters["overrides"])
    )
    monkeypatch.setattr(ablation, "measure_variant", lambda settings: {"rating": 2.0 + len(trained)})

    def measured(**overrides):
        parameters = {"profile": "tiny", "dataset": "demo", "data_dir": "", "overrides": overrides}
        return ablation.run_cell(tmp_path, parameters, "without task 5", 1)

    for _ in range(2):
        assert measured() == (("without task 5", 1), {"rating": 4.0})
    stage, overrides = trained
    assert stage == "tasks" and overrides["align.modes"] == "intention hybrid" and overrides["align.seed"] == 1
    assert overrides["variant"] == "without task 5, seed 1" and overrides["align.shares.conversation"] == 0
    assert measured(**{"ablate.users": 7}) == (("without task 5", 1), {"rating": 6.0})


def test_the_grid_is_measured_and_taken_up_again(small_run, tmp_path, monkeypatch):
    """One of the variants is trained, the one that leaves out most."""
    folder = tmp_path / "runs"
    shutil.copytree(small_run, folder)
    own = folder / "test" / "demo" / "ablation"
    own.mkdir()
    trained = {"without task 3 and explanations"}
    parameters = {"profile": "test", "dataset": "demo", "data_dir": "", "overrides": {**SMALL, **SET}}
    with monkeypatch.context() as patch:  # the others are found measured, as after an interruption
        patch.setattr(ablation, "launch", lambda *told, **more: None)
        patch.setattr(ablation, "launch_alignments", lambda *told: None)
        patch.setattr(ablation, "measure_variant", lambda settings: dict.fromkeys(ablation.METRICS, 0.5))
        for variant in ablation.VARIANTS.keys() - trained:
            ablation.run_cell(own, parameters, variant, 0)

    def run():
        process = start(folder, ["10_ablation"], GRID)
        out, _ = process.communicate(timeout=900)
        assert process.returncode == 0, out.decode()[-2000:]
        return out.decode()

    said = run()
    assert {line.rsplit(",", 1)[0] for line in said.splitlines() if ", seed 0: " in line} == trained
    records = read_json(own / "metrics.json")
    assert {r["control"] for r in records} == set(ablation.VARIANTS)
    ratings = {r["control"]: r["value"] for r in records if r["metric"] == "rating"}
    kept = {v: read_json(own / f"{v}-0.json".replace(" ", "-"))["values"]["rating"] for v in ablation.VARIANTS}
    assert ratings == kept  # one seed is its own mean
    weights = {p: p.stat().st_mtime_ns for p in own.parent.glob("variants/*/align-hybrid/weights.safetensors")}
    assert len(weights) == len(trained)

    # A lost result is measured again, and its training is found finished.
    (own / "without-task-3-and-explanations-0.json").unlink()
    (own / "manifest.json").unlink()
    said = run()
    assert {line.rsplit(",", 1)[0] for line in said.splitlines() if ", seed 0: " in line} == trained
    assert weights == {p: p.stat().st_mtime_ns for p in weights}
    assert ratings == {r["control"]: r["value"] for r in read_json(own / "metrics.json") if r["metric"] == "rating"}


def test_one_seed_has_no_interval():
    grid = pd.DataFrame(
        [("all", seed, "hr@1", 0.5) for seed in range(2)] + [("none", 0, "hr@1", 0.25)],
        columns=["variant", "seed", "metric", "value"],
    )
    assert side_by_side(ablation.ablation_records(grid))["hr@1"].tolist() == ["0.500 [0.500, 0.500]", "0.250"]
