"""Ids of entity tokens: above the vocabulary, one kind after the other."""

from dataclasses import dataclass
from typing import Literal

EntityKind = Literal["item", "relation", "told", "user"]
KINDS: tuple[EntityKind, ...] = ("item", "relation", "told", "user")
ROLES = ("first cause", "second cause", "third cause", "other way")  # of the titles that an explanation names
TOLD = len(ROLES) + 1  # kinds of told tokens: one for each role, and one for a title that has none


@dataclass(frozen=True)
class EntityIds:
    """The ids of one backbone's entity tokens.

    Attributes:
        vocabulary: number of ordinary tokens, rows of the backbone's input embedding.
        items: number of item vectors, including that of the padding.
    """

    vocabulary: int
    items: int

    def first(self, kind: EntityKind) -> int:
        """The id that stands for row 0 of a kind; as there may be any number of users, these come last."""
        sizes = dict(zip(KINDS, (self.items, self.items, TOLD), strict=False))
        return self.vocabulary + sum(sizes[before] for before in KINDS[: KINDS.index(kind)])

    def kind(self, token: int) -> EntityKind | None:
        """The kind that an id stands for; None for an ordinary token."""
        return next((kind for kind in reversed(KINDS) if token >= self.first(kind)), None)
