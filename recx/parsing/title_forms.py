"""The forms that a title takes in texts: its typography, its article and brackets, and its parts."""

import re
import unicodedata

# What keyboards and word processors make of the same title.
_TYPOGRAPHY = str.maketrans(dict.fromkeys('’‘ʼ‛`´"“”„', "'") | dict.fromkeys("‐‑‒–—−", "-") | {"…": "..."})
_BRACKETS_BEHIND = re.compile(r"(.*\S)\s*[(\[]([^()\[\]]*)[)\]]")
_ARTICLE = "the|a|an|l'|le|la|les|il|lo|gli|el|los|las|der|die|das|den|det|de|het|o|os|un|une|una|ein|eine"
_ARTICLE_BEHIND = re.compile(rf"(.*\S), ({_ARTICLE})", re.IGNORECASE)
_ARTICLE_BEFORE = re.compile(r"(?:the|a|an) (.*)", re.IGNORECASE)
_SUBTITLE = re.compile(r": | [-–—/] ")


def plain_title(title: str) -> str:
    """A title with its typography normalised: plain quotation marks and dashes, single spaces, no marks around it."""
    composed = unicodedata.normalize("NFC", title.translate(_TYPOGRAPHY))
    return " ".join(composed.split()).strip(" .,;:*_'")


def natural_forms(label: str) -> set[str]:
    """The forms a label may take in a text when only articles and brackets are moved or left out."""
    forms, left = set(), [label]
    while left:
        form = left.pop().strip()
        if not form or form in forms:
            continue
        forms.add(form)
        brackets = _BRACKETS_BEHIND.fullmatch(form)
        if brackets:
            also = brackets[2].removeprefix("a.k.a. ")
            left += [brackets[1], *([also] if len(also.split()) > 1 else [])]
        article = _ARTICLE_BEHIND.fullmatch(form)
        if article:
            left += [f"{article[2]}{'' if article[2].endswith(chr(39)) else ' '}{article[1]}", article[1]]
        before = _ARTICLE_BEFORE.fullmatch(form)
        if before:
            left.append(before[1])
    return forms - {label}


def heads(label: str) -> set[str]:
    """The parts of a label that precede its colons and dashes."""
    return {form[: mark.start()] for form in natural_forms(label) | {label} for mark in _SUBTITLE.finditer(form)}


def subtitles(label: str) -> set[str]:
    """The parts of a label that follow its colons, if they have more than one word."""
    tails = {form[mark.end() :] for form in natural_forms(label) | {label} for mark in re.finditer(": ", form)}
    return {tail for tail in tails if " " in tail}
