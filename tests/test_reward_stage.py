"""Notebook 16, which `recx run` executes only on request, on the shrunken chain."""

import json
import shutil

from small_chain import start

from recx.storage.run_folder import read_frame, results


def test_rewards_are_tuned_on_and_what_was_not_rewarded_is_reported(small_run, tmp_path):
    folder = tmp_path / "runs"
    shutil.copytree(small_run, folder)
    process = start(folder, ["16_rewards"])
    out, _ = process.communicate(timeout=900)
    assert process.returncode == 0, out.decode()[-2000:]
    own = folder / "test" / "demo" / "rewards"
    assert json.loads((own / "manifest.json").read_text())["fingerprint"] and not (own / "checkpoints").exists()
    assert {p.stem for p in (own / "figures").glob("*.png")} == {"metric_changes", "reward_curves"}
    found = {(r["method"], r["control"], r["metric"]): r for r in results(folder) if r["stage"] == "rewards"}
    value = {key: record["value"] for key, record in found.items()}
    for method in ("relation", "DPO", "GRPO", "told the causes", "template"):
        assert -2 <= value[method, "effect", "reward"] <= 1 and value[method, "effect", "perplexity"] > 1
        assert found[method, "effect", "words"]["n"] == 8
    assert value["template", "effect", "all_true"] == 1 > value["relation", "effect", "all_true"]
    assert value["template", "effect", "reward"] > value["relation", "effect", "reward"]
    for method in ("relation", "NDCG"):
        assert 0 <= value[method, "NDCG", "ranking_ndcg@5"] <= 1
    for method in ("relation", "overlap", "latest", "random"):
        assert 0 <= value[method, "overlap", "top10_overlap"] <= value["best of all sets", "overlap", "top10_overlap"]
    drawn = read_frame(own / "preferences.parquet")
    assert len(drawn) == 32 and (drawn["best"] >= drawn["worst"]).all()
    assert set(drawn["kind"]) <= {"best of the texts", "rewritten", "none"} and set(drawn["kind"]) != {"none"}
