"""The bytes that each token of a vocabulary writes, and which tokens write a given byte string.

Bytes, since a tokenizer may split a character, and neither half is valid text.
"""

import bisect
import re
from collections.abc import Iterator
from weakref import WeakKeyDictionary, ref

from transformers import PreTrainedTokenizerBase
from transformers.convert_slow_tokenizer import bytes_to_unicode

_BYTE_OF = {letter: byte for byte, letter in bytes_to_unicode().items()}
_BYTE_TOKEN = re.compile(r"<0x([0-9A-Fa-f]{2})>")  # in tokenizers with byte fallback
_known: WeakKeyDictionary[PreTrainedTokenizerBase, "TokenTexts"] = WeakKeyDictionary()


class TokenTexts:
    """The bytes that a tokenizer's tokens write within a text; special tokens write none."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        special = {n for n, token in tokenizer.added_tokens_decoder.items() if token.special}
        special.update(tokenizer.all_special_ids)
        before = tokenizer.tokenize("a")  # a decoder may drop the space before the first token
        start = len(tokenizer.convert_tokens_to_string(before))
        self._bytes: dict[int, bytes] = {}
        self._tokens: dict[bytes, list[int]] = {}
        for token, n in tokenizer.get_vocab().items():
            if n in special:
                continue
            text = tokenizer.convert_tokens_to_string([*before, token])[start:]
            written = _part_of_a_letter(token) if "\ufffd" in text else text.encode()
            if written:
                self._bytes[n] = written
                self._tokens.setdefault(written, []).append(n)
        self._sorted = sorted(self._tokens)
        self._longest = max(map(len, self._sorted), default=0)
        self._ways: dict[bytes, frozenset[int]] = {}
        self._tokenizer = ref(tokenizer)  # which holds these texts in `_known`
        self._spelt: dict[bytes, list[int]] = {}

    @classmethod
    def of(cls, tokenizer: PreTrainedTokenizerBase) -> "TokenTexts":
        """The token texts of a tokenizer, cached."""
        if tokenizer not in _known:
            _known[tokenizer] = cls(tokenizer)
        return _known[tokenizer]

    def __getitem__(self, token: int) -> bytes:
        """The bytes of a token; empty if it is special or not part of any text."""
        return self._bytes.get(token, b"")

    def ending_with(self, marks: bytes) -> frozenset[int]:
        """Tokens whose last byte is one of some marks."""
        return frozenset(n for n, text in self._bytes.items() if text[-1] in marks)

    def along(self, text: bytes) -> Iterator[tuple[int, list[int]]]:
        """Lengths of the prefixes of a text (including all of it) that are tokens, and the tokens that write each."""
        for size in range(1, min(self._longest, len(text)) + 1):
            tokens = self._tokens.get(text[:size])
            if tokens:
                yield size, tokens

    def beyond(self, text: bytes) -> Iterator[int]:
        """Tokens that write a text and more."""
        for place in range(bisect.bisect_right(self._sorted, text), len(self._sorted)):
            if not self._sorted[place].startswith(text):
                break
            yield from self._tokens[self._sorted[place]]

    def spelling(self, text: bytes) -> list[int]:
        """The tokens by which the tokenizer itself writes a text; empty if it writes another, or if none is left."""
        found = self._spelt.get(text)
        if found is None:
            tokenizer = self._tokenizer()
            found = [] if tokenizer is None else _encoded(tokenizer, text)
            found = self._spelt[text] = found if b"".join(map(self.__getitem__, found)) == text else []
        return found

    def ways(self, text: bytes) -> frozenset[int]:
        """Positions in a text from which tokens reach exactly its end; includes 0 if all of it can be written."""
        found = self._ways.get(text)
        if found is None:
            reached = {len(text)}
            for place in range(len(text) - 1, -1, -1):
                if any(place + size in reached for size, _ in self.along(text[place:])):
                    reached.add(place)
            found = self._ways[text] = frozenset(reached)
        return found


def _encoded(tokenizer: PreTrainedTokenizerBase, text: bytes) -> list[int]:
    return tokenizer.encode(text.decode(errors="ignore"), add_special_tokens=False, split_special_tokens=True)


def _part_of_a_letter(token: str) -> bytes:
    byte = _BYTE_TOKEN.fullmatch(token)
    if byte:
        return bytes.fromhex(byte[1])
    return bytes(_BYTE_OF[letter] for letter in token) if set(token) <= _BYTE_OF.keys() else token.encode()
