"""Finds many phrases (titles, attribute values) in running text by their words.

Words are compared without case, apostrophes and the accents of Latin, Greek and Cyrillic letters; punctuation between
them is ignored. A text is scanned once, looking up the longest phrase that begins at each word, so the time does not
grow with the number of phrases.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import regex

# Marks belong to the letter before them: the vowels of Hindi and Thai are marks.
_WORD = regex.compile(r"[\p{L}\p{N}][\p{L}\p{N}\p{M}]*(?:['’][\p{L}\p{N}][\p{L}\p{N}\p{M}]*)*")
# Accents, emoji's variants and enclosing marks. Other marks tell words apart, such as Japanese ba, pa and ha.
_LEFT_OUT = re.compile(r"[\u0300-\u036f\u20d0-\u20ff\ufe00-\ufe0f]")
_POSSESSIVE = re.compile(r"['’]s?$")
# Between two words of one phrase; more blanks stand in place of something that was taken out.
_WITHIN = re.compile(r"(?! {2})(?:[^\w\n]|_){0,5}")


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a text: the form in which it is compared, and its position."""

    key: str
    start: int
    end: int


def words_of(text: str) -> list[Word]:
    """The words of a text, in order."""
    return [Word(_plain(m[0]), m.start(), m.end()) for m in _WORD.finditer(text)]


def phrase_key(text: str) -> str:
    """The key that all spellings of a phrase share; empty if the phrase contains no word."""
    return " ".join(word.key for word in words_of(text))


class PhraseIndex:
    """A set of phrases, looked up by their keys.

    Args:
        phrases: the keys of the phrases, as `phrase_key` returns them.
    """

    def __init__(self, phrases: Iterable[str]) -> None:
        self._phrases = set(phrases)
        self._longest: dict[str, int] = {}
        for phrase in self._phrases:
            first, *rest = phrase.split(" ")
            self._longest[first] = max(self._longest.get(first, 0), 1 + len(rest))

    def at(self, text: str, words: list[Word], place: int) -> Iterator[tuple[str, int, int]]:
        """Phrases that begin at word `place`, the longest first: key, number of words, and end position in `text`."""
        first = {words[place].key, _stem(words[place], text)[0]}
        most = min(max(self._longest.get(key, 0) for key in first), len(words) - place)
        for size in range(2, most + 1):
            before, after = words[place + size - 2], words[place + size - 1]
            if not _WITHIN.fullmatch(text, before.end, after.start):
                most = size - 1
                break
        for size in range(most, 0, -1):
            head = [word.key for word in words[place : place + size]]
            last = words[place + size - 1]
            for key, end in (_stem(last, text), (head[-1], last.end)):  # "Alien's" is of Alien, not of Aliens
                phrase = " ".join([*head[:-1], key])
                if phrase in self._phrases:
                    yield phrase, size, end
                    break


def _stem(word: Word, text: str) -> tuple[str, int]:
    """The key of a word without its possessive ending, and the position where it then ends."""
    found = _POSSESSIVE.search(text, word.start, word.end)
    return (word.key, word.end) if found is None else (_plain(text[word.start : found.start()]), found.start())


def _plain(word: str) -> str:
    if not word.isascii():
        word = _LEFT_OUT.sub("", unicodedata.normalize("NFKD", word))
    return word.casefold().replace("'", "").replace("’", "")
