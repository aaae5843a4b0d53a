"""Facts retrieved for a prompt: what is known of an item and of its neighbours, chosen for one person.

After ERRA (Cheng et al., ACL 2023, arXiv 2306.12657), which retrieves sentences of reviews for people with few of their
own, and chooses the aspects that each of them cares about. Here the sentences state attributes, and an excerpt of the
shop's text where there is one.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.preprocessing import normalize

from recx.data.catalogue import Catalogue
from recx.prompts.modes import Mode
from recx.prompts.pieces import Piece
from recx.prompts.requests import Request
from recx.prompts.templates import describe_item, excerpt

NEIGHBOURS = 20


@dataclass(frozen=True)
class InformedRequest(Request):
    """A request with retrieved facts before it.

    Attributes:
        facts: sentences about the item and its neighbours.
    """

    facts: tuple[Piece, ...] = ()

    @classmethod
    def of(cls, request: Request, facts: Sequence[Piece]) -> Self:
        """The same request with facts."""
        return cls(**vars(request), facts=tuple(facts))

    def pieces(self, form: Mode) -> list[Piece]:
        """The prompt in the form of a mode, after the facts."""
        return [*self.facts, *super().pieces(form)]


class FactRetriever:
    """Finds facts about an item that concern a person.

    Args:
        catalogue: titles, attributes and texts.
        vectors: (N + 1, d) by which neighbours are found, such as the target's item vectors; by default TF-IDF of what
            the catalogue says.
    """

    def __init__(self, catalogue: Catalogue, vectors: np.ndarray | None = None) -> None:
        self.catalogue = catalogue
        words = [_words(catalogue, item) for item in range(len(catalogue) + 1)]
        self._content = TfidfVectorizer(analyzer=list).fit_transform(words)
        self._place = self._content if vectors is None else normalize(np.nan_to_num(vectors))

    def neighbours(self, item: int, count: int = NEIGHBOURS) -> np.ndarray:
        """The items nearest to an item, nearest first, without itself."""
        likeness = np.asarray(_dense(self._place @ self._place[[item]].T)).ravel()
        likeness[[0, item]] = -np.inf
        return np.argsort(-likeness, kind="stable")[: min(count, len(self.catalogue) - 1)]

    def retrieve(self, history: Sequence[int] | np.ndarray, item: int, count: int = 3) -> list[int]:
        """The item, and those of its neighbours that are most like the history as a whole; `count` in all."""
        near = self.neighbours(item)
        taste = np.asarray(self._content[np.asarray(history)].mean(axis=0))
        likeness = np.asarray(self._content[near] @ taste.T).ravel()
        return [item, *near[np.argsort(-likeness, kind="stable")].tolist()][:count]

    def facts(self, history: Sequence[int] | np.ndarray, item: int, count: int = 3) -> list[Piece]:
        """Sentences about the retrieved items, each followed by a space."""
        said: list[Piece] = []
        for other in self.retrieve(history, item, count):
            said += [*describe_item(self.catalogue, other), " "]
            texts = next((values[other] for values in self.catalogue.texts.values() if values[other]), ())
            said += [f"{excerpt(texts)} "] if texts else []
        return said

    def aspect(self, history: Sequence[int] | np.ndarray, item: int) -> str | None:
        """The attribute that a person cares about most: one value of it is far more common with them than elsewhere.

        Only attributes that are known of the item count; None if there is none.
        """
        best, most = None, -np.inf
        for column in self.catalogue.facts(item):
            values = self.catalogue.attributes[column]
            own = Counter(value for i in history for value in set(values[int(i)]))
            lifts = [n / len(history) - self._share(column, value) for value, n in own.items()]
            if max(lifts, default=-np.inf) > most:
                best, most = column, max(lifts)
        return best

    def _share(self, column: str, value: str) -> float:
        return sum(value in values for values in self.catalogue.attributes[column]) / len(self.catalogue)


def _words(catalogue: Catalogue, item: int) -> list[str]:
    """What the catalogue says of an item: each value as one word, and the words of its texts."""
    values = [f"{column}={value}" for column, own in catalogue.facts(item).items() for value in own]
    texts = [word for own in catalogue.texts.values() for text in own[item] for word in text.lower().split()]
    return [*values, *texts, *(catalogue.titles[item].lower().split() if item else [])]


def _dense(matrix: object) -> np.ndarray:
    return matrix.toarray() if hasattr(matrix, "toarray") else np.asarray(matrix)
