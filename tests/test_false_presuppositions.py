"""Answerers whose knowledge and whose obedience are known: each metric must say which of them is at work."""

import numpy as np
import pandas as pd
import pytest
from bag_target import Bag
from chat_server import ChatServer

from recx.attribution.removal import value_function
from recx.data.demo import demo_catalogue
from recx.evaluation import false_presuppositions
from recx.evaluation.false_presuppositions import (
    AGREE,
    CONTRADICT,
    LEADING,
    DecisionReader,
    ask_leading,
    knowing_table,
    leading_questions,
    leading_records,
    leaning_records,
    read_along,
    reading_table,
)
from recx.evaluation.methods import Method
from recx.evaluation.test_set import TestSet
from recx.explaining.aligned import AlignedExplainer
from recx.explaining.chat_explainer import ChatExplainer
from recx.recommenders.labels import label_histories
from recx.settings import ChatSettings

CATALOGUE = demo_catalogue()
TARGET = Bag(items=len(CATALOGUE))
HISTORIES = [np.arange(1 + 5 * u, 6 + 5 * u) for u in range(12)]
LABELS = label_histories(TARGET, HISTORIES, 10, np.random.default_rng(0))
LIKED = np.ones(12, dtype=bool)
TESTS = TestSet(HISTORIES, LABELS, LABELS.ranked, LABELS.liked[:, 0], LIKED, 12, 12)
FIRST = {CATALOGUE.labels[h[0]]: CATALOGUE.labels[i] for h, i in zip(HISTORIES, LABELS.top[:, 0], strict=True)}


def knows(messages):
    """Whether the item asked about is the first of the person whose history it shows, and what is presupposed."""
    text = messages[-1]["content"]
    person = next(label for label in FIRST if f'History: "{label}"' in text)
    return f'"{FIRST[person]}"' in text.partition(". ")[2], " not " not in text.rpartition(". ")[2]


ANSWERS = {
    "honest": lambda liked, asked: "Yes, it goes with it." if liked else "No. It does not.",
    "servile": lambda liked, asked: "The recommender put it first." if asked else "It was not put first.",
    "evasive": lambda liked, asked: "Because of the genre.",
}


@pytest.fixture(scope="module")
def answers():
    servers, methods = [], {}
    for name, say in ANSWERS.items():
        servers.append(ChatServer(lambda messages, n, say=say: say(*knows(messages))))
        chat = ChatSettings(servers[-1].address, "m", retries=0, replies=1, seconds=5)
        methods[name] = Method(ChatExplainer(CATALOGUE, chat, 10), name)
    value = value_function(TARGET, HISTORIES, 10)
    try:
        yield (
            ask_leading({n: m for n, m in methods.items() if n == "honest"}, value, CATALOGUE, asked()),
            methods,
            value,
        )
    finally:
        for server in servers:
            server.stop()


def asked():
    return leading_questions(TESTS, 12)


def test_every_item_is_asked_about_both_ways_in_wordings_that_differ_by_one_word():
    questions = asked()
    assert len(questions) == 48 and questions.false.mean() == 0.5 and set(questions.wordings) == {0, 1, 2}
    assert (questions.items[questions.liked] == np.repeat(LABELS.top[:, 0], 2)).all()
    assert (questions.items[~questions.liked] == np.repeat(LABELS.disliked[:, 0], 2)).all()
    for plain, negated in zip(LEADING[True], LEADING[False], strict=True):
        assert negated.replace(" not", "", 1) == plain
    texts = questions.texts(3)
    assert len(texts[0].history) == 3 and texts[1].wording == LEADING[False][0]


def metrics(frame):
    return {(r["method"], r["metric"]): r["value"] for r in leading_records(frame, {})}


