"""The protocol that every explainer of a recommender implements."""

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
    """Answers the tasks about people's histories: an aligned model, a chat model or imported texts.

    Missing answers are left empty (`NO_ANSWER` items, a preference of None, an empty text) and ignored by all metrics.
    Explainers derive from this class and override defaults that do not suit them.

    Attributes:
        catalogue: the items.
        max_history: how many of the latest items of a history are shown to it.
        reads_vectors: whether it reads the target's user vectors, so that histories can be reconstructed from them.
        explains_only: whether it only has explanations and answers no other task.
    """

    catalogue: Catalogue
    max_history: int
    reads_vectors: bool = False
    explains_only: bool = False

    def recommend(
        self, histories: Sequence[Sequence[Item]], k: int = 5, show_progress: bool = False
    ) -> list[Recommendation]:
        """Recommend k titles to each of R people, best first (task 1)."""
        ...

    def rank(
        self, histories: Sequence[Sequence[Item]], candidates: Sequence[Sequence[Item]], show_progress: bool = False
    ) -> np.ndarray:
        """Rank each person's candidates (R, C); returns item indices (task 2)."""
        ...

    def predict(
        self, histories: Sequence[Sequence[Item]], items: Sequence[Item], show_progress: bool = False
    ) -> list[Prediction]:
        """Predict whether person r would like item r (task 3)."""
        ...

    def explain(
        self,
        histories: Sequence[Sequence[Item]],
        items: Sequence[Item],
        instruction: str | Control = "",
        show_progress: bool = False,
    ) -> list[Explanation]:
        """Explain whether the recommender would suggest item r to person r, and why."""
        ...

    def reconstruct(self, histories: Sequence[Sequence[Item]], show_progress: bool = False) -> list[tuple[int, ...]]:
        """Reconstruct each person's history from their user vector (task 6).

        Raises:
            SettingsError: the explainer does not read vectors, so there is nothing to reconstruct.
        """
        raise SettingsError(f"{type(self).__name__} does not read user vectors, so there is nothing to reconstruct.")

    def requests(
        self,
        task: str,
        histories: Sequence[Sequence[Item]],
        items: Sequence[Sequence[Item]] | np.ndarray | None = None,
        instruction: str | Control = "",
    ) -> list[Request]:
        """Build one request per person with `recx.prompts.requests.requests_about`."""
        return requests_about(self.catalogue, task, histories, items, self.max_history, instruction)
