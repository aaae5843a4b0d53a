import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recx.errors import DataError
from recx.playground.conversation import to_json
from recx.playground.form_state import decode_state, encode_state, make_state, validate_state

EMPTY = make_state("a", [], "", {}, [])
texts = st.text(max_size=30)


@given(texts, st.lists(texts, max_size=20), texts, st.dictionaries(st.sampled_from(["view", "free"]), texts))
def test_a_state_survives_a_link(run, history, item, options):
    now = make_state(run, history, item, options, ["hybrid"])
    assert decode_state(encode_state(now)) == now == validate_state(json.loads(to_json(now, [], {})))


@given(st.text(max_size=200))
def test_any_letters_are_refused_in_words(letters):
    with pytest.raises(DataError):
        decode_state(letters)


def test_a_bomb_is_not_unpacked():
    with pytest.raises(DataError, match="too large"):
        decode_state(encode_state({"a": "0" * 50_000_000}))


@pytest.mark.parametrize(
    "value",
    [None, [], {"format": 2}, {"format": 1}, EMPTY | {"history": [1]}, EMPTY | {"wish": {"view": 3}},
     EMPTY | {"history": ["x"] * 2000}],
)  # fmt: skip
def test_what_is_no_state_is_refused(value):
    with pytest.raises(DataError):
        validate_state(value)


def test_unknown_fields_are_dropped():
    assert "extra" not in validate_state(EMPTY | {"extra": "<b>"})


def test_a_link_of_an_earlier_version_opens():
    letters = (
        "eNoVyzEKwzAMRuGrhH82hJLNJ-jYPWRwsVoLbAtkNcGE3L3O-vjeiY9oCQb_cNBfhYdx7XOkInBI3Ey0w694hizTgs2BjcpwL1ELeaCDW4I_"
        "sTMdo3-pKuFyKBIpt_tN_a0csV1_2cckQQ"
    )
    state = decode_state(letters)
    assert state == make_state("tiny/demo", ["Halo 3"], "Portal", {"view": "genre"}, ["hybrid"])
    assert state["wish"] == {"view": "genre"}


def test_half_a_character_is_replaced():
    state = make_state("a", [], "b", {"free": "a\ud83d"}, [])
    assert validate_state(state)["wish"]["free"] == "a?"
