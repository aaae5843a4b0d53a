"""What the kit asks of whoever explains a recommender, whatever stands behind it."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from recx.data.catalogue import Catalogue
from recx.data.item_lookup import Item
from recx.errors import SettingsError
from recx.explaining.records import Explanation, Prediction, Recommendation
from recx.prompts.controls import Control
from recx.prompts.requests import Request, requests_about


class Explainer(Protocol):
    """Answers the tasks about persons' histories: an aligned model, a chat model, texts imported from elsewhere.

    What it has no answer to it leaves empty: items that are `NO_ANSWER`, a preference that is None, an empty text; no
    metric counts it. Explainers derive from this class and override what its defaults do not fit.

    Attributes:
        catalogue: items.
        max_history: how many of the latest items of a history it is shown.
        reads_vectors: whether it reads the target's user vectors, so that a history can be read back out of them.
        explains_only: whether it knows explanations alone and answers no other task.
    """

    catalogue: Catalogue
    max_history: int
    reads_vectors: bool = False
    explains_only: bool = False

    def recommend(
        self, histories: Sequence[Sequence[Item]], k: int = 5, show_progress: bool = False
    ) -> list[Recommendation]:
        """The k titles it names for each of R persons, the best first (task 1)."""
        ...

    def rank(
        self, histories: Sequence[Sequence[Item]], candidates: Sequence[Sequence[Item]], show_progress: bool = False
    ) -> np.ndarray:
        """Candidates (R, C) of each person in its order, as item indices (task 2)."""
        ...

    def predict(
        self, histories: Sequence[Sequence[Item]], items: Sequence[Item], show_progress: bool = False
    ) -> list[Prediction]:
        """Would person r like item r? (task 3)."""
        ...

    def explain(
        self,
        histories: Sequence[Sequence[Item]],
        items: Sequence[Item],
        instruction: str | Control = "",
        show_progress: bool = False,
    ) -> list[Explanation]:
        """Would the recommender suggest item r to person r, and why?"""
        ...

    def reconstruct(self, histories: Sequence[Sequence[Item]], show_progress: bool = False) -> list[tuple[int, ...]]:
        """The items it reads out of each person's user vector (task 6).

        Raises:
            SettingsError: it reads no vectors, so there is nothing to reconstruct.
        """
        raise SettingsError(f"{type(self).__name__} reads no user vectors, so there is nothing to reconstruct.")

    def requests(
        self,
        task: str,
        histories: Sequence[Sequence[Item]],
        items: Sequence[Sequence[Item]] | np.ndarray | None = None,
        instruction: str | Control = "",
    ) -> list[Request]:
        """One question about each person, as `recx.prompts.requests.requests_about` makes them."""
        return requests_about(self.catalogue, task, histories, items, self.max_history, instruction)
