"""Where a text states attribute values of a catalogue: "an action-adventure film", "a blend of comedy and romance".

Many values are ordinary words too (action, war, news, indie). Written small, such a word counts as a value only where
its place says so: before "game" or "genre", in what is blended, liked or categorised, or as a kind of work by itself
("a light-hearted comedy").
"""

import itertools
import re

from recx.data.catalogue import Catalogue
from recx.parsing.phrase_index import PhraseIndex, Word, phrase_key, words_of

KINDS = "game|title|film|movie|book|novel|story|show|series|album|song|track|item|product|article|news|video|one"
# After these words a value is what the person likes.
TASTE = re.compile(
    r"\b(?:fans?|enthusiasts?|lovers?|followers?|interests?|preferences?|tastes?|fondness|liking|love|enjoy(?:ed|s)?|prefer(?:s|red)?|"
    r"appreciate[sd]?|history|interested|into|other)\b",
    re.IGNORECASE,
)
# What makes a small word before it, or a list of them, the name of a genre.
_GENRE_BEHIND = re.compile(
    rf"(?:{KINDS}|genre|gaming|fan|lover|enthusiast|flick|read)s?|stories|(?:sub)?categor(?:y|ies)|sub"
)
_GENRE_DIRECTLY_BEHIND = re.compile(
    r"gameplay|music|elements?|experiences?|tags?|tagged|section|aspects?|themes?|storylines?|subplot|twist|ambiance|format|features|cinema"
)
_CATEGORY_BEHIND = re.compile(r"['\"]?[ -](?:(?:sub-?)?categor|genre|tag|section)", re.IGNORECASE)
_GENRE_BEFORE = re.compile(
    r"\b(?:genres?|tags?|(?:sub)?categor(?:y|ies)|mix(?:ture)?|blend|combination|elements)"
    r"(?: (?:of|like|such as|including))?:? $"
)
_CATEGORY_BEFORE = re.compile(
    r"\b(?:genres?|categor(?:y|ies)|tags?)\b[^.!?\n]{0,30}? (?:of|is|as)[ '\"]+$", re.IGNORECASE
)
# What is blended, liked or categorised: directly before a value, or before a list in which it stands.
_ANNOUNCED = re.compile(
    r"\b(?:(?:mix(?:ture)?|blend|fusion|combination|elements|touch|dash|hint|genres?|(?:sub)?categor(?:y|ies)|tags?|films?|"
    r"movies?|games?|books?|stories),? (?:of|between|with|like|such as|including)|mix(?:es|ing)|blend(?:s|ing)|"
    r"combin(?:es?|ing)|interest(?:s|ed)? in|preferences? for|tastes? for|(?:fans?|lovers?|followers?|enthusiasts?) of|"
    r"love (?:for|of)|fond of|falls? (?:under|into)|belongs? to|appreciation (?:for|of)|related to|enjoy(?:ed|s)?|"
    r"prefers?|loves):?",
    re.IGNORECASE,
)
# A list from there on: each part of up to three words, the last one perhaps with a word before the value.
_LIST = re.compile(
    r" (?:both )?(?:(?:[\w'-]+ ){0,2}[\w'-]+(?:, (?:and |or )?| and | or | & |/| with (?:an? )?))*(?:an? )?"
    r"(?:[\w'-]+ )?"
)
_ANNOUNCING = 100  # letters before a value in which that is looked for
# These name a work by themselves: "a crime drama", "this psychological thriller".
_WORKS = frozenset(
    "comedy drama thriller romance musical western documentary melodrama biography memoir mystery shooter platformer "
    "rpg".split()
)
_ONE = re.compile(r"\b(?:an?|another|this)(?: [\w'-]+,?){0,4} $", re.IGNORECASE)
_WORD_BEFORE = re.compile(r"([^\W\d_]+)(?: is| of|:)? $")
SERIES = "series|franchise"
# The one place where a value is recognised that the catalogue does not have: "part of the Soulcaliber series".
_IN_SERIES = re.compile(
    rf"\bpart of (?:the|an?) ?([^\s.,;:!?\"](?:[^.,;:!?\"\n]{{0,60}}[^\s.,;:!?\"])?) (?:{SERIES})\b"
)
_PART_OF, _SERIES_BEHIND = re.compile(r"\bpart of (?:the )?$"), re.compile(rf" (?:{SERIES})\b")
_BETWEEN = re.compile(r"\s*(?:,|/|&|-|\band\b|\bor\b|, and|, or)\s*", re.IGNORECASE)
_CODE, _CODE_WORDS = 8, 4  # letters of a value that may be several words written together, and how many words
_SPACED = re.compile(r"[ -]")
# Other names of widespread genres, by the key of the genre.
_ALSO_CALLED = {
    "animation": ("animated",),
    "comedy": ("comedic",),
    "romance": ("romantic",),
    "history": ("historical",),
    "sci fi": ("science fiction",),
    "rpg": ("role playing",),
    "massively multiplayer": ("mmo",),
}
# Values that are also words of every text, such as codes of languages and countries. These, and numbers that are no
# years, are values only directly behind the name of their attribute: "with the language it", "players: 4".
_ORDINARY = frozenset(
    "a all am an and any as at be by do first for go he hi i id if in is it last me more most my new no none not of on "
    "one or other others so than the their them they this to too us we with yes you your".split()
)
# Attributes whose values the kit phrases without their name: "is for 2600", "is an Other title".
_PHRASED = re.compile(r"(?:genre|platform|developer|brand|year|release.year|publication.year)s?$", re.IGNORECASE)
_PREDICATE = re.compile(r"\bis (for|made by|from|an?) $")
_NUMBER, _YEAR = re.compile(r"[\d.,]+"), re.compile(r"(?:1[5-9]|20)\d\d")


