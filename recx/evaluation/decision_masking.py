"""Masking the decision in a text, so that only its reasons and style are left."""

import re
from itertools import pairwise

from recx.parsing.quotation_marks import QUOTED, straight_quotes
from recx.parsing.stated_decision import stated_decision

# Words that reveal the decision, or whether a reason is for or against it. What a title does to the decision ("lifts it
# most", "what holds it back most is") becomes one underscore, since its length would reveal the direction, too.
_VERDICT = re.compile(
    r"\b(?:what )?(?:counts?|speaks?|leads?|lifts?|keeps?|holds?|weighs?|(?:the )?main reason|(?:for|against) it)\b"
    r"(?: (?:most|it|to|for|against|down|back)\b)*|"
    r"\b(?:yes|no|not|nor|neither|would|wouldn't|should|shouldn't|recommend\w*|suggest\w*|like\w*|dislike\w*|enjoy\w*|"
    r"fit|fits|match\w*|differ\w*|far|close|good|great|poor|well|welcome|change|taste\w*|direction|together|"
    r"another|other|same|also|too|both|similar\w*|even so|but|however|although|though|unlike|against|"
    r"mismatch\w*|among the very first)\b",
    re.IGNORECASE,
)
# Sentences about the place among all items say how the target decided, whatever title they name.
_PLACE = re.compile(r"\b(?:ranks?|ranked|ranking|stands?|of 100 titles)\b", re.IGNORECASE)
_SENTENCE = re.compile(r"(?<=[.!?])\s+")


def without_verdict(text: str) -> str:
    """Remove from a text all words that reveal the decision.

    Sentences about the item's place among all items are removed, and so are sentences with a revealing word but without
    a quoted title ("The tastes differ."). In other sentences every such word outside titles is replaced by an
    underscore. The decision can then only be inferred from the titles and facts chosen to support it.
    """
    text = straight_quotes(text).strip()
    ends = [0, *(m.end() for m in _SENTENCE.finditer(_blanked(text))), len(text)]  # a title may hold a full stop
    kept = [s for a, b in pairwise(ends) if _says_more(s := text[a:b].rstrip())]
    parts = " ".join(kept).split('"')
    return '"'.join(p if n % 2 else _VERDICT.sub("_", p).replace(" as _", "") for n, p in enumerate(parts))


def _says_more(sentence: str) -> bool:
    """Whether a sentence holds more than a remark on the decision or on the item's place."""
    plain = QUOTED.sub("", sentence)
    return not _PLACE.search(plain) and ('"' in sentence or not _VERDICT.search(sentence))


def verdict_of(text: str) -> str:
    """Return the decision that a text states: "yes", "no" or "none"."""
    return {True: "yes", False: "no", None: "none"}[stated_decision(_blanked(straight_quotes(text)))[0]]


def _blanked(text: str) -> str:
    """The text with its quotations blanked; all else keeps its place."""
    return QUOTED.sub(lambda quoted: f'"{" " * (len(quoted[0]) - 2)}"', text)
