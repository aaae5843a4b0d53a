"""Whether words in running text are written as a title: capitalised, emphasised, and not part of a longer name."""

import re
from collections.abc import Sequence

from recx.parsing.phrase_index import Word

_SENTENCE_START = re.compile(r"(?:^|[.!?:…]|\n)[\s\W]*$")
_NAME_BEHIND = re.compile(r"(?:[’']s)?(?:(?: |-|: | [-–—] )(?:[A-Z]|\d|[IVX]+\b)| of (?:the )?[A-Z])")
_NAME_BEFORE = re.compile(r"(?:^|\W)([^\W\d_a-z][\w’']*)[ -]$")
# After a word that begins a sentence, these tell that it is a title.
_PRONOUNS = frozenset("i it he she we you they this that these those who what which one there here her him us".split())
_PREDICATE = re.compile(
    r"[®™©]*(?:[’']s)?[’'*_)]*,? (?:is|was|are|has|had|would|will|should|can|could|may|might|must|does|did|also|"
    r"offers?|features?|fits?|shares?|matches|belongs?|comes?|came|seems?|looks?|counts?|speaks?|weighs?|lifts?|holds?|pulls?|"
    r"(?:and|or)(?=\W*[A-Z]|\s{3}))\b|, (?=[A-Z]|\s{3})"
)
_ARTICLES = frozenset(("the", "a", "an"))
# Behind a part of a title, these say that all titles with it are meant.
_SERIES_BEHIND = re.compile(r"[ -](?:series|franchise|saga|universe|instal?lments?|movies|films|games|books|novels)\b")


def is_name(text: str, words: Sequence[Word], end: int, near: bool, whole: bool) -> bool:
    """Whether words that are a title stand for it here, and not for what else they may say.

    Args:
        text: the text.
        words: the words of the title in it.
        end: where the title ends in the text.
        near: whether the text is about this item.
        whole: whether it is the whole title, not a part of it.
    """
    start = words[0].start
    letters = "".join(word.key for word in words)
    if emphasised(text, start, end):
        return True
    if letters.isdigit() or len(letters) < 2:
        return False
    behind, before = text[end : end + 12], text[max(start - 40, 0) : start]
    starts = bool(_SENTENCE_START.search(before)) if len(before) < 40 or before.strip() else True
    small = [w for w in words if text[w.start : w.end].islower()]
    written_small = words[0] in small or any(len(w.key) > 4 for w in small)
    if _NAME_BEHIND.match(behind) and not (whole and behind.startswith((": ", " - ", " – ", " — "))):
        return False
    if not whole and _SERIES_BEHIND.match(behind):
        return False
    if written_small:
        return sum(word.key not in _ARTICLES for word in words) > 1 and (
            near or (whole and (len(words) > 3 or letters[-1].isdigit()))
        )
    if len(words) > 1:
        return True
    name = _NAME_BEFORE.search(before)
    if name and not name[1].endswith(("'s", "’s")) and not _SENTENCE_START.search(before[: name.start(1)]):
        return False
    return not starts or (words[0].key not in _PRONOUNS and bool(_PREDICATE.match(text, end)))


def emphasised(text: str, start: int, end: int) -> bool:
    """Whether emphasis marks enclose the span: *so*, _so_, or 'so' beside double quotation marks."""
    return start > 0 and text[start - 1] in "*_'" and text[end : end + 3].lstrip("®™©").startswith(text[start - 1])
