"""Finds whether a text says that a recommender put an item first."""

import re

_FIRST = re.compile(
    r"\b(?:puts?|putting|plac(?:e|es|ed)|rank(?:s|ed)?|list(?:s|ed)?|comes?|came|is|was|are|shown|stands?)\b"
    # "The first game on it" is no place, and neither is "a first-person shooter".
    r"(?:\W+\w+){0,4}?\W+(?:(?<!the )(?<!['’]s )(?<!at )first(?!-|[ -](?:person|of all|sight|time|part|one)\b)|on top|"
    r"at the top|number one)\b",
    re.IGNORECASE,
)
_SENTENCE = re.compile(r"[^.!?\n]+[.!?\n]?")
_DENIED = re.compile(r"\b(?:not|never|hardly|nor|neither)\b|n['’]t\b", re.IGNORECASE)


def stated_first(text: str) -> bool | None:
    """Return whether the first sentence about it says that something was put first; None if no sentence does.

    A question does not say so.

    Args:
        text: the text, with its titles replaced by blanks, since a title may contain any word.
    """
    for sentence in _SENTENCE.finditer(text):
        said = _FIRST.search(sentence[0])
        if said and not sentence[0].rstrip().endswith("?"):
            return not _DENIED.search(sentence[0], 0, said.end())
    return None