def test_metrics_tell_who_knows_from_who_agrees_or_contradicts(answers):
    found = metrics(answers[0])
    wanted = {
        "honest": (1, 1, 0, 1, 1, 0),
        "template": (1, 1, 0, 1, 1, 0),
        AGREE: (0, 1, 0, 0, 1, 1),
        CONTRADICT: (1, 0, 1, 0, 1, -1),
    }
    names = ("corrected", "confirmed", "contradicted", "discernment", "decided", "pull")
    for method, numbers in wanted.items():
        assert tuple(found[method, name] for name in names) == pytest.approx(numbers), method
    reading = reading_table(answers[0]).set_index(["method", "question"])
    assert (reading.loc["template", "same text"] == 1).all() and (reading.loc["honest", "right"] == 1).all()
    assert (reading.loc[AGREE, "yes"] == 1).all() and (reading.loc[AGREE, "yes to not"] == 0).all()
    assert set(reading.index.get_level_values("question")) == {wording.format(item="X") for wording in LEADING[True]}


def test_questions_are_shown_with_titles_and_with_what_they_presuppose(answers):
    shown = read_along(answers[0], CATALOGUE, "template", count=4)
    first, item = LEADING[True][0], answers[0]["item"].iloc[0]
    assert shown["question"].iloc[0] == first.format(item=f'"{CATALOGUE.labels[item]}"')
    assert shown["presupposes"].tolist() == [f"something {word}" for word in ("true", "false", "false", "true")]
    assert shown["answer"].str.match(r"(Yes|No)\b").all()


def test_an_answer_without_a_decision_corrects_nothing_and_an_empty_task_3_is_unknown(answers):
    _, methods, value = answers
    others = {n: m for n, m in methods.items() if n != "honest"}
    frame = ask_leading(others, value, CATALOGUE, asked())
    found = metrics(frame)
    assert found["servile", "corrected"] == 0 and found["servile", "pull"] == 1
    assert found["evasive", "decided"] == found["evasive", "corrected"] == found["evasive", "pull"] == 0
    assert frame[frame["method"] == "evasive"]["known"].isna().all(), "it says neither Yes nor No when asked alone"
    assert set(knowing_table(frame)["method"]) == set()


def test_correcting_is_compared_with_knowing():
    rows = [
        (m, u, i, bool(right), True, right if m == "linked" else 1.0, known)
        for m in ("linked", "steady")
        for u in range(10)
        for i, (right, known) in enumerate(((1.0, 1.0), (0.0, 0.0)))
    ]
    frame = pd.DataFrame(rows, columns=["method", "user", "item", "liked", "false", "said", "known"])
    frame.loc[:, "liked"] = True
    table = knowing_table(frame).pivot(index="method", columns="metric", values="value")
    assert table.loc["linked", "phi"] == pytest.approx(1) and np.isnan(table.loc["steady", "phi"])
    assert table.loc["linked", ["corrected if known", "corrected if not", "known"]].tolist() == [1, 0, 0.5]


def test_the_reader_does_not_take_titles_for_words(small_catalogue):
    read = DecisionReader(small_catalogue)
    assert read("The recommender put it on top.", np.array([1]), 3) is True
    assert read("It was not put first, for it is no puzzle.", np.array([1]), 3) is False
    assert read("Yes. It was not put first.", np.array([1]), 3) is True, "the first word decides"
    assert read('"He was first", someone wrote.', np.array([1]), 3) is None


@pytest.mark.parametrize("sure", [0.9, 0.1])
def test_a_model_held_to_yes_or_no_says_what_it_finds_more_probable(monkeypatch, sure):
    class Leaning(AlignedExplainer):
        catalogue, max_history = CATALOGUE, 10

        def __init__(self):
            pass

    questions = leading_questions(TESTS, 12)
    likely = np.where(questions.liked, sure, 1 - sure)
    monkeypatch.setattr(false_presuppositions, "yes_probabilities", lambda explainer, texts: likely)
    records = leaning_records({"m": Method(Leaning(), "aligned", "m")}, questions)
    found = {r["metric"]: r["value"] for r in records}
    assert {r["decoding"] for r in records} == {"held to Yes or No"} and found["decided"] == 1
    assert found["corrected"] == (sure > 0.5)
