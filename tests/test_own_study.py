"""Instructions, comparisons and recommendations from a data set of one's own."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from recx.data.dataset import Dataset
from recx.data.demo import demo_catalogue
from recx.data.reading_report import ReadingReport
from recx.data.split import leave_one_out
from recx.errors import DataError
from recx.evaluation.judged_texts import FACTS, TITLES
from recx.evaluation.own_study import OTHERS, own_study
from recx.settings import LLMXRecSettings

CATALOGUE = demo_catalogue()
SETTINGS = LLMXRecSettings(amounts="0 20", tested=6)


class Near:
    """A recommender that prefers the item numbered next to the last one."""

    length = 4

    def score(self, histories):
        away = (torch.arange(len(CATALOGUE) + 1)[None] - histories[:, -1:] - 1).abs()
        return -away.float()


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    starts = rng.integers(1, len(CATALOGUE) - 8, size=300)
    sequences = [np.arange(s, s + 6) for s in starts]
    return Dataset("demo", CATALOGUE, tuple(f"u{n}" for n in range(300)), sequences, ReadingReport())


def study(data, settings=SETTINGS, people=None):
    return own_study(data, leave_one_out(data.sequences), {"near": Near(), "again": Near()}, settings, people)


def test_the_recommenders_first_item_is_explained_from_what_it_read(data):
    made = study(data, people={"u3": (("age", ("30",)),)})
    for record in made.recommended["near"]:
        user = int(record.user[1:])
        *history, _ = data.sequences[user].tolist()
        assert [t for t, _ in record.history] == [CATALOGUE.labels[i] for i in history[-4:]]
        assert record.item[0] == CATALOGUE.labels[history[-1] + 1]
        assert set(record.texts) == {TITLES, FACTS, OTHERS}
    assert made.recommended["near"] == made.recommended["again"]


def test_no_person_is_in_two_groups(data):
    made = study(data)
    groups = [made.instructions, made.unseen, made.recommended["near"], [c.record for c in made.judged],
              [c.record for c in made.judged_unseen]]  # fmt: skip
    users = [{r.user for r in group} for group in groups]
    assert sum(map(len, users)) == len(set.union(*users)) and all(users)


def test_true_facts_are_preferred_to_somebody_elses(data):
    made = study(data)
    kinds = {}
    for c in made.judged:
        better, worse = (c.first, c.second) if c.first_is_better else (c.second, c.first)
        titles = [t for t, _ in c.record.history]
        kinds.setdefault(worse.startswith("Because of"), []).append(any(t in better for t in titles))
    assert np.mean(kinds[False]) > 0.8, "whatever beats a text with facts speaks of this person's history"
    assert 0.3 < np.mean([c.first_is_better for c in made.judged]) < 0.7, "neither place is favoured"


def test_own_instructions_replace_those_by_rule(data, tmp_path):
    path = tmp_path / "own.jsonl"
    path.write_text(json.dumps({"history": ["Halo 3"], "item": "Portal", "text": "Mine."}) + "\n")
    made = study(data, replace(SETTINGS, instructions=str(path)))
    assert [r.texts["text"] for r in made.instructions] == ["Mine."] and made.unseen[0].texts["text"] != "Mine."


def test_an_untuned_model_alone_still_has_an_instruction_to_show(data):
    assert len(study(data, replace(SETTINGS, amounts="0")).instructions) > 1


def test_too_few_people_are_refused(data):
    small = replace(data, user_ids=data.user_ids[:5], sequences=data.sequences[:5])
    with pytest.raises(DataError, match="5 people are too few"):
        study(small)
