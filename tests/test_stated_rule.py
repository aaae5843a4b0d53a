"""The reader of rules, on planted texts: those it was written with, and others that it was then measured on once."""

import json
from pathlib import Path

import pytest

from recx.parsing.stated_rule import stated_rules
from recx.recommenders.group_rules import RULES

PLANTED = [json.loads(line) for line in (Path(__file__).parent / "data" / "group_rules.jsonl").read_text().splitlines()]


@pytest.mark.parametrize(("part", "recall"), [("development", 0.97), ("held out", 0.9)])
def test_precision_and_recall_on_planted_texts(part, recall):
    rows = [(set(row["rules"]), set(stated_rules(row["text"]))) for row in PLANTED if row["set"] == part]
    assert {rule for true, _ in rows for rule in true} == set(RULES) and sum(not true for true, _ in rows) >= 20
    found = sum(len(true & said) for true, said in rows)
    assert found / sum(len(said) for _, said in rows) >= 0.98
    assert found / sum(len(true) for true, _ in rows) >= recall


def test_what_is_denied_does_not_count_but_what_follows_does():
    assert stated_rules("Not the average decides, but the least satisfied member.") == ("least misery",)
    assert stated_rules("It has the highest sum, whatever the happiest member wants.") == (
        "additive utilitarian",
        "most pleasure",
    )
    assert stated_rules("It ignores the votes.") == () == stated_rules("")
