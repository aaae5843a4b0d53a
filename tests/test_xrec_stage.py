"""Notebook 14 on a shrunken demo, and what it reads and refuses."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
from chat_server import ChatServer
from small_chain import start

from recx.data.split import split_by_user
from recx.errors import DataError, SettingsError
from recx.pipeline import stages
from recx.pipeline.launch import prepare
from recx.pipeline.xrec_stage import (
    collaborative_graphs,
    edges_to_draw,
    first_pair,
    load_pairs,
    shown_texts,
    unseen_users,
    variants_of,
    write_variants,
)
from recx.profiles.resolve import resolve_settings
from recx.storage.run_folder import read_frame
from recx.storage.text_store import TextStore

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


def test_folders_with_few_interactions_are_not_filtered_for_this_notebook(tmp_path):
    pair = {"uid": 1, "iid": 2, "title": "T", "user_summary": "u", "item_summary": "i", "explanation": "e"}
    (tmp_path / "explanations.jsonl").write_text(json.dumps(pair))
    (tmp_path / "interactions.csv").write_text("user,item\n1,2\n")
    assert prepare(["14"], "tiny", str(tmp_path), "", {}).stages == ("xrec",)
    with pytest.raises(DataError, match=r"nothing is left.*data\.min_item"):
        prepare(["01"], "tiny", str(tmp_path), "", {})
    (tmp_path / "explanations.jsonl").write_text("{}")
    with pytest.raises(DataError, match="line 1: title must be text"):
        prepare(["14"], "tiny", str(tmp_path), "", {})


def test_the_first_pair_is_shown_with_all_its_texts():
    pairs = load_pairs(resolve_settings("tiny", "demo", "", {"data.demo.users": 200, "data.min_item": 1}))
    shown = first_pair(pairs)["text"]
    assert shown["item"] == pairs.titles[0] and shown["reference"] == pairs.explanations[0]
    assert pairs.titles[0] in shown["item's profile"] and shown["user's profile"] == pairs.user_profiles[0]


def test_some_edges_of_each_kind_are_drawn():
    settings = resolve_settings("tiny", "demo", "", {"data.demo.users": 200, "data.min_item": 1})
    pairs = load_pairs(settings)
    parts = split_by_user(pairs.users, settings.xrec.seed)
    drawn = edges_to_draw(pairs, parts, settings.xrec)
    assert drawn["user"].nunique() == 3 and set(drawn["kind"]) == {"kept", "explained", "unseen"}
    assert (drawn["kind"] == "unseen").equals(drawn["user"].str.endswith("(unseen)"))
    assert drawn.groupby("user").size().max() <= 3 and drawn["kind"].iloc[0] == "explained"


@pytest.fixture
def amazon(tmp_path):
    """Six users of five games in the form of Amazon's files of 2018; nobody reviewed the last game."""
    rows = [
        {"reviewerID": f"u{u}", "asin": f"B{i}", "overall": 5.0, "unixReviewTime": i}
        | ({"reviewText": f"It came on day {i}. I love game {i} for its story, says u{u}!"} if i < 5 else {})
        for u in range(6)
        for i in range(1, 6)
    ]
    (tmp_path / "Video_Games_5.json").write_text("\n".join(map(json.dumps, rows)))
    meta = [{"asin": f"B{i}", "title": f"Game {i}", "brand": "Atari"} for i in range(1, 6)]
    (tmp_path / "meta_Video_Games.json").write_text("\n".join(map(json.dumps, meta)))
    return {"dataset": "games", "data_dir": str(tmp_path)}


def drawn_from(amazon, **more):
    told = {"xrec.pairs": 12, "xrec.reviews": True, "data.top_items": 0, "data.sample_users": 0} | more
    return resolve_settings("tiny", **amazon, overrides=told)


