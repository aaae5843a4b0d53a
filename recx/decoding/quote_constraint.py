"""Restriction of the quotations in a text to allowed titles while the text is generated.

The constraint applies to the text, not its tokens: a tokenizer may encode a space, bracket or comma together with a
quotation mark as one token, and a single letter as several.
"""

import codecs
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from recx.decoding.token_texts import TokenTexts
from recx.parsing.cited_titles import OTHER_WAY

_MARK = b'"'
# Other quotation marks, which would evade the constraint: a single one at the start of a word, and all typographic
# ones.
_OTHER_MARK = re.compile("[“”„«»‹›「」『』《》＂‚‘]|(?<![\\w\"])'")
_CLOSES = re.compile(r"[A-Za-z0-9\"]$")  # after these, a mark can only close a quotation, not open one
_SENTENCE_END = re.compile(
    rb"[.!?]\s|\n|\xe3\x80\x82|\xef\xbc[\x81\x9f]"
)  # the last are the full stop and punctuation of Chinese and Japanese
_SURROGATE = re.compile(rb"\xed[\xa0-\xbf]")
_OF_THE_HISTORY = re.compile(r"\bhistory\b", re.IGNORECASE)
_SUPPOSED = re.compile(r"\b(?:without|if)\s+$", re.IGNORECASE)  # 'without "A"', 'if "A" is taken out': no further cause
_RULES = b"2"  # to be changed with the rules, so that no text is reused that was written under others


@dataclass(frozen=True, slots=True)
class _State:
    """State of a text: its last sentence without the quoted titles, those titles, and what may be quoted.

    `remaining` are the titles that have not been cited yet. `ways` are the titles (with closing marks) that the open
    quotation may become, `inside` is the part written so far; both are empty outside quotations.
    """

    remaining: tuple[bytes, ...]
    sentence: bytes = b""
    quoted: tuple[bytes, ...] = ()
    ways: tuple[bytes, ...] = ()
    inside: bytes = b""

    @property
    def complete(self) -> bool:
        """Whether a text may end here, i.e. outside quotations and incomplete characters."""
        said = self.sentence.decode(errors="ignore")
        return not self.ways and len(said.encode()) == len(self.sentence)


class QuoteConstraint:
    """Constraint on the quotations of one text.

    A quotation opens with a straight double mark, alone or within a token, which may not follow a letter or
    digit: there it would close a quotation that was never opened. From there, only tokens that spell an allowed title
    are permitted, up to its closing mark and whatever may follow within the same token. Outside quotations, everything
    is permitted except other quotation marks.

    Args:
        texts: text of each token.
        cited: titles that may be cited. Each must be cited once before any is cited as a further one. A title is not
            cited as a further one where a sentence that has begun with the subject compares it, nor where it is
            supposed to be absent ('without "A"', 'if "A" ...'): there it may be repeated, but not within one sentence.
        subject: the title the text is about: it may be repeated, but not after a cited title in the same sentence,
            where it would be mistaken for one of them, nor in a sentence about the history or of what speaks against
            the decision.
    """

    def __init__(self, texts: TokenTexts, cited: Sequence[str], subject: str) -> None:
        self._texts = texts
        # A title that the tokens cannot spell is never started.
        self._cited = tuple(t for t in dict.fromkeys(map(_closed, cited)) if 0 in texts.ways(t))
        self._subject = tuple(t for t in [_closed(subject)] if 0 in texts.ways(t))
        self._state = _State(self._cited)

    @property
    def complete(self) -> bool:
        """Whether the text so far is outside of quotations and ends with a whole character."""
        return self._state.complete

    def allowed(self) -> list[int] | None:
        """Token ids that may come next within a quotation; None outside, where `accepts` decides."""
        state, tokens = self._state, set()
        place = len(state.inside)
        for title in state.ways:
            ways, rest = self._texts.ways(title), title[place:]
            tokens.update(t for size, own in self._texts.along(rest) if place + size in ways for t in own)
            tokens.update(t for t in self._texts.beyond(rest) if self.accepts(t))
        return sorted(tokens) or None

    def rivals(self, token: int) -> dict[bytes, list[int]]:
        """The titles that may be written within a quotation where the most probable token does not tell which.

        A token that also begins a title which may not be written here owes its probability to that one, too: the
        titles have to be compared as a whole.

        Args:
            token: one of those allowed.

        Returns:
            Each title that may be written -> the tokens of what is left of it; empty where the token is to be trusted.
        """
        state = self._state
        begun = state.inside + self._texts[token]
        titles = (*self._cited, *self._subject)
        if len(state.ways) < 2 or not any(t.startswith(begun) and t not in state.ways for t in titles):
            return {}
        spelt = {title: self._texts.spelling(title[len(state.inside) :]) for title in state.ways}
        return spelt if all(spelt.values()) else {}

    def choose(self, title: bytes) -> None:
        """Let the open quotation become one of its titles only."""
        self._state = replace(self._state, ways=(title,))

    def accepts(self, token: int) -> bool:
        """Whether a token may come next."""
        text = self._texts[token]
        return self._after(text) is not None if text else self._state.complete

    def advance(self, token: int) -> None:
        """Append a token, which must be allowed."""
        if not self.accepts(token):
            raise ValueError(f"Token {token} is not allowed here.")
        self._state = self._after(self._texts[token])

    def fingerprint(self) -> bytes:
        """Bytes that identify the constraint, for hashing; call it before the text has begun."""
        return _RULES + repr((self._cited, self._subject)).encode()

    def _after(self, text: bytes) -> _State | None:
        """The state after a further piece of text; None if it is not allowed."""
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
        """The state after plain text and, if any, an opening mark."""
        sentence = state.sentence + plain
        if _SURROGATE.search(sentence):  # no character starts like this, and Python's decoder notices too late
            return None
        try:
            # A character may be incomplete, but not invalid: decoders drop adjacent bytes.
            said = codecs.getincrementaldecoder("utf-8")().decode(sentence, final=opens)
        except UnicodeDecodeError:
            return None
        if _OTHER_MARK.search(said):
            return None
        ends = [m.end() for m in _SENTENCE_END.finditer(sentence)]
        state = replace(state, sentence=sentence[ends[-1] :], quoted=()) if ends else replace(state, sentence=sentence)
        if not opens:
            return state
        ways = self._quotable(state)
        return replace(state, sentence=state.sentence + _MARK, ways=ways) if ways else None

    def _quotable(self, state: _State) -> tuple[bytes, ...]:
        """The titles that a quotation which opens now may become."""
        said, quoted = state.sentence.decode(), state.quoted
        if _CLOSES.search(said):
            return ()
        other_way = OTHER_WAY.search(said)
        free = set(quoted) <= set(self._subject) and not other_way and not _OF_THE_HISTORY.search(said)
        compared = bool(quoted) and quoted[0] in self._subject and not other_way
        again = self._cited if compared or _SUPPOSED.search(said) else ()
        cited = tuple(title for title in again if title not in quoted and title not in state.remaining)
        return state.remaining + cited + (self._subject if free else ())

    def _within(self, state: _State, byte: bytes) -> _State | None:
        """The state after one more byte of a quotation."""
        inside = state.inside + byte
        ways = tuple(title for title in state.ways if title.startswith(inside))
        if inside not in ways:
            return replace(state, ways=ways, inside=inside) if ways else None
        remaining = tuple(title for title in state.remaining if title != inside) or self._cited
        return _State(remaining, state.sentence, (*state.quoted, inside))


def _closed(title: str) -> bytes:
    return title.encode() + _MARK
