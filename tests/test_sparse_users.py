import numpy as np
from bag_target import Bag
from chat_server import ChatServer

from recx.data.demo import demo_catalogue
from recx.evaluation.methods import Method
from recx.evaluation.sparse_users import RETRIEVALS, explain_informed, retrieval_records, sparse_pairs
from recx.evaluation.test_set import TestSet
from recx.explaining.chat_explainer import ChatExplainer
from recx.explaining.retrieved_facts import FactRetriever
from recx.recommenders.labels import label_histories
from recx.settings import ChatSettings

CATALOGUE = demo_catalogue()
TARGET = Bag(items=len(CATALOGUE))
RETRIEVER = FactRetriever(CATALOGUE)
HISTORIES = [np.arange(1 + 9 * u, 1 + 9 * u + 2 + u) for u in range(10)]
LABELS = label_histories(TARGET, HISTORIES, 10, np.random.default_rng(0))
TESTS = TestSet(HISTORIES, LABELS, LABELS.ranked, LABELS.liked[:, 0], np.ones(10, dtype=bool), 10, 10)


def test_only_the_fifth_with_the_shortest_histories_is_asked_about_a_liked_and_a_disliked_item():
    pairs = sparse_pairs(TESTS, 100)
    assert pairs.users.tolist() == [0, 0, 1, 1] and pairs.liked.tolist() == [True, False] * 2
    assert pairs.items.tolist() == [
        LABELS.liked[0, 0],
        LABELS.disliked[0, 0],
        LABELS.liked[1, 0],
        LABELS.disliked[1, 0],
    ]
    assert len(sparse_pairs(TESTS, 2)) == 2


GENRES = CATALOGUE.attributes["genre"]
WRONG = next(values[0] for values in GENRES[1:] if values and values[0] not in GENRES[1])


def says_what_it_reads(messages, n):
    """Repeats the first fact about the item if there is one, and else states something false."""
    text = messages[-1]["content"]
    fact = "" if text.startswith("History") else text.split(". ")[0] + "."
    return "Yes. " + (fact or f'"{CATALOGUE.labels[1]}" is {WRONG}.')


def test_retrieved_facts_reach_the_prompt_and_what_they_change_is_measured():
    server = ChatServer(says_what_it_reads)
    chat = ChatExplainer(CATALOGUE, ChatSettings(server.address, "m", retries=0, replies=1, seconds=5), 10)
    pairs = sparse_pairs(TESTS, 100)
    explained = explain_informed(chat, RETRIEVER, pairs, RETRIEVALS[1])
    assert all(e.statements and all(s.true for s in e.statements) for e in explained)
    asked = [body["messages"][-1]["content"] for body in server.asked]
    assert all(text.index("History: ") > text.index(" is ") for text in asked)
    records = {(r["control"], r["metric"]): r["value"] for r in retrieval_records(Method(chat, "m"), RETRIEVER, pairs)}
    instructed = [
        body["messages"][-1]["content"] for body in server.asked if "side." in body["messages"][-1]["content"]
    ]
    server.stop()
    assert len(instructed) == 8, "half of the retrievals choose an aspect"
    assert {control for control, _ in records} == {r.label for r in RETRIEVALS}
    for metric in ("stated_attributes_true", "attribute_precision"):
        assert records["retrieved facts", metric] == 1 and records["", metric] == 0
    assert records["retrieved facts", "decision_agreement"] == records["", "decision_agreement"] == 0.5
    assert records["retrieved facts", "rating (reference)"] == 0.5, "1 of 3 where the decision is right, which is half"
