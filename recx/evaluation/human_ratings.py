"""Ratings given by people: one JSON line each, whatever tool they come from."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from recx.errors import DataError


@dataclass(frozen=True)
class HumanRating:
    """One rating by one person.

    Attributes:
        rater: a name or number of one's own choice.
        question: id of the rated explanation, as `question_id` makes it.
        score: 0 to 3 by the rubric.
        seconds: time taken, where it was measured.
        text: `text_hash` of what was read, where it is known: a text made anew under the same id was not rated.
    """

    rater: str
    question: str
    score: int
    seconds: float = 0.0
    text: str = ""


def text_hash(text: str) -> str:
    """A short hash of an explanation."""
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def question_id(method: str, pair: int) -> str:
    """Id of an explanation: which method wrote it for which pair. The rating form never shows it."""
    return f"{method}/{pair}"


def read_ratings(path: Path) -> list[HumanRating]:
    """Ratings of a file, or of all `*.jsonl` files of a folder; a rater's latest rating of a question counts.

    Raises:
        DataError: naming file, line and what was expected.
    """
    files = sorted(path.glob("*.jsonl")) if path.is_dir() else [path]
    latest: dict[tuple[str, str], HumanRating] = {}
    for file in files:
        try:
            lines = file.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise DataError(f"{file}: cannot be read ({error}).") from error
        for number, line in enumerate(lines, 1):
            if line.strip():
                rating = _checked(file, number, line)
                latest[rating.rater, rating.question] = rating
    return list(latest.values())


def write_ratings(path: Path, ratings: Iterable[HumanRating]) -> None:
    """Write ratings, one to a line; a file of that name is replaced as a whole."""
    beside = path.with_name(path.name + ".part")
    beside.write_text("".join(json.dumps(asdict(r)) + "\n" for r in ratings), encoding="utf-8")
    beside.replace(path)


def _checked(file: Path, number: int, line: str) -> HumanRating:
    try:
        record = json.loads(line)
        rating = HumanRating(
            str(record["rater"]),
            str(record["question"]),
            int(record["score"]),
            float(record.get("seconds") or 0),
            str(record.get("text") or ""),
        )
        if rating.score != record["score"] or rating.score not in (0, 1, 2, 3):
            raise ValueError(f"score {record['score']!r}")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(
            f"{file}, line {number}: no rating ({error}); expected "
            '{"rater": "...", "question": "...", "score": 0 to 3, "seconds": ...}.'
        ) from error
    return rating
