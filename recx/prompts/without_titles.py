"""A text without its titles, for readers of words: a title may contain any word."""

import re

from recx.prompts.quotation_marks import straight_quotes
from recx.prompts.title_index import TitleIndex

_QUOTED = re.compile(r'"[^"]*"')


def without_titles(text: str, index: TitleIndex) -> str:
    """Blank what stands in quotation marks, and titles of the catalogue in running text; all else keeps its place."""
    plain = _QUOTED.sub(lambda quoted: " " * len(quoted[0]), straight_quotes(text))
    for mention in index.mentions(plain):
        plain = plain[: mention.start] + " " * (mention.end - mention.start) + plain[mention.end :]
    return plain
