"""What a form needs before any model: titles, people, and what to know about a history. Imports no torch.

Items are catalogue indices, answers are dicts and lists of texts, numbers and booleans, so that they can cross from one
process to another. What comes in is checked: it was typed by somebody.
"""

import random
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from recx.data.catalogue import Catalogue
from recx.errors import DataError
from recx.playground.title_search import TitleIndex
from recx.playground.wishes import HELD, TONES
from recx.prompts.controls import AUDIENCES, LENGTHS

LONGEST_HISTORY = 500
Plain = dict[str, Any]


class Histories:
    """Histories over one catalogue.

    Args:
        catalogue: items.
        people: user id -> history of a real user to start from.
        length: items the target reads.
        models: names of the explainers, in the order shown.
        provenance: which run answers: whatever tells it from others.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        people: Mapping[str, np.ndarray],
        length: int,
        models: Sequence[str],
        provenance: Mapping[str, Any],
    ) -> None:
        self.catalogue, self.people, self.length = catalogue, dict(people), length
        self.models, self.provenance = list(models), dict(provenance)
        self.titles = TitleIndex(catalogue)

    def about(self) -> Plain:
        """What there is: models, attributes, sizes, choices of wishes, and where answers come from."""
        return {
            "models": self.models,
            "views": list(self.catalogue.attributes),
            "lengths": list(LENGTHS),
            "audiences": list(AUDIENCES),
            "tones": list(TONES),
            "quotes": [HELD],
            "longest": self.length,
            "items": len(self.catalogue),
            "people": len(self.people),
            "first_person": next(iter(self.people), ""),
            "provenance": self.provenance,
        }

    def suggest(self, text: str, limit: int = 8) -> list[Plain]:
        """Items for what was typed so far, each with how near it is (100 is the same)."""
        return [{**self.shown(m.item), "score": m.score} for m in self.titles.suggest(_text(text), limit)]

    def resolve(self, text: str) -> Plain:
        """Which item is meant: `kind` (exact, close, ambiguous, unknown) and `matches`."""
        found = self.titles.resolve(_text(text))
        return {"kind": found.kind, "matches": [{**self.shown(m.item), "score": m.score} for m in found.matches]}

    def describe(self, items: Sequence[int]) -> list[Plain]:
        """Label and attributes of items."""
        return [self.shown(int(n)) for n in self.checked(items)]

    def person(self, user: str) -> list[Plain]:
        """The history of a real user, by the id that the data set has.

        Raises:
            DataError: there is no such user.
        """
        if not isinstance(user, str) or user not in self.people:
            some = ", ".join(list(self.people)[:3])
            raise DataError(f"There is no user {str(user)[:40]!r} among {len(self.people)}; some are {some}.")
        return [self.shown(int(n)) for n in self.people[user]]

    def anybody(self) -> Plain:
        """A real user at random: `user` and `items`."""
        user = random.choice(list(self.people))
        return {"user": user, "items": self.person(user)}

    def notices(self, history: Sequence[int], item: int | None = None) -> list[str]:
        """What a person should know about a history before asking."""
        given = self.checked(history)
        out = [] if len(given) else ["The history is empty: add at least one item."]
        if len(given) > self.length:
            older = len(given) - self.length
            out.append(
                f"The target reads the latest {self.length} items; the {older} oldest "
                f"{'is' if older == 1 else 'are'} not read, and not shown to the explainer."
            )
        if len(np.unique(given)) < len(given):
            out.append("An item stands in the history more than once.")
        if item and item in given.tolist():
            out.append(
                "The item stands in the history already. The target never recommends an item again; its rank is "
                "counted as if it were new."
            )
        return out

    def shown(self, item: int) -> Plain:
        """One item: index, label and attributes."""
        facts = {name: list(values) for name, values in self.catalogue.facts(item).items()}
        return {"item": item, "label": self.catalogue.labels[item], "facts": facts}

    def checked(self, items: Sequence[int]) -> np.ndarray:
        """Item indices from outside.

        Raises:
            DataError: they are no list of items, or too many.
        """
        if not isinstance(items, list | tuple | np.ndarray) or len(items) > LONGEST_HISTORY:
            raise DataError(f"A history is a list of at most {LONGEST_HISTORY} items.")
        for n in items:
            if isinstance(n, bool) or not isinstance(n, int | np.integer) or not 0 < n <= len(self.catalogue):
                raise DataError(f"{str(n)[:40]!r} is no item; they have the numbers 1 to {len(self.catalogue)}.")
        return np.array(items, dtype=np.int64)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise DataError(f"A title is a text, not {type(value).__name__}.")
    return value
