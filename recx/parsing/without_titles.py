"""A text without its titles, for readers of words: a title may contain any word."""

from recx.parsing.quotation_marks import QUOTED, straight_quotes
from recx.parsing.title_index import TitleIndex


def without_titles(text: str, index: TitleIndex) -> str:
    """Blank what stands in quotation marks, and titles of the catalogue in running text; all else keeps its place."""
    plain = QUOTED.sub(lambda quoted: " " * len(quoted[0]), straight_quotes(text))
    for mention in index.mentions(plain):
        plain = plain[: mention.start] + " " * (mention.end - mention.start) + plain[mention.end :]
    return plain
