"""Notebook 13 on the small chain."""

import shutil

from small_chain import start

from recx.storage import run_folder as runs


def test_a_model_learns_from_instructions_what_their_texts_look_like(small_run, tmp_path):
    folder = tmp_path / "runs"
    shutil.copytree(small_run, folder)
    process = start(folder, ["13_llmxrec"])
    out, _ = process.communicate(timeout=900)
    assert process.returncode == 0, out.decode()[-2000:]
    found = [r for r in runs.results(folder) if r["stage"] == "llmxrec"]
    losses = {r["method"]: r["value"] for r in found if r["metric"] == "loss_unseen"}
    (first, last), (untrained, _) = losses.values(), losses  # of the amounts, in their order
    assert untrained == "tuned on 0" and last < first
    (made,) = folder.glob("*/*/llmxrec")
    compared = runs.read_frame(made / "comparisons.parquet")
    assert set(compared["recommender"]) == {"sasrec", "mf", "lightgcn"} and compared["preference"].between(0, 1).all()
    assert set(runs.read_frame(made / "attributes.parquet")["told"]) == {"withheld", "shown", "most common"}
