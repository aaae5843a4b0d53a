"""Texts of the reviews behind a data set's interactions, read on request, and a rule that picks a sentence of each."""

import re
from collections.abc import Collection

from recx.data.amazon import REVIEW_TEXTS, review_texts
from recx.data.registry import find_source
from recx.data.sentiment import sentiment
from recx.errors import DataError
from recx.settings import DataSettings

MAX_LETTERS = 5_000  # of a review that are read
# A full stop within a number ("4.5") or after an abbreviation ends no sentence.
_SENTENCE_END = re.compile(
    r"(?<!\bDr\.)(?<!\bMr\.)(?<!\bMrs\.)(?<!\bMs\.)(?<!\bSt\.)(?<!\bvs\.)(?<!\betc\.)(?<=[.!?])\s+"
)
_FEWEST_WORDS, _MOST_WORDS = 4, 60  # of a sentence that says something; longer ones are cut


def load_reviews(settings: DataSettings, pairs: Collection[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """The reviews of some pairs; the file is read once more, and only these are kept in memory.

    Args:
        settings: the data set.
        pairs: user id and item id of each pair.

    Returns:
        Pair -> what the user wrote about the item, in the first review that is not empty; without one it is missing.

    Raises:
        DataError: the data set comes without the texts of reviews, or its file is damaged.
    """
    _, located = find_source(settings.name).locate(settings.data_dir or None)
    for name, path in located.items():
        for end, fields in REVIEW_TEXTS.items():
            if name.endswith(end) and not name.startswith("meta_"):
                return {pair: text[:MAX_LETTERS] for pair, text in review_texts(path, fields, pairs).items()}
    raise DataError(
        f"{settings.name!r} has no texts of reviews: they are read from Amazon's files CATEGORY_5.json (2018) and "
        "CATEGORY.jsonl (2023). Set xrec.reviews=false."
    )


def most_opinionated_sentence(review: str) -> str:
    """The sentence whose sentiment, by VADER's word list, is farthest from neutral; the first of several.

    A rule, not a summary: where no chat model distils the review, it finds the place at which the user's own words are
    strongest, for or against the item. Sentences of fewer than four words count only where there are no longer ones.

    """
    sentences = [" ".join(found.split()) for found in _SENTENCE_END.split(review.strip()) if found]
    longer = [s for s in sentences if len(s.split()) >= _FEWEST_WORDS]
    chosen = max(longer or sentences, key=lambda s: abs(sentiment(s)), default=review)
    return " ".join(chosen.split()[:_MOST_WORDS])
