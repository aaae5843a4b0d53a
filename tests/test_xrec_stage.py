"""Notebook 14 on a shrunken demo, and what it reads and refuses."""

import json

import numpy as np
import pytest
from small_chain import start

from recx.errors import SettingsError
from recx.pipeline import stages
from recx.pipeline.xrec_stage import first_pair, load_pairs, shown_texts, unseen_users, variants_of
from recx.profiles.resolve import resolve_settings
from recx.storage.run_folder import read_frame

SET = {"xrec.pairs": 60, "xrec.graph.epochs": 2, "xrec.fit.epochs": 1, "xrec.max_tokens": 8}
SET |= {"xrec.variants": "XRec; XRec without profiles; PETER"}
TOLD = [word for key, value in SET.items() for word in ("--set", f"{key}={value}")]


def test_a_folder_of_explained_pairs_is_read_and_other_data_gets_pairs_by_rule(tmp_path):
    pair = {"uid": 1, "iid": 2, "title": "T", "user_summary": "u", "item_summary": "i", "explanation": "e"}
    (tmp_path / "explanations.jsonl").write_text(json.dumps(pair))
    (tmp_path / "interactions.csv").write_text("user,item\n1,2\n")
    assert load_pairs(resolve_settings("tiny", str(tmp_path))).explanations == ("e",)
    made = load_pairs(
        resolve_settings("tiny", overrides={"xrec.pairs": 10, "data.demo.users": 200, "data.min_item": 1})
    )
    assert len(made) == 10 and not any(made.published)
    parts = np.array(["train"] * 9 + ["test"])
    shown = shown_texts({"m": ["said"]}, made, parts)
    assert shown["text"].tolist() == [made.explanations[9], "said"]


def test_the_first_pair_is_shown_with_all_its_texts():
    pairs = load_pairs(resolve_settings("tiny", "demo", "", {"data.demo.users": 200, "data.min_item": 1}))
    shown = first_pair(pairs)["text"]
    assert shown["item"] == pairs.titles[0] and shown["reference"] == pairs.explanations[0]
    assert pairs.titles[0] in shown["item's profile"] and shown["user's profile"] == pairs.user_profiles[0]


def test_unseen_users_are_some_of_the_test_users():
    tested = np.array([5, 5, 7, 9, 11, 13])
    drawn = unseen_users(tested, 0.4, seed=0)
    assert len(drawn) == 2 and set(drawn) <= set(tested) and (drawn == unseen_users(tested, 0.4, 0)).all()


def test_an_unknown_variant_is_refused_before_anything_is_trained():
    with pytest.raises(SettingsError, match="names 'XRecs'. Known: XRec; XRec without profiles"):
        variants_of(resolve_settings("tiny", overrides={"xrec.variants": "XRec; XRecs"}))


def test_the_notebook_runs_on_a_shrunken_demo(tmp_path):
    process = start(tmp_path, ["14_xrec"], TOLD)
    out, _ = process.communicate(timeout=900)
    assert process.returncode == 0, out.decode()[-3000:]
    folder = tmp_path / "test" / "demo" / "xrec"
    assert (folder / "manifest.json").is_file() and (folder / "figures" / "sparsity_groups.png").is_file()
    texts, table = read_frame(folder / "texts.parquet"), read_frame(folder / "table.parquet")
    written = {"profile repeated", "most common text", "nearest pair's text", *SET["xrec.variants"].split("; ")}
    assert set(texts.columns) == written | {"reference", "user"} and set(table["method"]) == written
    records = json.loads((folder / "metrics.json").read_text())
    assert {r["metric"] for r in records} >= {"word_overlap", "unique_ratio", "distinct_2"}
    assert "xrec" in stages.OPTIONAL_STAGES, "it is not part of a run without names"
