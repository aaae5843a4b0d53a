"""A chat model asked what an Explainer is asked, in words: the paper's comparison with ChatGPT and GPT-4."""

import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from recx.data.catalogue import Catalogue
from recx.explaining.aligned import wish
from recx.explaining.chat_client import BadReply, ChatClient, Message
from recx.explaining.in_context import Shots
from recx.explaining.records import Explanation, Prediction, Recommendation
from recx.prompts import wordings as prompts
from recx.prompts.controls import Control
from recx.prompts.reading import Reader
from recx.prompts.training_tasks import TaskData, as_text, question
from recx.recommenders.labels import NO_LABELS
from recx.settings import ChatSettings
from recx.storage.text_store import TextStore

_SYSTEM = (
    "You imitate a recommender system whose choices you know only from the examples. Titles stand in double quotes. "
    "Answer as briefly as the examples do."
)
_FORMS = {
    "retrieval": "Reply with {k} titles, each on a line of its own, the best first, and nothing else.",
    "ranking": "Reply with all of these titles, each on a line of its own, the best first, and nothing else.",
    "preference": "Reply with Yes or No.",
    "explanation": "Begin with Yes or No, then give the reasons in two or three sentences. Quote titles exactly.",
}
_BULLET = re.compile(r"^\s*(?:[-*\u2022]|\d+[.):])\s*")
_EDGES = " \t\"'\u201c\u201d*`"


class ChatExplainer:
    """Answers the tasks of the behavior form through a chat address.

    Args:
        catalogue: items.
        settings: of the address.
        longest: how many of the latest items a prompt shows.
        shots: worked examples of each task; the paper gives two.
        store: where replies are kept.

    Raises:
        SettingsError: no address is told.
    """

    mode = "behavior"

    def __init__(
        self,
        catalogue: Catalogue,
        settings: ChatSettings,
        longest: int,
        shots: Shots | None = None,
        store: TextStore | None = None,
    ) -> None:
        self.catalogue, self.longest, self.shots = catalogue, longest, shots or {}
        self.client: ChatClient[Any] = ChatClient(settings, store)
        self.reader = Reader(catalogue)
        self._index = {label.casefold(): n for n, label in enumerate(catalogue.labels) if n}

    def recommend(
        self, histories: Sequence[np.ndarray], k: int = 5, show_progress: bool = False
    ) -> list[Recommendation]:
        """The k titles it names for each person; item 0 where a title is not of the catalogue or none was named."""

        def read(reply: str) -> list[int]:
            named = [self._index.get(t.casefold(), 0) for t in _titles(reply)][:k]
            return named + [0] * (k - len(named))

        found = self._ask("retrieval", histories, None, read, show_progress, k=k)
        rows = [[0] * k if row is None else row for row in found]
        return [Recommendation(tuple(r), tuple(self.catalogue.labels[i] for i in r), (np.nan,) * k) for r in rows]

    def rank(self, histories: Sequence[np.ndarray], candidates: np.ndarray, show_progress: bool = False) -> np.ndarray:
        """Candidates (R, C) in its order; 0 at the end for those it left out."""
        rows = iter(np.asarray(candidates))

        found = self._ask("ranking", histories, candidates, _titles, show_progress)
        out = []
        for named, row in zip(found, rows, strict=True):
            kept = [self._index.get(t.casefold(), 0) for t in named or []]
            kept = [i for i in dict.fromkeys(kept) if i in row]
            out.append(kept + [0] * (len(row) - len(kept)))
        return np.array(out)

    def predict(
        self, histories: Sequence[np.ndarray], items: Sequence[int], show_progress: bool = False
    ) -> list[Prediction]:
        """Would person r like item r? Neither where it says neither."""
        found = self._ask("preference", histories, [[i] for i in items], _verdict, show_progress)
        return [
            Prediction(int(i), self.catalogue.labels[i], like, np.nan if like is None else float(like))
            for i, like in zip(items, found, strict=True)
        ]

    def explain(
        self,
        histories: Sequence[np.ndarray],
        items: Sequence[int],
        instruction: str | Control = "",
        show_progress: bool = False,
    ) -> list[Explanation]:
        """Would the recommender suggest item r to person r, and why? An empty text where no reply came."""
        asked = wish(instruction)
        found = self._ask("explanation", histories, [[i] for i in items], _nonempty, show_progress, asked)
        out = []
        for history, item, text in zip(histories, items, found, strict=True):
            read = self.reader.read(text or "", history[-self.longest :], int(item))
            label = self.catalogue.labels[item]
            out.append(Explanation(int(item), label, read.decision, text or "", read.citations, read.statements, asked))
        return out

    def _ask(
        self,
        task: str,
        histories: Sequence[np.ndarray],
        items: Sequence[Sequence[int]] | np.ndarray | None,
        read: Callable[[str], Any],
        show_progress: bool,
        instruction: str = "",
        k: int = 5,
    ) -> list[Any]:
        data = TaskData(self.catalogue, list(histories), NO_LABELS, longest=self.longest)
        form, wording = _FORMS[task].format(k=k), prompts.ALL_WORDINGS[task][0]
        shown: list[Message] = []
        for pieces, answer in self.shots.get(task, ()):
            shown.append({"role": "user", "content": as_text(pieces, self.catalogue)})
            shown.append({"role": "assistant", "content": as_text(answer, self.catalogue)})
        questions = []
        for row in range(len(histories)):
            text = as_text(
                question(data, "behavior", row, 0, wording, () if items is None else items[row]), self.catalogue
            )
            text = " ".join(filter(None, [text, instruction, form]))
            questions.append([{"role": "system", "content": _SYSTEM}, *shown, {"role": "user", "content": text}])
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
    found = re.search(r"\b(yes|no)\b", reply, re.IGNORECASE)
    if not found:
        raise BadReply("it says neither Yes nor No")
    return found[1].lower() == "yes"


def _nonempty(reply: str) -> str:
    if not reply.strip():
        raise BadReply("it is empty")
    return reply.strip()
