"""Taking the verdict out of a text, so that what is left are its reasons and its style."""

import re

_VERDICT = re.compile(
    r"\b(?:yes|no|not|would|wouldn't|recommend\w*|suggest\w*|like\w*|dislike\w*|enjoy\w*|fit|fits|match\w*|"
    r"differ\w*|far|close|good|well|welcome|change)\b",
    re.IGNORECASE,
)


def without_verdict(text: str) -> str:
    """The text with the first word that decides, and every word that tells the decision again, replaced by a mark."""
    return _VERDICT.sub("_", text)


def verdict_of(text: str) -> str:
    """The first word, where it decides: "yes", "no" or "none"."""
    found = re.match(r"^\W*(yes|no)\b", text, re.IGNORECASE)
    return found[1].lower() if found else "none"
