"""Holding the quotations of a text to titles that may be cited, while it is written.

What is held is the text, not its tokens: a tokenizer may write a space, a bracket or a comma and a quotation mark as
one token, and a letter as several.
"""

import codecs
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from recx.decoding.token_texts import TokenTexts

_MARK = b'"'
# Marks of other kinds, which would quote unheld: a single one where a word may begin, and all but the straight double.
_OTHER_MARK = re.compile("[“”„«»‹›「」『』《》＂‚‘]|(?<![\\w\"])'")
_SENTENCE_END = re.compile(
    rb"[.!?]\s|\n|\xe3\x80\x82|\xef\xbc[\x81\x9f]"
)  # the last are the full stop and marks of Chinese and Japanese
_SURROGATE = re.compile(rb"\xed[\xa0-\xbf]")
_OF_THE_HISTORY = re.compile(rb"\bhistory\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _State:
    """Where a text stands: its last sentence without the quoted titles, and what may be quoted.

    `ways` are the titles (up to their closing marks) that the open quotation may become, `inside` is what is written
    of it; without an open one both are empty.
    """

    remaining: tuple[bytes, ...]
    sentence: bytes = b""
    free_subject: bool = True
    ways: tuple[bytes, ...] = ()
    inside: bytes = b""

    @property
    def complete(self) -> bool:
        """Whether a text may end here: within no quotation and no letter."""
        said = self.sentence.decode(errors="ignore")
        return not self.ways and len(said.encode()) == len(self.sentence)


class QuoteConstraint:
    """What one text may quote next.

    A quotation opens with a straight double mark, by itself or within a token; from there on only tokens that lead
    along a title are allowed, up to its closing mark, and whatever else may follow within the same token. Outside of
    quotations everything is but marks of other kinds.

    Args:
        texts: what the tokens write.
        cited: titles that may be cited; each once before any of them comes again.
        subject: the title the text is about: it may come again, but not after a cited one in the same sentence, where
            it would pass for one of them, nor where the sentence speaks of the history.
    """

    def __init__(self, texts: TokenTexts, cited: Sequence[str], subject: str) -> None:
        self._texts = texts
        # A title that the tokens cannot write is never begun.
        self._cited = tuple(t for t in dict.fromkeys(map(_closed, cited)) if 0 in texts.ways(t))
        self._subject = tuple(t for t in [_closed(subject)] if 0 in texts.ways(t))
        self._state = _State(self._cited)

    def allowed(self) -> list[int] | None:
        """Token ids that may come next within a quotation; None outside of one, where `accepts` tells."""
        state, tokens = self._state, set()
        place = len(state.inside)
        for title in state.ways:
            ways, rest = self._texts.ways(title), title[place:]
            tokens.update(t for size, own in self._texts.along(rest) if place + size in ways for t in own)
            tokens.update(t for t in self._texts.beyond(rest) if self.accepts(t))
        return sorted(tokens) or None

    def accepts(self, token: int) -> bool:
        """Whether a token may come next."""
        text = self._texts[token]
        return self._after(text) is not None if text else self._state.complete

    def advance(self, token: int) -> None:
        """Go on by one token, which must be allowed."""
        if not self.accepts(token):
            raise ValueError(f"Token {token} may not come here.")
        self._state = self._after(self._texts[token])

    def fingerprint(self) -> bytes:
        """What decides about the quotes, as bytes to be hashed; to be asked before the text has begun."""
        return repr((self._cited, self._subject)).encode()

    def _after(self, text: bytes) -> _State | None:
        """The state after a further piece of text; None where it may not be written."""
        state: _State | None = self._state
        while text and state is not None:
            if state.ways:
                state = self._within(state, text[:1])
                text = text[1:]
            else:
                plain, mark, text = text.partition(_MARK)
                state = self._outside(state, plain, bool(mark))
        if state is None or not state.ways:
            return state
        place = len(state.inside)
        return state if any(place in self._texts.ways(title) for title in state.ways) else None

    def _outside(self, state: _State, plain: bytes, opens: bool) -> _State | None:
        """After plain text, and the mark that opens a quotation."""
        sentence = state.sentence + plain
        if _SURROGATE.search(sentence):  # no letter begins so, and Python's decoder finds out late
            return None
        try:
            # A letter may be written in part, but none may be broken: decoders drop what stands beside it.
            said = codecs.getincrementaldecoder("utf-8")().decode(sentence, final=opens)
        except UnicodeDecodeError:
            return None
        if _OTHER_MARK.search(said):
            return None
        ends = [m.end() for m in _SENTENCE_END.finditer(sentence)]
        state = replace(
            state, sentence=sentence[ends[-1] :] if ends else sentence, free_subject=state.free_subject or bool(ends)
        )
        if not opens:
            return state
        free = state.free_subject and not _OF_THE_HISTORY.search(state.sentence)
        ways = state.remaining + (self._subject if free else ())
        return replace(state, sentence=state.sentence + _MARK, free_subject=free, ways=ways) if ways else None

    def _within(self, state: _State, byte: bytes) -> _State | None:
        """After one more byte of a quotation."""
        inside = state.inside + byte
        ways = tuple(title for title in state.ways if title.startswith(inside))
        if inside not in ways:
            return replace(state, ways=ways, inside=inside) if ways else None
        remaining = tuple(title for title in state.remaining if title != inside) or self._cited
        free = state.free_subject and inside in self._subject
        return _State(remaining, state.sentence, free)


def _closed(title: str) -> bytes:
    return title.encode() + _MARK
