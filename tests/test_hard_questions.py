"""Notebook 15, which `recx run` executes only on request, on the shrunken chain."""

import json
import shutil

from small_chain import start

from recx.storage.run_folder import results


def test_hard_questions_are_asked_of_every_method(small_run, tmp_path):
    folder = tmp_path / "runs"
    shutil.copytree(small_run, folder)
    process = start(folder, ["15_hard_questions"])
    out, _ = process.communicate(timeout=600)
    assert process.returncode == 0, out.decode()[-2000:]
    own = folder / "test" / "demo" / "questions"
    assert json.loads((own / "manifest.json").read_text())["fingerprint"]
    assert {p.stem for p in (own / "figures").glob("*.png")} == {"leading_questions", "group_rules"}
    found = {}
    for r in results(folder):
        if r["stage"] == "questions":
            found[r["mode"] or r["method"], r["decoding"], r["control"], r["metric"]] = r["value"]
    for method in ("unaligned", "unaligned ICL", "intention", "hybrid", "relation", "template"):
        assert -1 <= found[method, "", "", "discernment"] <= 1
        assert method == "template" or found[method, "held to Yes or No", "", "decided"] == 1
    assert found["always contradict", "", "", "corrected"] == 1 == found["template", "", "", "corrected"]
    assert found["always contradict", "", "", "discernment"] == 0 == found["always agree", "", "", "discernment"]
    assert found["template, told", "", "", "rule_right"] == 1 > found["template, infers", "", "", "rule_right"]
    assert found["relation", "", "told", "rule_named"] <= 1
    assert 0 <= found["relation", "", "retrieved facts", "rating (reference)"] <= 3
