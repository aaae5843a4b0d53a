"""Explanations written elsewhere, read from a file to be compared with those made here."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from recx.data.catalogue import Catalogue
from recx.data.item_lookup import Item
from recx.data.json_lines import checked_lines
from recx.errors import DataError
from recx.explaining.chat_replies import answer_of
from recx.explaining.explainer import Explainer
from recx.explaining.records import Explanation, Prediction, Recommendation, explanation_of
from recx.parsing.explanation_parser import ExplanationParser
from recx.prompts.controls import Control
from recx.prompts.requests import Request

_FORM = '{"history": ["...", ...], "item": "...", "text": "..."}'


class ImportedExplainer(Explainer):
    """An `Explainer` that only has finished texts: it recommends nothing, and its decisions are those of the texts.

    Args:
        catalogue: the items.
        path: JSON lines `{"history": [...], "item": ..., "text": ...}`, with histories (oldest first) and items as
            titles or source ids. Lines with `error` instead of a text are skipped. A text is looked up by its item and
            the latest `max_history` items of its history. A model's reasoning before its answer is removed.
        max_history: how many of the latest items of a history count.

    Raises:
        DataError: the file cannot be read, a line is not such a record, it names an unknown item, or two texts are
            about the same history and item.
    """

    explains_only = True

    def __init__(self, catalogue: Catalogue, path: Path, max_history: int) -> None:
        self.catalogue, self.max_history = catalogue, max_history
        self.parser = ExplanationParser(catalogue)
        self._texts: dict[tuple[int, ...], str] = {}
        for key, text in filter(None, checked_lines(path, self._read, _FORM, "an explanation")):
            if self._texts.setdefault(key, text) != text:
                *read, item = key
                history = "; ".join(catalogue.labels[i] for i in read)
                raise DataError(
                    f"{path}: two texts explain {catalogue.labels[item]!r} to a person with the history {history}; "
                    "keep one of them."
                )

    def recommend(
        self, histories: Sequence[Sequence[Item]], k: int = 5, show_progress: bool = False
    ) -> list[Recommendation]:
        """Recommend nothing: all items are 0."""
        return [Recommendation((0,) * k, ("",) * k, (np.nan,) * k) for _ in histories]

    def rank(
        self, histories: Sequence[Sequence[Item]], candidates: Sequence[Sequence[Item]], show_progress: bool = False
    ) -> np.ndarray:
        """Rank nothing: all items (R, C) are 0."""
        return np.zeros((len(candidates), len(candidates[0]) if len(candidates) else 0), dtype=np.int64)

    def predict(
        self, histories: Sequence[Sequence[Item]], items: Sequence[Item], show_progress: bool = False
    ) -> list[Prediction]:
        """Return the decision stated at the beginning of each text, if there is one."""
        return [
            Prediction(e.item, e.title, e.decision, np.nan if e.decision is None else float(e.decision))
            for e in self.explain(histories, items)
        ]

    def explain(
        self,
        histories: Sequence[Sequence[Item]],
        items: Sequence[Item],
        instruction: str | Control = "",
        show_progress: bool = False,
    ) -> list[Explanation]:
        """Look up and check the text about person r and item r; it is empty if the file has none."""
        requests = self.requests("explanation", histories, [[i] for i in items], instruction)
        return [explanation_of(self._texts.get(_key(r), ""), r, self.catalogue, self.parser) for r in requests]

    def _read(self, record: Any) -> tuple[tuple[int, ...], str] | None:
        if "error" in record and "text" not in record:
            return None
        history, item, text = record["history"], record["item"], record["text"]
        if not isinstance(history, list) or not all(isinstance(v, str) for v in (*history, item, text)):
            raise TypeError("history must be a list of strings, item and text must be strings")
        (request,) = self.requests("explanation", [history], [[item]])
        return _key(request), answer_of(text)


def _key(request: Request) -> tuple[int, ...]:
    return (*request.history.tolist(), *request.items)
