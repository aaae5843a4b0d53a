"""Holding the quotes of a text to titles that may be cited, while it is written."""

from collections.abc import Sequence

import numpy as np


class QuoteConstraint:
    """What one text may quote next.

    A quote opens with a token that some title opens with; from there on only tokens that lead along a title are
    allowed, up to its closing quote. Outside of quotes everything is.

    Args:
        cited: titles that may be cited, as token ids with both quotes; each once before any of them comes again.
        subject: the title the text is about: it may come again, but not after a cited one in the same sentence,
            where it would pass for one of them.
        stop: token that ends a sentence.
        source: token after which a sentence speaks of the history, so that what it quotes is not the subject any more.
    """

    def __init__(self, cited: Sequence[np.ndarray], subject: np.ndarray, stop: int, source: int | None = None) -> None:
        self._cited = [t.tolist() for t in cited]
        self._remaining = list(self._cited)
        self._subject, self._stop, self._source = subject.tolist(), stop, source
        self._free_subject = True
        self._open: list[list[int]] = []
        self._position = 0

    def allowed(self) -> list[int] | None:
        """Token ids that may come next; None for any."""
        return sorted({t[self._position] for t in self._open}) or None

    def advance(self, token: int) -> None:
        """Go on by one token, which must be allowed."""
        candidates = self._open or self._remaining + ([self._subject] if self._free_subject else [])
        if not self._open:
            self._free_subject = (self._free_subject or token == self._stop) and token != self._source
        self._position = self._position + 1 if self._open else 1
        self._open = [t for t in candidates if t[self._position - 1] == token]
        written = next((t for t in self._open if len(t) == self._position), None)
        if written:
            self._free_subject &= written == self._subject
            self._remaining = [t for t in self._remaining if t != written] or list(self._cited)
            self._open = []

    def fingerprint(self) -> bytes:
        """What decides about the quotes, as bytes to be hashed; to be asked before the text has begun."""
        return repr((self._cited, self._subject, self._stop, self._source)).encode()
