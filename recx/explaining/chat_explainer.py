"""A chat model asked what an Explainer is asked, in words: the paper's comparison with ChatGPT and GPT-4."""

import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from recx.data.catalogue import Catalogue
from recx.data.item_lookup import Item
from recx.explaining.chat_client import BadReply, ChatClient, Message
from recx.explaining.explainer import Explainer
from recx.explaining.in_context import Shots
from recx.explaining.records import Explanation, Prediction, Recommendation, explanation_of
from recx.prompts.controls import Control
from recx.prompts.explanation_parser import ExplanationParser
from recx.prompts.pieces import as_text
from recx.prompts.requests import Request
from recx.settings import ChatSettings
from recx.storage.text_store import TextStore

_TITLES = "Titles stand in double quotes."
_WITH_EXAMPLES = (
    f"You imitate a recommender system whose choices you know only from the examples. {_TITLES} "
    "Answer as briefly as the examples do."
)
_WITHOUT_EXAMPLES = f"You imitate a recommender system: answer as it would. {_TITLES} Answer briefly."
_FORMS = {
    "retrieval": "Reply with {k} titles, each on a line of its own, the best first, and nothing else.",
    "ranking": "Reply with all of these titles, each on a line of its own, the best first, and nothing else.",
    "preference": "Reply with Yes or No.",
    "explanation": "Begin with Yes or No, then give the reasons in two or three sentences. Quote titles exactly.",
}
_BULLET = re.compile(r"^\s*(?:[-*\u2022]|\d+[.):])\s*")
_EDGES = " \t\"'\u201c\u201d*`"


class ChatExplainer(Explainer):
    """An `Explainer` that answers the tasks of the behavior form through a chat address.

    Args:
        catalogue: items.
        settings: of the address.
        max_history: how many of the latest items a prompt shows.
        shots: worked examples of each task; the paper compares two with none.
        store: where replies are kept.

    Raises:
        SettingsError: no address is set.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        settings: ChatSettings,
        max_history: int,
        shots: Shots | None = None,
        store: TextStore | None = None,
    ) -> None:
        self.catalogue, self.max_history, self.shots = catalogue, max_history, shots or {}
        self.client: ChatClient[Any] = ChatClient(settings, store)
        self.parser = ExplanationParser(catalogue)
        self._index = {label.casefold(): n for n, label in enumerate(catalogue.labels) if n}

    def recommend(
        self, histories: Sequence[Sequence[Item]], k: int = 5, show_progress: bool = False
    ) -> list[Recommendation]:
        """The k titles it names for each person; item 0 where a title is not of the catalogue or none was named."""

        def read(reply: str) -> list[int]:
            named = [self._index.get(t.casefold(), 0) for t in _titles(reply)][:k]
            return named + [0] * (k - len(named))

        answers = self._ask(self.requests("retrieval", histories), read, show_progress, k=k)
        rows = [[0] * k if row is None else row for row in answers]
        return [Recommendation(tuple(r), tuple(self.catalogue.labels[i] for i in r), (np.nan,) * k) for r in rows]

    def rank(
        self, histories: Sequence[Sequence[Item]], candidates: Sequence[Sequence[Item]], show_progress: bool = False
    ) -> np.ndarray:
        """Candidates (R, C) in its order; 0 at the end for those it left out."""
        requests = self.requests("ranking", histories, candidates)
        ranked = []
        for named, request in zip(self._ask(requests, _titles, show_progress), requests, strict=True):
            items = dict.fromkeys(self._index.get(t.casefold(), 0) for t in named or [])
            kept = [i for i in items if i in request.items]
            ranked.append(kept + [0] * (len(request.items) - len(kept)))
        return np.array(ranked)

    def predict(
        self, histories: Sequence[Sequence[Item]], items: Sequence[Item], show_progress: bool = False
    ) -> list[Prediction]:
        """Would person r like item r? Neither where it says neither."""
        requests = self.requests("preference", histories, [[i] for i in items])
        return [
            Prediction(r.items[0], self.catalogue.labels[r.items[0]], like, np.nan if like is None else float(like))
            for r, like in zip(requests, self._ask(requests, _verdict, show_progress), strict=True)
        ]

    def explain(
        self,
        histories: Sequence[Sequence[Item]],
        items: Sequence[Item],
        instruction: str | Control = "",
        show_progress: bool = False,
    ) -> list[Explanation]:
        """Would the recommender suggest item r to person r, and why? An empty text where no reply came."""
        requests = self.requests("explanation", histories, [[i] for i in items], instruction)
        texts = self._ask(requests, _nonempty, show_progress)
        return [
            explanation_of(text or "", request, self.catalogue, self.parser)
            for text, request in zip(texts, requests, strict=True)
        ]

    def _ask(
        self, requests: Sequence[Request], read: Callable[[str], Any], show_progress: bool, k: int = 5
    ) -> list[Any]:
        """What is read out of the reply to each request of one task; None where no usable reply came."""
        questions = []
        for request in requests:
            messages: list[Message] = [
                {"role": "system", "content": _WITH_EXAMPLES if self.shots else _WITHOUT_EXAMPLES}
            ]
            for asked, answer in self.shots.get(request.task, ()):
                messages.append({"role": "user", "content": as_text(asked, self.catalogue)})
                messages.append({"role": "assistant", "content": as_text(answer, self.catalogue)})
            text = as_text(request.pieces("behavior"), self.catalogue)
            messages.append({"role": "user", "content": f"{text} {_FORMS[request.task].format(k=k)}"})
            questions.append(messages)
        return self.client.ask(questions, read, show_progress)


def _titles(reply: str) -> list[str]:
    """Titles of a reply, one a line or joined by semicolons."""
    parts = [p for line in reply.splitlines() for p in (line.split('"; "') if '"; "' in line else [line])]
    named = [_BULLET.sub("", p).strip(_EDGES) for p in parts]
    named = [n for n in named if n]
    if not named:
        raise BadReply("it names no title")
    return named


def _verdict(reply: str) -> bool:
    decision = re.search(r"\b(yes|no)\b", reply, re.IGNORECASE)
    if not decision:
        raise BadReply("it says neither Yes nor No")
    return decision[1].lower() == "yes"


def _nonempty(reply: str) -> str:
    if not reply.strip():
        raise BadReply("it is empty")
    return reply.strip()
