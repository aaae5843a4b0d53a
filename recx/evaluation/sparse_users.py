"""Explanations for people with short histories: does it help to retrieve facts, and to choose an aspect, for them?"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from recx.evaluation.explanation_checks import explanation_records
from recx.evaluation.judges import explanations_to_rate, scores
from recx.evaluation.methods import Method
from recx.evaluation.reference_judge import ReferenceJudge
from recx.evaluation.test_set import Pairs, TestSet
from recx.explaining.explainer import Explainer
from recx.explaining.free_questions import answer
from recx.explaining.records import Explanation, explanation_of
from recx.explaining.retrieved_facts import FactRetriever, InformedRequest
from recx.parsing.explanation_parser import ExplanationParser
from recx.prompts.controls import Control

SPARSE = 0.2  # share of the users with the shortest histories


@dataclass(frozen=True)
class Retrieval:
    """What a prompt is given besides the question.

    Attributes:
        facts: retrieved sentences about the item and its neighbours.
        aspect: the attribute to argue with, chosen for the person.
    """

    facts: bool = False
    aspect: bool = False

    @property
    def label(self) -> str:
        """The name in records; empty for a prompt as it is."""
        return " and ".join(["retrieved facts"] * self.facts + ["own aspect"] * self.aspect)


RETRIEVALS = (Retrieval(), Retrieval(facts=True), Retrieval(aspect=True), Retrieval(facts=True, aspect=True))


def sparse_pairs(test_set: TestSet, count: int) -> Pairs:
    """Pairs of the fifth of the users with the shortest histories, one liked and one disliked item each.

    Args:
        test_set: users with labels.
        count: largest number of pairs.
    """
    lengths = np.array([len(history) for history in test_set.histories])
    sparse = np.argsort(lengths, kind="stable")[: max(1, round(SPARSE * len(lengths)))]
    users = np.repeat(sparse, 2)[: max(2, count)]
    liked = np.arange(len(users)) % 2 == 0
    items = np.where(liked, test_set.labels.liked[users, 0], test_set.labels.disliked[users, 0])
    return Pairs([test_set.histories[u] for u in users], items, liked, users)


def explain_informed(
    explainer: Explainer, retriever: FactRetriever, pairs: Pairs, retrieval: Retrieval
) -> list[Explanation]:
    """Explain the pairs with what a retrieval adds to the prompts."""
    requests, parser = [], ExplanationParser(explainer.catalogue)
    for history, item in zip(pairs.histories, pairs.items.tolist(), strict=True):
        aspect = retriever.aspect(history, item) if retrieval.aspect else None
        (request,) = explainer.requests("explanation", [history], [[item]], Control(view=aspect))
        facts = retriever.facts(request.history, item) if retrieval.facts else []
        requests.append(InformedRequest.of(request, facts))
    texts = answer(explainer, requests)
    return [explanation_of(t, r, explainer.catalogue, parser) for t, r in zip(texts, requests, strict=True)]


def retrieval_records(method: Method, retriever: FactRetriever, pairs: Pairs) -> list[dict[str, Any]]:
    """Measure one method with each retrieval, with intervals over users.

    Metrics are those of `explanation_records`, `attribute_precision` (share of all that is stated about attributes that
    is true, of long and short texts alike) and `rating (reference)`.
    """
    catalogue, records = method.explainer.catalogue, []
    judge = ReferenceJudge(catalogue)
    for retrieval in RETRIEVALS:
        explained = explain_informed(method.explainer, retriever, pairs, retrieval)
        own = explanation_records(explained, pairs, method)
        said = [(user, s.true) for user, e in zip(pairs.users, explained, strict=True) for s in e.statements]
        users, true = np.array(said, dtype=float).reshape(-1, 2).T
        own += method.records({"attribute_precision": true}, users=users)
        asked = explanations_to_rate([e.text for e in explained], pairs, method.explainer.max_history)
        own += method.records({"rating (reference)": scores(judge.rate(asked))}, users=pairs.users)
        records += [{**record, "control": retrieval.label} for record in own]
    return records