class ValueMentions:
    """Finds the attribute values of one catalogue in texts.

    Args:
        catalogue: the items and their attributes.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self._attributes = frozenset(catalogue.attributes)
        self._of_attribute = {
            name: {v for item in column for v in item} for name, column in catalogue.attributes.items()
        }
        self.values = {v for values in self._of_attribute.values() for v in values}
        names = "|".join(re.escape(name) for name in sorted(catalogue.attributes, key=len, reverse=True))
        self._name_before = re.compile(rf"(?<!\w)({names})(?: of| is| are|:)? $", re.IGNORECASE) if names else None
        self._name_letters = max(map(len, catalogue.attributes), default=0) + 5
        self._canonical = {name.casefold(): name for name in catalogue.attributes}
        self._spellings: dict[str, list[str]] = {}
        for value in sorted(self.values, key=lambda v: (-len(v), v)):  # "C++" before "C"
            own = phrase_key(value)
            for key in {own, *_plurals(own)} - {""}:
                self._spellings.setdefault(key, []).append(value)
        for value in sorted(self.values):
            for key in _ALSO_CALLED.get(phrase_key(value), ()):
                self._spellings.setdefault(key, [value])
        self._codes = {v for v in self.values if len(v) >= _CODE and v.isalpha() and v.islower()}
        self._phrases = PhraseIndex(self._spellings)
        self._parts = {part for key in self._spellings for part in key.split()}
        self._longest = max((key.count(" ") + 1 for key in self._spellings), default=0)

    def find(self, plain: str, start: int) -> list[tuple[tuple[int, int], str]]:
        """Values in a text without its titles, from a place on: where, and which."""
        found, words, place = [], words_of(plain), 0
        while place < len(words):
            step = 1
            code = self._apart(plain, words, place) if words[place].start >= start else None
            if code is not None:
                value, step = code
                found.append(((words[place].start, words[place + step - 1].end), value))
                place += step
                continue
            for key, size, _ in self._phrases.at(plain, words, place):
                if words[place].start < start:
                    break
                span, value = self._value(plain, key, words, place, size)
                if value is not None and (not is_ordinary(value) or self._is_stated(plain, span, value)):
                    found.append((span, value))
                    step = size
                    break
            place += step
        return found + self._unknown_series(plain, start, [span for span, _ in found])

    def _unknown_series(
        self, plain: str, start: int, known: list[tuple[int, int]]
    ) -> list[tuple[tuple[int, int], str]]:
        """Names of series that no item has, in a catalogue that has series."""
        if "series" not in self._attributes:
            return []
        named = [m for m in _IN_SERIES.finditer(plain, start) if m[1] != m[1].lower()]  # not "part of the same series"
        return [
            (m.span(1), m[1]) for m in named if not any(begin < m.end(1) and m.start(1) < end for begin, end in known)
        ]

    def named_before(self, plain: str, start: int) -> tuple[str, int] | None:
        """The attribute whose name stands directly before a place, and where it starts: "with the genre Puzzle"."""
        if self._name_before is None:
            return None
        found = self._name_before.search(plain, max(start - self._name_letters, 0), start)
        return None if found is None else (self._canonical[found[1].casefold()], found.start())

    def _is_stated(self, plain: str, span: tuple[int, int], value: str) -> bool:
        """Whether a number or ordinary word is a value here: behind its attribute's name, or as the kit phrases it."""
        if self.named_before(plain, span[0]):
            return True
        before = _PREDICATE.search(plain, max(span[0] - 20, 0), span[0])
        if before is None or (before[1] in ("a", "an") and not plain.startswith(" title", span[1])):
            return False
        return any(value in own for name, own in self._of_attribute.items() if _PHRASED.match(name))

    def has(self, attribute: str, value: str) -> bool:
        """Whether some item has the value in this attribute."""
        return value in self._of_attribute[attribute]

    def only(self, words: str) -> bool:
        """Whether words are nothing but values: "Drama Thriller", "Comedy, Romance and War"; but not "Halo 2"."""
        keys = [word.key for word in words_of(words) if word.key not in ("and", "or")]
        reached = [True] + [False] * len(keys)  # whether the first so many words can be cut into values
        for end in range(1, len(keys) + 1):
            first = max(0, end - self._longest)
            reached[end] = any(reached[n] and " ".join(keys[n:end]) in self._spellings for n in range(first, end))
        return bool(keys) and reached[-1]

    def _value(
        self, plain: str, key: str, words: list[Word], place: int, size: int
    ) -> tuple[tuple[int, int], str | None]:
        """Which value some words of a text are, if they are one."""
        begin, end = words[place].start, words[place + size - 1].end
        best: tuple[tuple[int, int], str | None] = ((begin, end), None)
        for value in self._spellings[key]:
            own = words_of(value)
            offset = begin - own[0].start
            spans = []
            if plain[max(offset, 0) : offset + len(value)].casefold() == value.casefold():
                spans.append((offset, offset + len(value)))  # also what is no word in it: "C++" is not "C"
            if own[0].start == 0 and own[-1].end == len(value):
                spans.append((begin, end))  # "role playing", "shooters"
            span = next((s for s in spans if self._stands_alone(plain, s, words, place, size)), None)
            if span is None:
                continue
            said = plain[span[0] : span[1]]
            small = said[:1].islower()
            if said == value and not (small and len(own) == 1 and said.isalpha() and not self._named(plain, span[0])):
                return span, value
            if (
                not small
                or len(own) > 1
                or size > 1
                or (phrase_key(said) != phrase_key(value) and TASTE.search(plain, max(begin - 30, 0), begin))
                or self._names_genre(plain, words, place)
            ):
                best = span, value
        return best

    def _apart(self, plain: str, words: list[Word], place: int) -> tuple[str, int] | None:
        """A code that the text writes in several words, "food and drink" for "foodanddrink"; and how many words."""
        joined = words[place].key
        for size in range(2, min(_CODE_WORDS, len(words) - place) + 1) if self._codes else ():
            if plain[words[place + size - 2].end : words[place + size - 1].start] != " ":
                return None
            joined += words[place + size - 1].key
            if joined in self._codes:
                return joined, size
        return None

    def _named(self, plain: str, start: int) -> bool:
        """Whether a small word is announced as a value: "for pc", "with the mood calm"."""
        before = _WORD_BEFORE.search(plain, max(start - 40, 0), start)
        return before is not None and (before[1] in ("for", "by", "from", "on") or before[1] in self._attributes)

    def _stands_alone(self, plain: str, span: tuple[int, int], words: list[Word], place: int, size: int) -> bool:
        """Whether no word touches it, and by a hyphen only another value: "action-adventure"."""
        before, behind = plain[max(span[0] - 1, 0) : span[0]], plain[span[1] : span[1] + 1]
        if any(side.isalnum() or side == "_" for side in before + behind):
            return False
        other = [words[place - 1]] if before == "-" and place else []
        other += words[place + size : place + size + 1] if behind == "-" else []
        return all(word.key in self._spellings for word in other) and len(other) == (before + behind).count("-")

    def _names_genre(self, plain: str, words: list[Word], place: int) -> bool:
        """Whether a small word stands where a genre does."""
        start, end = words[place].start, words[place].end
        if _CATEGORY_BEHIND.match(plain, end) or _CATEGORY_BEFORE.search(plain, max(start - 60, 0), start):
            return True
        if re.fullmatch(rf"(?:{KINDS})s?", words[place].key):  # "this news", "these movies"
            return False
        if _GENRE_BEFORE.search(plain, max(start - 40, 0), start) or self._announced(plain, start):
            return True
        return self._before_kind(plain, words, place) or self._is_work(plain, words, place)

    def _announced(self, plain: str, start: int) -> bool:
        first = max(start - _ANNOUNCING, 0)
        return any(_LIST.fullmatch(plain, m.end(), start) for m in _ANNOUNCED.finditer(plain, first, start))

    def _before_kind(self, plain: str, words: list[Word], place: int) -> bool:
        """Whether "games", "films" and the like follow, on the word or on a list of such words."""
        joined = strange = False
        for before, word in itertools.pairwise(words[place : place + 12]):
            gap = plain[before.end : word.start]
            if word.key in ("and", "or"):
                joined = True
                continue
            if not (gap.isspace() or gap == "-" or _BETWEEN.fullmatch(gap)):
                return False
            if _GENRE_BEHIND.fullmatch(word.key):
                return True
            if _GENRE_DIRECTLY_BEHIND.fullmatch(word.key) and not strange:
                return True
            known = word.key in self._parts
            if not (known or joined or not gap.isspace()):
                return False
            joined, strange = False, strange or not known
        return False

    def _is_work(self, plain: str, words: list[Word], place: int) -> bool:
        """Whether the word, or a value that follows it directly, names a work by itself, as in "a crime drama"."""
        for before, word in itertools.pairwise([words[place], *words[place : place + 4]]):
            if word is not before and not (
                word.key in self._spellings and _SPACED.fullmatch(plain, before.end, word.start)
            ):
                return False
            if word.key in _WORKS:
                return bool(_ONE.search(plain, max(words[place].start - 60, 0), words[place].start))
        return False


def is_ordinary(value: str) -> bool:
    """Whether a value is a number that is no year, or a word of every text."""
    plain = value.strip()
    return plain.casefold() in _ORDINARY or bool(_NUMBER.fullmatch(plain) and not _YEAR.fullmatch(plain))


def stands_as_series(plain: str, start: int, end: int) -> bool:
    """Whether words stand in the place of a series: "part of the Pikmin series"."""
    return bool(_SERIES_BEHIND.match(plain, end) and _PART_OF.search(plain[max(start - 12, 0) : start]))


def _plurals(key: str) -> list[str]:
    """What a value of one word becomes where a text speaks of several: "shooters", "comedies"."""
    if " " in key or not key.isalpha() or key.endswith("s"):
        return []
    return [key[:-1] + "ies" if key.endswith("y") else key + "s"]
