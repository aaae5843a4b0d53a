"""Explanations written elsewhere, read from a file, so that they stand beside those made here."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from recx.data.catalogue import Catalogue
from recx.data.item_lookup import Item
from recx.errors import DataError
from recx.explaining.chat_replies import answer_of
from recx.explaining.explainer import Explainer
from recx.explaining.records import Explanation, Prediction, Recommendation, explanation_of
from recx.prompts.controls import Control
from recx.prompts.explanation_parser import ExplanationParser
from recx.prompts.requests import Request


class ImportedExplainer(Explainer):
    """An `Explainer` that knows finished texts and nothing else: it names no titles, and decides as its texts do.

    Args:
        catalogue: items.
        path: JSON lines `{"history": [...], "item": ..., "text": ...}`; histories (oldest first) and items as titles or
            source ids. A line with `error` in place of a text is passed over. Of a history the latest `max_history`
            items tell a text apart from others. Of a text what a model thought before it is left out.
        max_history: how many of the latest items of a history count.

    Raises:
        DataError: the file cannot be read, a line is no such record, or it names an unknown item.
    """

    explains_only = True

    def __init__(self, catalogue: Catalogue, path: Path, max_history: int) -> None:
        self.catalogue, self.max_history = catalogue, max_history
        self.parser = ExplanationParser(catalogue)
        self._texts = dict(filter(None, (self._read(path, number, line) for number, line in _lines(path))))

    def recommend(
        self, histories: Sequence[Sequence[Item]], k: int = 5, show_progress: bool = False
    ) -> list[Recommendation]:
        """No titles: item 0 throughout."""
        return [Recommendation((0,) * k, ("",) * k, (np.nan,) * k) for _ in histories]

    def rank(
        self, histories: Sequence[Sequence[Item]], candidates: Sequence[Sequence[Item]], show_progress: bool = False
    ) -> np.ndarray:
        """No order: 0 throughout (R, C)."""
        return np.zeros((len(candidates), len(candidates[0]) if len(candidates) else 0), dtype=np.int64)

    def predict(
        self, histories: Sequence[Sequence[Item]], items: Sequence[Item], show_progress: bool = False
    ) -> list[Prediction]:
        """The decision that the text about person r and item r begins with, if there is one."""
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
        """The text about person r and item r, checked as all others are; an empty one where the file has none."""
        requests = self.requests("explanation", histories, [[i] for i in items], instruction)
        return [explanation_of(self._texts.get(_key(r), ""), r, self.catalogue, self.parser) for r in requests]

    def _read(self, path: Path, number: int, line: str) -> tuple[tuple[int, ...], str] | None:
        try:
            record = json.loads(line)
            if "error" in record and "text" not in record:
                return None
            history, item, text = record["history"], record["item"], record["text"]
            if not isinstance(history, list) or not all(isinstance(v, str) for v in (*history, item, text)):
                raise TypeError("history is a list of texts, item and text are texts")
            (request,) = self.requests("explanation", [history], [[item]])
        except DataError as error:
            raise DataError(f"{path}, line {number}: {error}") from error
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise DataError(
                f"{path}, line {number}: no explanation ({error}); expected "
                '{"history": ["...", ...], "item": "...", "text": "..."}.'
            ) from error
        return _key(request), answer_of(text)


def _key(request: Request) -> tuple[int, ...]:
    return (*request.history.tolist(), *request.items)


def _lines(path: Path) -> list[tuple[int, str]]:
    try:
        # Not `splitlines`, which would cut texts at what stands for a new line within JSON.
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read ({error}).") from error
    return [(number, line) for number, line in enumerate(lines, 1) if line.strip()]
