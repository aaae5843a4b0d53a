import re

from recx.playground.conversation import to_html, to_markdown
from recx.playground.descriptions import describe_rank

NASTY = '<script>alert("x")</script> [link](javascript:1) `tick`'
RANK = {"score": 1.5, "rank": 3, "unseen": 400, "decision": "yes", "tied": 0}
ANSWER = {
    "model": "hybrid",
    "decision": True,
    "agrees": True,
    "segments": [
        {"text": "Yes, ", "holds": None, "why": ""},
        {"text": NASTY, "holds": False, "why": NASTY},
        {"text": " and Portal", "holds": True, "why": "in the history"},
        {"text": "PlayStation 9", "holds": None, "why": "cannot be checked"},
    ],
    "prompt": NASTY,
    "held": True,
    "revised": 0,
    "stopped": False,
}
TURN = {
    "item": NASTY,
    "history": ["Portal", NASTY],
    "rank": RANK,
    "top": [{"label": NASTY, "score": 2.0}],
    "answers": [ANSWER],
    "notes": [NASTY],
    "own": [{"model": "hybrid", "shared": 3, "place": 0, "probability": 0.25, "top": [{"label": NASTY}]}],
}


def test_pages_escape_everything_and_need_no_network():
    page = to_html([TURN], {"run": NASTY})
    assert "<script" not in page and "http" not in page and "src=" not in page
    assert "✓" in page and "✗" in page and "rank 3 of 400" in page
    assert page.index("#0a6b24") < page.index("#7ee29a"), "dark colours come last"
    spaced = to_markdown([TURN], {})
    assert "PlayStation 9&nbsp;?" in page and "PlayStation 9 ?" in spaced
    assert " and Portal ✓" in spaced and "P(yes) = 0.25" in spaced
    text = to_markdown([TURN], {"run": "tiny/demo"})
    shown = re.sub(r"`[^`]*`|\\<", "", text.replace("\\`", ""))  # code spans show what they hold
    assert "<" not in shown and "Portal" in shown


def test_a_place_among_equal_scores_is_told_to_be_drawn():
    assert "rank 3 of 400 (drawn at random among 12 items with the same score), score" in describe_rank(
        RANK | {"tied": 11}
    )
    assert "drawn" not in describe_rank(RANK)
