"""Human ratings as JSON lines, independent of the tool that collected them."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from recx.errors import DataError


@dataclass(frozen=True)
class HumanRating:
    """One person's rating of one explanation.

    Attributes:
        rater: name or number chosen by the rater.
        question: id of the rated explanation, from `question_id`.
        score: 0 to 3 according to the rubric.
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


def read_ratings(path: Path) -> list[HumanRating]:
    """Read ratings from a file or all `*.jsonl` files of a folder; a rater's latest rating of a question counts.

    Raises:
        DataError: a file or line cannot be read; the message says what was expected.
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
    """Write ratings, one per line; an existing file is replaced atomically."""
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
            f"{file}, line {number}: not a rating ({error}); expected "
            '{"rater": "...", "question": "...", "score": 0 to 3, "seconds": ...}.'
        ) from error
    return rating
