"""Blind rating by people: selecting the next question and saving the ratings."""

import hashlib
import re
import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from recx.errors import DataError
from recx.evaluation.human_ratings import (
    ASPECTS,
    HumanRating,
    aspect_of,
    levels_of,
    question_id,
    read_ratings,
    sheet_id,
    text_hash,
    write_ratings,
)
from recx.storage.run_folder import read_frame

MAX_NAME = 60  # characters
FIRST_SECONDS = 30.0  # expected duration of a rating before there are any


@dataclass(frozen=True)
class RatingQuestion:
    """An explanation to rate.

    Attributes:
        id: identifies the method and the pair; never shown.
        history: labels, oldest first.
        item: label of the item.
        decision: the target's decision.
        text: the explanation.
    """

    id: str
    history: tuple[str, ...]
    item: str
    decision: bool
    text: str


def questions_from(
    folder: Path, max_history: int, pairs: int = 40, seed: int = 0, sheets: bool = False
) -> list[RatingQuestion]:
    """Select explanations of a finished stage: all methods' texts on the same few pairs.

    Args:
        folder: folder of the stage, with `explanations.parquet`.
        max_history: how many of the latest items of a history are shown.
        pairs: number of pairs.
        seed: random seed of their selection.
        sheets: ask about every scale of a rating sheet, from 0 to 10, instead of the rubric from 0 to 3.

    Raises:
        CheckpointError: the table is missing or damaged.
    """
    frame = read_frame(folder / "explanations.parquet")
    frame = frame[frame["text"].str.strip() != ""]  # an empty text cannot be rated
    known = np.unique(frame["pair"])
    chosen = set(np.random.default_rng(seed).permutation(known)[:pairs].tolist())
    rows = frame[frame["pair"].isin(chosen)]
    return [
        RatingQuestion(
            sheet_id(question_id(row.method, int(row.pair)), scale)
            if scale
            else question_id(row.method, int(row.pair)),
            tuple(row.history[-max_history:]),
            row.item,
            bool(row.target),
            row.text,
        )
        for row in rows.itertuples()
        for scale in (ASPECTS if sheets else ("",))
    ]


class RatingService:
    """Presents explanations without their source, in a different order for each rater, and saves every rating.

    Args:
        questions: the explanations to rate.
        folder: folder with one file per rater, `<name>.jsonl`, which is replaced atomically at every rating.
    """

    def __init__(self, questions: Sequence[RatingQuestion], folder: Path) -> None:
        self.questions, self.folder = list(questions), folder
        self._lock = threading.Lock()

    def next_question(self, rater: str, skipped: Sequence[int] = ()) -> dict[str, Any]:
        """Return the next question for a rater, and the rater's progress.

        Args:
            rater: name or number chosen by the rater.
            skipped: numbers of questions to ask last.

        Returns:
            `done, of, rubric, seconds_left` and, until everything is rated, `number, history, item, decision, text` and
            `asked`, the question of a scale of a rating sheet, or empty.

        Raises:
            DataError: the name is empty or too long.
        """
        ratings = self._ratings(rater)
        rated = {r.question for r in ratings}
        order = [n for n in self._order(rater) if self.questions[n].id not in rated]
        postponed = [n for n in dict.fromkeys(reversed(skipped)) if n in order][::-1]
        remaining = [n for n in order if n not in skipped] or postponed
        seconds = [r.seconds for r in ratings if r.seconds > 0]
        per_rating = float(np.median(seconds)) if seconds else FIRST_SECONDS
        progress = {"done": len(self.questions) - len(order), "of": len(self.questions)}
        progress["seconds_left"] = round(per_rating * len(order))
        asked = self.questions[remaining[0]].id if remaining else ""
        progress["rubric"] = list(levels_of(asked).items())
        if not remaining:
            return progress
        question = asdict(self.questions[remaining[0]])
        question.pop("id")
        return progress | question | {"number": remaining[0], "asked": ASPECTS.get(aspect_of(asked), "")}

    def rate(self, rater: str, number: int, score: int, seconds: float = 0.0) -> None:
        """Save a rating to disk before returning. It replaces an earlier rating of the same question.

        Raises:
            DataError: there is no such question or score, or the folder of ratings cannot be written.
        """
        if not isinstance(number, int) or not 0 <= number < len(self.questions):
            raise DataError(f"There is no question {number!r}.")
        highest = max(levels_of(self.questions[number].id))
        if isinstance(score, bool) or not isinstance(score, int) or not 0 <= score <= highest:
            raise DataError(f"A rating must be a whole number from 0 to {highest}, not {score!r}.")
        with self._lock:
            question, seconds = self.questions[number], round(min(max(float(seconds), 0.0), 3600.0), 1)
            ratings = [r for r in self._saved(rater) if r.question != question.id]
            ratings.append(HumanRating(_name(rater), question.id, int(score), seconds, text_hash(question.text)))
            self._keep(rater, ratings)

    def undo_rating(self, rater: str) -> int | None:
        """Delete the latest rating and return its question's number; None if there is none."""
        with self._lock:
            ratings = self._ratings(rater)
            if not ratings:
                return None
            self._keep(rater, [r for r in self._saved(rater) if r != ratings[-1]])
        return [q.id for q in self.questions].index(ratings[-1].question)

    def export_ratings(self, rater: str) -> str:
        """Return a rater's ratings as JSON lines."""
        path = self._file(rater)
        return path.read_text(encoding="utf-8") if path.is_file() else ""

    def _order(self, rater: str) -> list[int]:
        seed = int.from_bytes(hashlib.sha256(_name(rater).encode()).digest()[:8], "little")
        return np.random.default_rng(seed).permutation(len(self.questions)).tolist()

    def _ratings(self, rater: str) -> list[HumanRating]:
        """Read the ratings of the current texts, ignoring those of texts that have since been regenerated."""
        marks = {q.id: text_hash(q.text) for q in self.questions}
        return [r for r in self._saved(rater) if r.text == marks.get(r.question)]

    def _saved(self, rater: str) -> list[HumanRating]:
        """Read all ratings of a rater, also those of texts that this service does not present."""
        path = self._file(rater)
        return read_ratings(path) if path.is_file() else []

    def _keep(self, rater: str, ratings: list[HumanRating]) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            write_ratings(self._file(rater), ratings)
        except OSError as error:  # the run may belong to another user
            raise DataError(
                f"The rating was not saved: {self.folder} cannot be written ({error.strerror or error}). Copy the run "
                "to a folder of your own and set RECX_RUNS_DIR to it."
            ) from error

    def _file(self, rater: str) -> Path:
        """Build a safe file name from a rater's name, with a hash that keeps similar names apart."""
        name = _name(rater)
        plain = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:30] or "rater"
        return self.folder / f"{plain}-{hashlib.sha256(name.encode()).hexdigest()[:6]}.jsonl"


def _name(rater: str) -> str:
    name = " ".join(rater.split()) if isinstance(rater, str) else ""
    if not name or len(name) > MAX_NAME:
        raise DataError(f"Enter a name of 1 to {MAX_NAME} characters.")
    return name
