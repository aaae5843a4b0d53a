"""Tables of texts beside references, sparsity groups, and the texts that no model wrote."""

import numpy as np
import pytest
from chat_server import ChatServer

from recx.data.xrec_files import ExplainedPairs
from recx.evaluation.reference_table import differences, group_table, reference_table, scores_of, sparsity_groups
from recx.evaluation.text_baselines import nearest_pairs, text_baselines
from recx.settings import ChatSettings

REFERENCES = ["good soup", "warm bread", "cold beer", "fresh fish"]
TEXTS = {"same": REFERENCES, "one": ["good food"] * 4, "gaps": ["good soup", "", "", "old fish"]}
USERS = np.array([0, 0, 1, 2])


def test_the_table_holds_means_deviations_and_variety():
    table = reference_table(TEXTS, scores_of(TEXTS, REFERENCES), USERS).set_index(["method", "metric"])
    assert table.loc[("same", "word_overlap"), "value"] == 1 and table.loc[("one", "unique_ratio"), "value"] == 0.25
    gaps = table.loc[("gaps", "word_overlap")]
    assert gaps["value"] == 0.75 and gaps["std"] == 0.25 and gaps["n"] == 2
    one = table.loc[("one", "word_overlap")]
    assert one["low"] < one["value"] == 0.125 < one["high"] and table.loc[("one", "distinct_1"), "value"] == 0.25


def test_differences_are_taken_on_the_pairs_that_both_have():
    found = differences(scores_of(TEXTS, REFERENCES), USERS, "word_overlap", "gaps").set_index("method")
    assert found.loc["same", "value"] == 0.25 and found.loc["same", "n"] == 2 and "gaps" not in found.index


def test_groups_follow_the_interactions_of_users():
    degrees = np.array([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 0])
    groups = sparsity_groups(degrees)
    assert groups[degrees == 0].tolist() == ["unseen", "unseen"]
    assert groups[degrees == 10][0] == "tst1" and groups[degrees == 1][0] == "tst5"
    assert [(groups == f"tst{n}").sum() for n in range(1, 6)] == [2] * 5
    assert set(sparsity_groups(np.array([3, 3, 3]))) == {"tst5"} and set(sparsity_groups(np.zeros(2))) == {"unseen"}


def test_the_group_table_has_a_row_for_every_method_and_group():
    groups = np.array(["tst1", "tst1", "unseen", "unseen"])
    table = group_table(scores_of(TEXTS, REFERENCES), USERS, groups, "word_overlap")
    assert len(table) == 6
    assert table.set_index(["method", "group"]).loc[("one", "tst1"), "value"] == 0.25


def pairs_of(profiles, explanations):
    n = len(profiles)
    numbers = np.arange(n)
    edges = np.stack([numbers, numbers + 1], axis=1)
    return ExplainedPairs(
        numbers, numbers + 1, ("t",) * n, ("u",) * n, tuple(profiles), tuple(explanations), ("",) * n, edges, n, n
    )


def test_baselines_use_training_texts_alone():
    profiles = ["sushi bar", "beer garden", "sushi rolls", "beer hall", "sushi place"]
    said = ["fresh sushi", "cold beer", "fresh rolls", "cold beer and music", "SECRET"]
    parts = np.array(["train", "train", "train", "validation", "test"])
    pairs = pairs_of(profiles, said)
    told = text_baselines(pairs, parts)
    assert told["profile repeated"] == ["sushi place"] and told["nearest pair's text"][0] in (
        "fresh sushi",
        "fresh rolls",
    )
    assert all(len(texts) == 1 and "SECRET" not in texts[0] for texts in told.values())
    assert nearest_pairs(pairs, np.array([3]), np.array([0, 1, 2])).tolist() == [1]


def test_the_most_common_text_is_the_one_that_occurs_most_often():
    said = ["tea", "nice soup", "nice soup", "nice soup", "cake", "x"]
    told = text_baselines(pairs_of(["p"] * 6, said), np.array(["train"] * 5 + ["test"]))
    assert told["most common text"] == ["nice soup"]


def test_scores_need_as_many_references_as_texts():
    with pytest.raises(ValueError, match="zip"):
        scores_of({"a": ["x"]}, [])


def test_the_cost_of_a_chat_model_is_told_once_for_all_methods(capsys):
    server = ChatServer(lambda messages, n: "90" if "good food" in messages[1]["content"] else "10")
    judge = ChatSettings(server.address, "m", retries=0, replies=1, parallel=1, seconds=5)
    try:
        scores = scores_of(TEXTS, REFERENCES, judge=judge, show_progress=True)
    finally:
        server.stop()
    assert capsys.readouterr().out.count(": 10 requests") == 1 and len(server.asked) == 9, (
        "equal questions are asked once"
    )
    assert scores["one"]["gpt_score"].tolist() == [90] * 4 and scores["same"]["gpt_score"].tolist() == [10] * 4
    assert np.isnan(scores["gaps"]["gpt_score"]).tolist() == [False, True, True, False]
