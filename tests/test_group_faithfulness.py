import numpy as np
import pytest
from bag_target import Bag
from chat_server import ChatServer

from recx.data.demo import demo_catalogue
from recx.evaluation.group_faithfulness import (
    TEMPLATES,
    confusion_table,
    draw_choices,
    explain_choices,
    group_records,
    size_frame,
    texts_about,
)
from recx.evaluation.methods import Method
from recx.explaining.chat_explainer import ChatExplainer
from recx.explaining.group_questions import TOLD
from recx.recommenders.group_rules import RULES, best_for_group, satisfactions
from recx.settings import ChatSettings

CATALOGUE = demo_catalogue()
TARGET = Bag(items=len(CATALOGUE))
HISTORIES = [np.arange(1 + 4 * u, 5 + 4 * u) for u in range(20)]
CHOICES = draw_choices(TARGET, HISTORIES, 10, count=12, sizes=(2, 5, 30))


def test_every_choice_is_what_its_rule_gives_and_knows_which_others_would():
    assert len(CHOICES) == 2 * 12 * 4, "30 people are not there"
    for choice in CHOICES:
        members = satisfactions(TARGET, choice.histories, 10)
        giving = tuple(rule for rule in RULES if best_for_group(members, rule) == choice.item)
        assert choice.rule in giving == choice.possible
        assert choice.satisfied == pytest.approx(members[:, choice.item])
    assert {c.group for c in CHOICES if c.rule == "approval"} == set(range(24))


def parrot(messages, n):
    """Repeats the rule that its prompt tells, and otherwise always speaks of the average."""
    text = messages[-1]["content"]
    said = next((told for told in TOLD.values() if told in text), "the title with the best average")
    return f'It is {said}, like "Total Overdose".'


@pytest.fixture(scope="module")
def explained():
    server = ChatServer(parrot)
    chat = ChatExplainer(CATALOGUE, ChatSettings(server.address, "m", retries=0, replies=1, seconds=5), 10)
    methods = {"parrot": Method(chat, "parrot")}
    yield explain_choices(methods, CHOICES, CATALOGUE), methods
    server.stop()


def test_who_is_told_names_the_rule_and_who_is_not_reaches_chance_or_what_can_be_inferred(explained):
    frame, methods = explained
    right = {
        (r["method"], r["control"]): r["value"] for r in group_records(frame, methods) if r["metric"] == "rule_right"
    }
    assert right["template, told", ""] == right["parrot", "told"] == 1
    assert right["parrot", ""] == 0.25 and abs(right["template, guesses", ""] - 0.25) < 0.15
    possible = np.mean([1 / len(choice.possible) for choice in CHOICES])
    assert right["template, infers", ""] == pytest.approx(possible, abs=0.12) and possible < 1
    confusion = confusion_table(frame, "parrot")
    assert (confusion["additive utilitarian"] == 1).all()
    assert list(confusion.index) == list(confusion.columns) == list(RULES), "the diagonal is one"


def test_length_grows_with_the_group_for_the_template_alone(explained):
    frame = size_frame(explained[0])
    assert frame["measure"].unique().tolist() == ["names the true rule alone", "words"]
    words = frame[frame["measure"] == "words"].pivot(index="method", columns="size", values="value")
    assert list(words.columns) == [2, 5] and (words.loc[list(TEMPLATES), 5] > words.loc[list(TEMPLATES), 2] + 15).all()
    assert abs(words.loc["parrot", 5] - words.loc["parrot", 2]) < 1e-9 and words.loc["parrot, told", 2] > 5


def test_every_explainer_is_shown_once_for_a_group(explained):
    shown = texts_about(explained[0], 0)
    assert shown["explainer"].tolist() == [*TEMPLATES, "parrot", "parrot, told"]
    assert shown["text"].str.len().min() > 5
