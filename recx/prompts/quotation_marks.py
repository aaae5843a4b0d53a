"""Quotation marks of other kinds than the straight double one, which prompts use and all reading looks for."""

import re

# Low marks are closed in several ways, and guillemets stand either way round.
_DOUBLE = (
    r'"[^"]*"|“[^“”]*”|„[^„“”"]*[“”"]|”[^“”]*”|«[^«»]*»|»[^«»]*«|‹[^‹›]*›|›[^‹›]*‹|'
    "「[^「」]*」|『[^『』]*』|《[^《》]*》|＂[^＂]*＂"
)
_DOUBLE_MARK = re.compile('["“”„«»‹›「」『』《》＂]')
_QUOTED_OR_STRAY = re.compile(rf'{_DOUBLE}|"')
# A single mark between letters is an apostrophe; one quotes only where a word begins, up to where one ends.
_SINGLE = re.compile(
    r"(?<!\w)'(?=[^\s'])(?:[^'\n]|'(?=\w)){0,99}?(?<=\S)'(?!\w)|‘(?:[^‘’\n]|’(?=\w)){1,100}?’(?!\w)|‚[^‚‘’\n]{1,100}[‘’]"
)


def straight_quotes(text: str) -> str:
    """A text whose quotations stand in straight double marks, and no other letter is changed; it keeps its length.

    Single marks quote where a text has no double ones of any kind. A text that quotes with straight double marks only
    comes back as it is.
    """
    if not _DOUBLE_MARK.search(text):
        return _SINGLE.sub(_straightened, text)
    if all(m[0].startswith('"') for m in _QUOTED_OR_STRAY.finditer(text)):
        return text
    # Beside other marks a lone straight one stands for inches, and must not open a quotation.
    return _QUOTED_OR_STRAY.sub(_straightened, text)


def _straightened(quoted: re.Match[str]) -> str:
    if quoted[0].startswith('"'):
        return "'" if quoted[0] == '"' else quoted[0]
    inside = quoted[0][1:-1].replace('"', "'")
    title = inside.strip()  # « so » is written in French
    start = len(inside) - len(inside.lstrip())
    return f'{inside[:start]}"{title}"{inside[start + len(title) :]}'
