"""A chat model as an explainer: the paper's comparison with ChatGPT and GPT-4."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from recx.data.catalogue import Catalogue
from recx.data.item_lookup import Item
from recx.explaining.chat_client import ChatClient
from recx.explaining.chat_endpoint import Message
from recx.explaining.chat_replies import read_decision, read_text, read_titles
from recx.explaining.explainer import Explainer
from recx.explaining.in_context import Shots
from recx.explaining.records import NO_ANSWER, Explanation, Prediction, Recommendation, explanation_of
from recx.parsing.explanation_parser import ExplanationParser
from recx.parsing.title_index import TitleIndex
from recx.prompts.controls import Control
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


class ChatExplainer(Explainer):
    """An `Explainer` that sends the behavior-mode prompts of all tasks to a chat endpoint.

    Args:
        catalogue: the items.
        settings: settings of the chat endpoint.
        max_history: how many of the latest items a prompt shows.
        shots: worked examples of each task; the paper compares two examples with none.
        store: cache of replies.

    Raises:
        SettingsError: no address or model is set, the address is invalid, or the client library is missing.
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
        self.client = ChatClient(settings, store)
        self.parser = ExplanationParser(catalogue)
        self._index = TitleIndex(catalogue)

    def recommend(
        self, histories: Sequence[Sequence[Item]], k: int = 5, show_progress: bool = False
    ) -> list[Recommendation]:
        """Ask for k titles per person; item 0 stands for titles that are missing or not in the catalogue."""

        def read(reply: str) -> list[int]:
            named = self._titles(reply)[:k]
            return named + [0] * (k - len(named))

        answers = self._ask(self.requests("retrieval", histories), read, show_progress, k=k)
        rows = [[NO_ANSWER] * k if row is None else row for row in answers]
        return [
            Recommendation(tuple(r), tuple(self.catalogue.labels[max(i, 0)] for i in r), (np.nan,) * k) for r in rows
        ]

    def rank(
        self, histories: Sequence[Sequence[Item]], candidates: Sequence[Sequence[Item]], show_progress: bool = False
    ) -> np.ndarray:
        """Rank candidates (R, C): a title that is not a candidate becomes 0 in its place, omitted ones 0 at the end.

        A missing reply gives `NO_ANSWER`.
        """
        requests = self.requests("ranking", histories, candidates)
        ranked = []
        for named, request in zip(self._ask(requests, self._titles, show_progress), requests, strict=True):
            given = named or []
            once = [item for n, item in enumerate(given) if item == 0 or item not in given[:n]]
            kept = [item if item in request.items else 0 for item in once][: len(request.items)]
            ranked.append(kept + [NO_ANSWER if named is None else 0] * (len(request.items) - len(kept)))
        return np.array(ranked)

    def predict(
        self, histories: Sequence[Sequence[Item]], items: Sequence[Item], show_progress: bool = False
    ) -> list[Prediction]:
        """Predict whether person r would like item r; None if no reply says yes or no."""
        requests = self.requests("preference", histories, [[i] for i in items])
        return [
            Prediction(r.items[0], self.catalogue.labels[r.items[0]], like, np.nan if like is None else float(like))
            for r, like in zip(requests, self._ask(requests, read_decision, show_progress), strict=True)
        ]

    def explain(
        self,
        histories: Sequence[Sequence[Item]],
        items: Sequence[Item],
        instruction: str | Control = "",
        show_progress: bool = False,
    ) -> list[Explanation]:
        """Explain whether the recommender would suggest item r to person r; the text is empty if there was no reply."""
        requests = self.requests("explanation", histories, [[i] for i in items], instruction)
        texts = self._ask(requests, read_text, show_progress)
        return [
            explanation_of(text or "", request, self.catalogue, self.parser)
            for text, request in zip(texts, requests, strict=True)
        ]

    def _titles(self, reply: str) -> list[int]:
        return read_titles(reply, lambda title: self._index.find(title.strip(), ignore_case=True))

    def _ask(
        self, requests: Sequence[Request], read: Callable[[str], Any], show_progress: bool, k: int = 5
    ) -> list[Any]:
        """Send the requests of one task and parse the replies; None where there was no usable reply."""
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
