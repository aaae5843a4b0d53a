"""Explanations written elsewhere, read from a file to be compared with those made here."""

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
    """An `Explainer` that only has finished texts: it recommends nothing, and its decisions are those of the texts.

    Args:
        catalogue: the items.
        path: JSON lines `{"history": [...], "item": ..., "text": ...}`, with histories (oldest first) and items as
            titles or source ids. Lines with `error` instead of a text are skipped. A text is looked up by its item and
            the latest `max_history` items of its history. A model's reasoning before its answer is removed.
        max_history: how many of the latest items of a history count.

    Raises:
        DataError: the file cannot be read, a line is not such a record, or it names an unknown item.
    """

    explains_only = True

    def __init__(self, catalogue: Catalogue, path: Path, max_history: int) -> None:
        self.catalogue, self.max_history = catalogue, max_history
        self.parser = ExplanationParser(catalogue)
        self._texts = dict(filter(None, (self._read(path, number, line) for number, line in _lines(path))))

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

    def _read(self, path: Path, number: int, line: str) -> tuple[tuple[int, ...], str] | None:
        try:
            record = json.loads(line)
            if "error" in record and "text" not in record:
                return None
            history, item, text = record["history"], record["item"], record["text"]
            if not isinstance(history, list) or not all(isinstance(v, str) for v in (*history, item, text)):
                raise TypeError("history must be a list of strings, item and text must be strings")
            (request,) = self.requests("explanation", [history], [[item]])
        except DataError as error:
            raise DataError(f"{path}, line {number}: {error}") from error
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            why = f"no {error}" if isinstance(error, KeyError) else error
            raise DataError(
                f"{path}, line {number}: not an explanation ({why}); expected "
                '{"history": ["...", ...], "item": "...", "text": "..."}.'
            ) from error
        return _key(request), answer_of(text)


def _key(request: Request) -> tuple[int, ...]:
    return (*request.history.tolist(), *request.items)


def _lines(path: Path) -> list[tuple[int, str]]:
    try:
        # Not `splitlines`, which would also split at Unicode line separators within JSON strings.
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read ({getattr(error, 'strerror', None) or error}).") from error
    return [(number, line) for number, line in enumerate(lines, 1) if line.strip()]
