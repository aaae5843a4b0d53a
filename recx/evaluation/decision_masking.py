"""Taking the verdict out of a text, so that what is left are its reasons and its style."""

import re

from recx.prompts.quotation_marks import straight_quotes

# Words that tell the decision, or whether a reason speaks for or against it.
_VERDICT = re.compile(
    r"\b(?:yes|no|not|nor|neither|would|wouldn't|should|shouldn't|recommend\w*|suggest\w*|like\w*|dislike\w*|enjoy\w*|"
    r"fit|fits|match\w*|differ\w*|far|close|good|great|poor|well|welcome|change|taste\w*|direction|together|"
    r"another|other|same|also|too|both|similar\w*|even so|but|however|although|though|unlike)\b",
    re.IGNORECASE,
)
_SENTENCE = re.compile(r"(?<=[.!?])\s+")


def without_verdict(text: str) -> str:
    """A text without what tells the decision.

    Sentences that hold such a word and no quoted title are remarks on the decision ("The tastes differ.") and are taken
    out; in the others every such word outside the titles is replaced by a mark. What is left of the decision then are
    the facts chosen to support it.
    """
    kept = [s for s in _SENTENCE.split(straight_quotes(text).strip()) if '"' in s or not _VERDICT.search(s)]
    parts = " ".join(kept).split('"')
    return '"'.join(p if n % 2 else _VERDICT.sub("_", p).replace(" as _", "") for n, p in enumerate(parts))


def verdict_of(text: str) -> str:
    """The first word, where it decides: "yes", "no" or "none"."""
    verdict = re.match(r"^\W*(yes|no)\b", text, re.IGNORECASE)
    return verdict[1].lower() if verdict else "none"
