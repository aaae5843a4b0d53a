"""What a form needs without any model: titles, real users, and notices about a history. Does not import torch.

Items are catalogue indices; answers are dicts and lists of strings, numbers and booleans, so that they can be sent
between processes. All input is validated, because it comes from users.
"""

import random
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from recx.data.catalogue import Catalogue
from recx.data.title_search import Match, TitleSearch
from recx.errors import DataError
from recx.playground.instruction_options import option_choices

MAX_ITEMS = 500  # items of an external history
Json = dict[str, Any]


class HistoryService:
    """Answers questions about titles, users and histories of one catalogue.

    Args:
        catalogue: the items.
        users: user id -> history of a real user to start from.
        max_history: how many of the latest items the target reads.
        models: names of the explainers, in display order.
        provenance: names and fingerprints that identify the run.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        users: Mapping[str, np.ndarray],
        max_history: int,
        models: Sequence[str],
        provenance: Mapping[str, Any],
    ) -> None:
        self.catalogue, self.users, self.max_history = catalogue, dict(users), max_history
        self.models, self.provenance = list(models), dict(provenance)
        self.titles = TitleSearch(catalogue)

    def about(self) -> Json:
        """Describe the run: models, options, sizes and provenance."""
        return {
            "models": self.models,
            "options": option_choices(tuple(self.catalogue.attributes)),
            "max_history": self.max_history,
            "items": len(self.catalogue),
            "users": len(self.users),
            "first_user": next(iter(self.users), ""),
            "provenance": self.provenance,
        }

    def suggest(self, text: str, limit: int = 8) -> list[Json]:
        """Suggest items for a partly typed title, each with a similarity score (100 is identical)."""
        return [self._match(m) for m in self.titles.suggest(_text(text), limit)]

    def resolve(self, text: str) -> Json:
        """Resolve a typed title to an item: `kind` (exact, close, ambiguous, unknown) and `matches`."""
        resolution = self.titles.resolve(_text(text))
        return {"kind": resolution.kind, "matches": [self._match(m) for m in resolution.matches]}

    def user_history(self, user: str) -> list[Json]:
        """Return the history of a real user by their id in the data set.

        Raises:
            DataError: there is no such user.
        """
        if not isinstance(user, str) or user not in self.users:
            some = ", ".join(list(self.users)[:3])
            raise DataError(f"There is no user {str(user)[:40]!r} among {len(self.users)}; examples are {some}.")
        return [self.item(int(n)) for n in self.users[user]]

    def random_user(self) -> Json:
        """Draw a real user at random: `user` and `items`."""
        user = random.choice(list(self.users))
        return {"user": user, "items": self.user_history(user)}

    def notices(self, history: Sequence[int], item: int | None = None) -> list[str]:
        """Return notices that a person should read before asking about a history."""
        given = self.validate(history)
        out = [] if len(given) else ["The history is empty: add at least one item."]
        if len(given) > self.max_history:
            older = len(given) - self.max_history
            out.append(
                f"The target only reads the latest {self.max_history} items; the {older} oldest "
                f"{'is' if older == 1 else 'are'} ignored and not shown to the explainer."
            )
        if len(np.unique(given)) < len(given):
            out.append("An item is in the history more than once.")
        if item and item in given.tolist():
            out.append(
                "The item is already in the history. The target never recommends such items; its rank is computed as "
                "if it were new."
            )
        return out

    def item(self, item: int) -> Json:
        """Describe one item: index, label and attributes."""
        facts = {name: list(values) for name, values in self.catalogue.facts(item).items()}
        return {"item": item, "label": self.catalogue.labels[item], "facts": facts}

    def validate(self, items: Sequence[int]) -> np.ndarray:
        """Validate external item indices.

        Raises:
            DataError: this is not a list of items, or it is too long.
        """
        if not isinstance(items, list | tuple | np.ndarray) or len(items) > MAX_ITEMS:
            raise DataError(f"A history must be a list of at most {MAX_ITEMS} items.")
        for n in items:
            if isinstance(n, bool) or not isinstance(n, int | np.integer) or not 0 < n <= len(self.catalogue):
                raise DataError(f"{str(n)[:40]!r} is not an item; items are numbered from 1 to {len(self.catalogue)}.")
        return np.array(items, dtype=np.int64)

    def _match(self, match: Match) -> Json:
        return self.item(match.item) | {"score": match.score}


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise DataError(f"A title must be a string, not {type(value).__name__}.")
    return value
