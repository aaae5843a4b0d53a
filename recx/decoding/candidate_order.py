"""State of ranking candidates while their titles are written one after another."""

from collections.abc import Sequence

import numpy as np


class CandidateOrder:
    """Tokens that may come next in one ranking.

    Args:
        titles: token ids of each candidate including its end; none may be a prefix of another.
    """

    def __init__(self, titles: Sequence[np.ndarray]) -> None:
        self._titles = [t.tolist() for t in titles]
        self._remaining = list(range(len(titles)))
        self._open, self._position = self._remaining, 0
        self.places: list[int] = []
        self._settle()

    @property
    def complete(self) -> bool:
        """Whether all candidates are ranked."""
        return not self._remaining

    def choices(self) -> list[int]:
        """Token ids that may come next; empty when complete."""
        return sorted({self._titles[c][self._position] for c in self._open})

    def take(self, token: int) -> list[int]:
        """Append one of the choices, and all following tokens that are forced.

        Returns:
            The tokens appended.
        """
        run = [token]
        self._advance(token)
        while len(only := self.choices()) == 1:
            run += only
            self._advance(only[0])
        return run

    def _advance(self, token: int) -> None:
        self._open = [c for c in self._open if self._titles[c][self._position] == token]
        self._position += 1
        if len(self._titles[self._open[0]]) == self._position:
            self.places.append(self._open[0])
            self._remaining = [c for c in self._remaining if c != self._open[0]]
            self._open, self._position = self._remaining, 0
            self._settle()

    def _settle(self) -> None:
        """Rank the last remaining candidate without writing its tokens."""
        if len(self._remaining) == 1:
            self.places.append(self._remaining[0])
            self._remaining = self._open = []
