import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recx.errors import DataError
from recx.playground import conversation as c

NASTY = '<script>alert("x")</script> [link](javascript:1) `tick`'
STANDING = {"score": 1.5, "rank": 3, "unseen": 400, "verdict": "yes"}
ANSWER = {
    "model": "hybrid",
    "decision": True,
    "agrees": True,
    "segments": [
        {"text": "Yes, ", "holds": None, "why": ""},
        {"text": NASTY, "holds": False, "why": NASTY},
        {"text": " and Portal", "holds": True, "why": "in the history"},
    ],
    "prompt": NASTY,
}
TURN = {
    "item": NASTY,
    "history": ["Portal", NASTY],
    "standing": STANDING,
    "top": [{"label": NASTY, "score": 2.0}],
    "answers": [ANSWER],
    "notes": [NASTY],
    "own": [{"model": "hybrid", "shared": 3, "place": 0, "probability": 0.25, "top": [{"label": NASTY}]}],
}
texts = st.text(max_size=30)


@given(texts, st.lists(texts, max_size=20), texts, st.dictionaries(st.sampled_from(["view", "free"]), texts))
def test_a_state_survives_a_link(run, history, item, wish):
    now = c.state(run, history, item, wish, ["hybrid"])
    assert c.unpack(c.pack(now)) == now == c.checked(json.loads(c.to_json(now, [TURN], {})))


@given(st.text(max_size=200))
def test_any_letters_are_refused_in_words(letters):
    with pytest.raises(DataError):
        c.unpack(letters)


def test_a_bomb_is_not_unpacked():
    with pytest.raises(DataError, match="too large"):
        c.unpack(c.pack({"a": "0" * 50_000_000}))


@pytest.mark.parametrize(
    "value",
    [None, [], {"format": 2}, {"format": 1}, {**c.state("a", [], "", {}, []), "history": [1]},
     {**c.state("a", [], "", {}, []), "wish": {"view": 3}}, {**c.state("a", [], "", {}, []), "history": ["x"] * 2000}],
)  # fmt: skip
def test_what_is_no_state_is_refused(value):
    with pytest.raises(DataError):
        c.checked(value)


def test_unknown_fields_are_dropped():
    assert "extra" not in c.checked({**c.state("a", [], "", {}, []), "extra": "<b>"})


def test_pages_escape_everything_and_need_no_network():
    page = c.to_html([TURN], {"run": NASTY})
    assert "<script" not in page and "http" not in page and "src=" not in page
    assert "✓" in page and "✗" in page and "rank 3 of 400" in page
    assert page.index("#0a6b24") < page.index("#7ee29a"), "dark colours come last"
    spaced = c.to_markdown([TURN], {})
    assert " and Portal ✓" in spaced and "P(yes) = 0.25" in spaced
    text = c.to_markdown([TURN], {"run": "tiny/demo"})
    shown = re.sub(r"`[^`]*`|\\<", "", text.replace("\\`", ""))  # code spans show what they hold
    assert "<" not in shown and "Portal" in shown
