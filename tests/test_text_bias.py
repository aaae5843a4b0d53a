"""Length and sentiment by group: differences by hand, and the pairing of the same people."""

import numpy as np
import pytest

from recx.evaluation.text_bias import group_differences, paired_differences, text_measures

KIND, UNKIND = "You will love this wonderful film.", "You will hate this horrible film."


def test_sentiment_has_the_sign_of_its_words():
    found = text_measures([KIND, UNKIND, "A film.", ""])
    assert found["words"].tolist() == [6, 6, 2, 0]
    assert found["sentiment"][0] > 0.5 and found["sentiment"][1] < -0.5
    assert found["sentiment"][2] == found["sentiment"][3] == 0


def test_groups_are_compared_and_empty_texts_left_out():
    texts = [KIND, KIND + " Really.", UNKIND, UNKIND, "", "A."]
    found = group_differences(texts, ["f", "f", "m", "m", "m", ""], list("abcdef")).set_index(["measure", "group"])
    assert found.loc[("words", "f"), "value"] == 6.5 and found.loc[("words", "m"), "value"] == 6
    assert found.loc[("words", "f - m"), "value"] == 0.5 and found.loc[("words", "f - m"), "n"] == 4
    assert np.isnan(found.loc[("sentiment", "f - m"), "low"]), "one draw in eight has four people of one group"
    many = [
        (text, group, f"{name}{n}")
        for n in range(5)
        for text, group, name in zip(texts, "ffmmm-", "abcdef", strict=True)
    ]
    found = group_differences(*zip(*many, strict=True)).set_index(["measure", "group"])
    assert found.loc[("sentiment", "f - m"), "low"] > 1
    assert group_differences(texts, ["f"] * 6, list("abcdef")).empty


def test_the_same_people_are_paired():
    texts = {"gender: female": [KIND, "One two", ""], "gender: male": [UNKIND, "One", "x"], "age: 20": ["a", "b", "c"],
             "age: 60": ["a", "b", "c"]}  # fmt: skip
    found = paired_differences(texts).set_index(["measure", "group"])
    assert found.loc[("words", "gender: female - gender: male"), "value"] == 0.5
    assert found.loc[("words", "gender: female - gender: male"), "n"] == 2, "a person without a text is left out"
    assert found.loc[("words", "age: 20 - age: 60"), ["value", "low", "high"]].tolist() == [0, 0, 0]
    assert found.loc[("sentiment", "gender: female - gender: male"), "value"] == pytest.approx(0.82, abs=0.05)