def test_references_come_from_reviews_by_rule_and_pairs_without_one_are_left_out(amazon):
    made = load_pairs(drawn_from(amazon))
    assert 0 < len(made) < 12 and "Game 5" not in made.titles
    for title, why in zip(made.titles, made.explanations, strict=True):
        assert why.startswith(f"I love game {title[-1]} for its story, says u"), "the strongest sentence"
    assert made.item_profiles[0].startswith(f'"{made.titles[0]}"') and "opinionated sentence" in made.origin


def test_a_chat_model_distils_them_and_writes_the_profiles(amazon, tmp_path):
    server = ChatServer(
        lambda messages, n: "The user would enjoy it." if "Review:" in messages[1]["content"] else "A b c."
    )
    told = {"xrec.writer.address": server.address, "xrec.writer.model": "m"}
    store = TextStore(tmp_path / "replies.jsonl")
    try:
        made = load_pairs(drawn_from(amazon, **told), store)
        count = len(server.asked)
        again = load_pairs(drawn_from(amazon, **told), TextStore(tmp_path / "replies.jsonl"))
        assert len(server.asked) == count, "what was answered is not asked again"
        by_rule = load_pairs(drawn_from(amazon, **told, **{"xrec.reviews": False}))
    finally:
        server.stop()
    assert set(made.explanations) == {"The user would enjoy it."} and set(made.user_profiles) == {"A b c."}
    assert again.explanations == made.explanations and "distilled" in made.origin
    reviews = [a["messages"][1]["content"] for a in server.asked[:count] if "Review:" in a["messages"][1]["content"]]
    assert len(reviews) == len(made) and all("says u" in told for told in reviews)
    assert len(by_rule) == 12 and "references are made by rule" in by_rule.origin
    assert not [a for a in server.asked[count:] if "Review:" in a["messages"][1]["content"]]


def test_data_without_reviews_is_refused():
    with pytest.raises(DataError, match="no texts of reviews"):
        load_pairs(
            resolve_settings("tiny", overrides={"xrec.reviews": True, "data.demo.users": 200, "data.min_item": 1})
        )


def test_unseen_users_are_some_of_the_test_users():
    tested = np.array([5, 5, 7, 9, 11, 13])
    drawn = unseen_users(tested, 0.4, seed=0)
    assert len(drawn) == 2 and set(drawn) <= set(tested) and (drawn == unseen_users(tested, 0.4, 0)).all()


def test_an_unknown_variant_is_refused_before_anything_is_trained():
    with pytest.raises(SettingsError, match="names 'XRecs'. Known: XRec; XRec without profiles"):
        variants_of(resolve_settings("tiny", overrides={"xrec.variants": "XRec; XRecs"}))


def test_few_pairs_are_trained_on_once_after_an_estimate_and_too_few_are_refused(tmp_path, capsys):
    small = {"xrec.pairs": 30, "xrec.graph.epochs": 1, "xrec.fit.epochs": 1, "xrec.max_tokens": 4}
    small |= {"data.demo.users": 200, "data.min_item": 1, "xrec.variants": "XRec; untrained backbone"}
    settings = resolve_settings("tiny", overrides=small)
    pairs = load_pairs(settings)
    parts = split_by_user(pairs.users, 0)
    graphs, run = (
        collaborative_graphs(pairs, parts, settings, False),
        SimpleNamespace(checkpoints=lambda: tmp_path, fingerprint="x"),
    )
    texts, curves = write_variants(pairs, parts, graphs, settings, run)
    told = capsys.readouterr().out
    assert "XRec: about 1 min of training" in told and "untrained" not in told
    again, same = write_variants(pairs, parts, graphs, settings, run)
    assert capsys.readouterr().out == "" and again == texts and same.equals(curves) and len(curves) == 1
    assert not (parts == "validation").any() and curves["loss"].isna().all(), "so few pairs have no validation part"
    with pytest.raises(DataError, match="30 explained pairs of 15 users cannot be split"):
        collaborative_graphs(pairs, np.full(30, "train"), settings, False)
    with pytest.raises(DataError, match="30 explained pairs of 15 users cannot be split"):
        write_variants(pairs, np.full(len(parts), "train"), graphs, settings, run)


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
