"""Masking the decision in a text, so that only its reasons and style are left."""

import re

from recx.prompts.quotation_marks import straight_quotes

# Words that reveal the decision, or whether a reason is for or against it.
_VERDICT = re.compile(
    r"\b(?:yes|no|not|nor|neither|would|wouldn't|should|shouldn't|recommend\w*|suggest\w*|like\w*|dislike\w*|enjoy\w*|"
    r"fit|fits|match\w*|differ\w*|far|close|good|great|poor|well|welcome|change|taste\w*|direction|together|"
    r"another|other|same|also|too|both|similar\w*|even so|but|however|although|though|unlike)\b",
    re.IGNORECASE,
)
_SENTENCE = re.compile(r"(?<=[.!?])\s+")


def without_verdict(text: str) -> str:
    """Remove from a text all words that reveal the decision.

    Sentences with such a word but without a quoted title are remarks on the decision ("The tastes differ.") and are
    removed; in other sentences every such word outside titles is replaced by an underscore. The decision can then only
    be inferred from the facts chosen to support it.
    """
    kept = [s for s in _SENTENCE.split(straight_quotes(text).strip()) if '"' in s or not _VERDICT.search(s)]
    parts = " ".join(kept).split('"')
    return '"'.join(p if n % 2 else _VERDICT.sub("_", p).replace(" as _", "") for n, p in enumerate(parts))


def verdict_of(text: str) -> str:
    """Return the decision stated by the first word: "yes", "no" or "none"."""
    verdict = re.match(r"^\W*(yes|no)\b", text, re.IGNORECASE)
    return verdict[1].lower() if verdict else "none"
