import numpy as np
import pytest
from chat_server import ChatServer

from recx.data.demo import demo_catalogue
from recx.explaining.chat_explainer import ChatExplainer
from recx.explaining.in_context import draw_shots
from recx.explaining.records import NO_ANSWER
from recx.prompts.task_data import TaskData
from recx.recommenders.labels import Labels
from recx.settings import ChatSettings

CATALOGUE = demo_catalogue()
LABELS = CATALOGUE.labels
HISTORY = [np.array([3, 5, 7])]


@pytest.fixture
def chat():
    servers = []

    def start(text, shots=None):
        servers.append(ChatServer(lambda messages, n: text))
        how = ChatSettings(servers[-1].address, "m", retries=0, replies=1, seconds=5)
        return ChatExplainer(CATALOGUE, how, 10, shots), servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.mark.parametrize(
    "text",
    [f"1. {LABELS[9]}\n2. Some Game Nobody Made\n3. {LABELS[11].upper()}", f'- "{LABELS[9]}"\n- x\n* **{LABELS[11]}**'],
)
def test_titles_are_matched_and_unknown_ones_are_zero(chat, text):  # fmt: skip
    (found,) = chat(text)[0].recommend(HISTORY)
    assert found.items == (9, 0, 11, 0, 0)


def test_candidates_left_out_earn_nothing(chat):
    text = f'"{LABELS[12]}"; "{LABELS[10]}"; "{LABELS[12]}"'
    assert chat(text)[0].rank(HISTORY, np.array([[10, 11, 12, 13, 14]])).tolist() == [[12, 10, 0, 0, 0]]


def test_titles_that_are_no_candidates_keep_their_places(chat):
    text = f'"{LABELS[40]}"; "Some Game Nobody Made"; "Another One"; "{LABELS[12]}"; "{LABELS[12]}"; "{LABELS[10]}"'
    assert chat(text)[0].rank(HISTORY, np.array([[10, 11, 12, 13, 14]])).tolist() == [[0, 0, 0, 12, 10]]


def test_no_reply_is_no_answer_and_no_miss(chat):
    explainer, _ = chat("")
    (found,) = explainer.recommend(HISTORY)
    assert found.items == (NO_ANSWER,) * 5 and found.titles == ("",) * 5
    assert explainer.rank(HISTORY, np.array([[10, 11, 12]])).tolist() == [[NO_ANSWER] * 3]


def test_thinking_is_no_part_of_any_answer(chat):
    thought = f'<think>\nThey had "{LABELS[9]}" ... or "No Such Game". Yes?\n1. {LABELS[13]}\n</think>\n\n'
    (told,) = chat(f"{thought}No. Unlike \u201c{LABELS[3]}\u201d.")[0].explain(HISTORY, [9])
    assert told.text.startswith("No. Unlike") and [c.title for c in told.citations] == [LABELS[3]]
    assert told.decision is False and told.citations[0].in_history
    assert chat(f"{thought}No")[0].predict(HISTORY, [9])[0].like is False
    (year,) = CATALOGUE.facts(9)["year"]
    polite = f'{thought}Sure! Here they are:\n\n1. "{LABELS[9]}" ({year})\n2. **{LABELS[11]}** - a great fit'
    assert chat(polite)[0].recommend(HISTORY)[0].items == (9, 11, 0, 0, 0)
    assert chat(polite.replace(year, "1901"))[0].recommend(HISTORY)[0].items == (0, 11, 0, 0, 0)
    assert chat(thought)[0].predict(HISTORY, [9])[0].like is None


@pytest.mark.parametrize("text, like", [("Yes", True), ("No, it is not.", False), ("Perhaps", None), ("", None)])
def test_decisions(chat, text, like):
    assert chat(text)[0].predict(HISTORY, [9])[0].like is like


def test_explanations_are_checked_like_all_others(chat):
    explainer, server = chat(f'Yes. It goes with "{LABELS[3]}" and "{LABELS[20]}".')
    (told,) = explainer.explain(HISTORY, [9], "Use one sentence.")
    assert told.decision and [c.in_history for c in told.citations] == [True, False]
    assert "Use one sentence." in server.asked[0]["messages"][-1]["content"]
    (none,) = chat("  ")[0].explain(HISTORY, [9])
    assert none.text == "" and none.decision is None


def test_shots_stand_before_the_question():
    labels = Labels(np.array([[20, 1, 1, 1, 1], [21, 1, 1, 1, 1]]), np.array([[1, 2, 4, 6, 8]] * 2),
                    np.array([[30] * 4] * 2), np.array([[40] * 4] * 2), np.ones(2, int), np.zeros(2, int))  # fmt: skip
    shots = draw_shots(TaskData(CATALOGUE, [HISTORY[0]] * 2, labels), [0, 1], np.random.default_rng(0))
    server = ChatServer(lambda messages, n: "No")
    how = ChatSettings(server.address, "m")
    ChatExplainer(CATALOGUE, how, 10, shots).predict(HISTORY, [9])
    server.stop()
    turns = server.asked[0]["messages"]
    assert [m["role"] for m in turns] == ["system", "user", "assistant", "user", "assistant", "user"]
    assert (turns[2]["content"], turns[4]["content"]) == ("Yes", "No")
    assert LABELS[30] in turns[1]["content"] and LABELS[40] in turns[3]["content"]
    assert turns[-1]["content"].endswith("Reply with Yes or No.") and "examples" in turns[0]["content"]


def test_without_examples_none_are_spoken_of(chat):
    explainer, server = chat("Yes")
    explainer.predict(HISTORY, [9])
    turns = server.asked[0]["messages"]
    assert [m["role"] for m in turns] == ["system", "user"] and "example" not in turns[0]["content"]
