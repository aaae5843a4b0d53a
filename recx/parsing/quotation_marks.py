"""Converts all kinds of quotation marks to the straight double ones that prompts use and parsers expect."""

import re

QUOTED = re.compile(r'"([^"]*)"')  # what stands between straight marks

# Low opening marks have several closing forms, and guillemets may point inwards or outwards.
_DOUBLE = (
    r'"[^"]*"|“[^“”]*”|„[^„“”"]*[“”"]|”[^“”]*”|«[^«»]*»|»[^«»]*«|‹[^‹›]*›|›[^‹›]*‹|'
    "「[^「」]*」|『[^『』]*』|《[^《》]*》|＂[^＂]*＂"
)
_DOUBLE_MARK = re.compile('["“”„«»‹›「」『』《》＂]')
_QUOTED_OR_STRAY = re.compile(rf'{_DOUBLE}|"')
# A single mark between letters is an apostrophe; a quotation runs from the beginning of a word to the end of a word.
_SINGLE = re.compile(
    r"(?<!\w)'(?=[^\s'])(?:[^'\n]|'(?=\w)){0,99}?(?<=\S)'(?!\w)|‘(?:[^‘’\n]|’(?=\w)){1,100}?’(?!\w)|‚[^‚‘’\n]{1,100}[‘’]"
)


def straight_quotes(text: str) -> str:
    """Convert the marks around quotations to straight double ones; the length of the text does not change.

    Single marks count as quotation marks only if the text has no double ones of any kind. A text whose quotations all
    have straight double marks is returned unchanged.
    """
    if not _DOUBLE_MARK.search(text):
        return _SINGLE.sub(_straightened, text)
    if all(m[0].startswith('"') for m in _QUOTED_OR_STRAY.finditer(text)):
        return text
    # In a text with other kinds of marks, an unpaired straight one stands for inches and must not open a quotation.
    return _QUOTED_OR_STRAY.sub(_straightened, text)


def _straightened(quoted: re.Match[str]) -> str:
    if quoted[0].startswith('"'):
        return "'" if quoted[0] == '"' else quoted[0]
    inside = quoted[0][1:-1].replace('"', "'")
    title = inside.strip()  # French puts spaces inside the marks: « title »
    start = len(inside) - len(inside.lstrip())
    return f'{inside[:start]}"{title}"{inside[start + len(title) :]}'
