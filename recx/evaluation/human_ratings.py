"""Human ratings as JSON lines, independent of the tool that collected them."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from recx.data.json_lines import checked_lines
from recx.evaluation.judges import RUBRIC
from recx.storage.atomic_files import replace_file

HIGHEST = 10
_FORM = '{"rater": "...", "question": "...", "score": 0 to 3 (of a rating sheet 0 to 10), "seconds": ...}'
# The scales of LLMXRec's rating sheets, in our own words.
ASPECTS = {
    "reasonability": "Do the reasons make sense for this person and this item, and are they true?",
    "attractiveness": "Does the text make one want to try the item?",
    "redundancy": "Is the text free of repetition and of anything irrelevant?",
}


@dataclass(frozen=True)
class HumanRating:
    """One person's rating of one explanation.

    Attributes:
        rater: name or number chosen by the rater.
        question: id of the rated explanation, from `question_id`.
        score: 0 to 3 according to the rubric, or 0 to 10 on a scale of a rating sheet, whose question ends in "#scale".
        seconds: time taken, if measured.
        text: `text_hash` of the rated text, if known; the rating does not apply to a later text with the same id.
    """

    rater: str
    question: str
    score: int
    seconds: float = 0.0
    text: str = ""


def text_hash(text: str) -> str:
    """Compute a short hash of an explanation."""
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def question_id(method: str, pair: int) -> str:
    """Build the id of a method's explanation of a pair. The rating form never shows it."""
    return f"{method}/{pair}"


def sheet_id(question: str, aspect: str) -> str:
    """Build the id of one scale of a sheet from the id of the explanation."""
    return f"{question}#{aspect}"


def aspect_of(question: str) -> str:
    """The scale that a question asks about; empty for a question about the rubric from 0 to 3."""
    aspect = question.rpartition("#")[2] if "#" in question else ""
    return aspect if aspect in ASPECTS else ""


def levels_of(question: str) -> dict[int, str]:
    """The marks that a question allows, with what they mean; a mark without words lies between its neighbours."""
    if not aspect_of(question):
        return RUBRIC
    named = {0: "not at all", HIGHEST // 2: "in part", HIGHEST: "completely"}
    return {level: named.get(level, "") for level in range(HIGHEST + 1)}


def read_ratings(path: Path) -> list[HumanRating]:
    """Read ratings from a file or all `*.jsonl` files of a folder; a rater's latest rating of a question counts.

    Raises:
        DataError: a file or line cannot be read; the message says what was expected.
    """
    files = sorted(path.glob("*.jsonl")) if path.is_dir() else [path]
    latest: dict[tuple[str, str], HumanRating] = {}
    for file in files:
        for rating in checked_lines(file, _checked, _FORM, "a rating"):
            latest[rating.rater, rating.question] = rating
    return list(latest.values())


def write_ratings(path: Path, ratings: Iterable[HumanRating]) -> None:
    """Write ratings, one per line; an existing file is replaced atomically."""
    replace_file(path, "".join(json.dumps(asdict(r)) + "\n" for r in ratings))


def _checked(record: Any) -> HumanRating:
    rating = HumanRating(
        str(record["rater"]),
        str(record["question"]),
        int(record["score"]),
        float(record.get("seconds") or 0),
        str(record.get("text") or ""),
    )
    if rating.score != record["score"] or rating.score not in levels_of(rating.question):
        raise ValueError(f"score {record['score']!r}")
    return rating
