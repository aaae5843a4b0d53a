import json

import pytest
from fuzz_replies import GOOD, PIECES, asked, check, fuzz
from hypothesis import given
from hypothesis import settings as how
from hypothesis import strategies as st

from recx.explaining.chat_replies import BadReply, answer_of, read_decision, read_titles, text_of

CATALOGUE = {"halo 3": 1, "portal": 2, "okami": 3, "steins;gate": 4, "1942: joint strike": 5, "x; y": 6}


def find(title):
    return CATALOGUE.get(title.strip(" .*:,").casefold().removesuffix(" (2007)"))


@pytest.mark.parametrize(
    "reply, answer",
    [
        ("a", "a"),
        ("<think>no</think>\n\na", "a"),
        ("<THINKING>no</Thinking>a", "a"),
        ("<reasoning>no</reasoning>a", "a"),
        ("no</think>a", "a"),
        ("no <think>no</think> no</think>a", "a"),
        ("<think>no <think> no</think>a", "a"),
        ("a<think>no", "a"),
        ("<think>no", ""),
        ("<think>" + "no " * 70_000, ""),
        ("a\n<think>no</think>", "a"),
        ("[THINK]no[/THINK]a", "a"),
        ("◁think▷no◁/think▷a", "a"),
        ("<|channel|>analysis<|message|>no<|end|><|start|>assistant<|channel|>final<|message|>a", "a"),
        ("```json\n<think>no</think>a\n```", "a"),
        ("~~~\na\n~~~", "a"),
        ('```{"a": 1}```', '{"a": 1}'),
        ("a\ud800\x1b[31m\x00\r\n\tb", "a\ufffd\ufffd[31m\ufffd\r\n\tb"),
        ("I think <b>a</b>", "I think <b>a</b>"),
        ("<th<think>no</think>ink>a", "<th\nink>a"),
    ],
)
def test_thinking_and_fences_are_no_part_of_an_answer(reply, answer):
    assert answer_of(reply) == answer == answer_of(answer)


@pytest.mark.parametrize(
    "content, text",
    [
        ("a", "a"),
        (None, ""),
        (5, ""),
        ([], ""),
        (["a", {"type": "text", "text": "b"}, {"text": "c"}, {"type": "output_text", "text": "d"}], "abcd"),
        ([{"type": "thinking", "thinking": [{"type": "text", "text": "no"}]}, {"type": "text", "text": "a"}], "a"),
        ([{"type": "reasoning", "text": "no"}, {"type": "text", "text": None}, None, 3, [["a"]]], ""),
        ({"type": "text", "text": "a"}, "a"),
    ],
)
def test_content_in_parts(content, text):
    assert text_of(content) == text


@pytest.mark.parametrize(
    "answer, decision",
    [
        ("Yes", True),
        ("**No**", False),
        ("no.", False),
        ("No, it is not.", False),
        ("No because they dislike it", False),
        ("Yes it fits, no doubt.", True),
        ("Answer: No", False),
        ("The final answer is: yes.", True),
        ('{"answer": "Yes"}', True),
        ("They like puzzles. It is one.\n\nAnswer: **Yes**", True),
        ("Is it a no? One could say no.\nYes", True),
    ],
)
def test_decisions_stand_first_or_alone_at_the_end(answer, decision):
    assert read_decision(answer) is decision


@pytest.mark.parametrize(
    "answer",
    ["", "Perhaps", "There is no reason to say yes.", "No doubt they would.", "No. 1 on the list", "Yes or no?",
     "Yes/No", "No or yes", "Yes and no.", "Yes, it fits.\nSo the answer is: no", "nobody", "Yesterday", "I say yes"],
)  # fmt: skip
def test_other_decisions_are_not_guessed(answer):
    with pytest.raises(BadReply, match="Yes"):
        read_decision(answer)


@pytest.mark.parametrize(
    "answer, items",
    [
        ("Halo 3\nPortal", [1, 2]),
        ("halo 3.\nNobody Made This\nPortal.", [1, 0, 2]),
        ("1. Halo 3\n2. Portal (2007)\n3) Nobody", [1, 2, 0]),
        ("1\\. Halo 3\n(2) Portal\n#3. Okami", [1, 2, 3]),
        ("- Halo 3\n* Portal\n• Okami\n-Nobody", [1, 2, 3, 0]),
        ("Sure! Here they are:\n\n1. “Halo 3” (2007)\n2. **Portal** - a great fit\n\nEnjoy!", [1, 2]),
        ("Here are five that I would suggest to them.\n\n**Halo 3**\n**Portal:** it fits\n*Okami*", [1, 2, 3]),
        ("Voilà :\n« Halo 3 »\n« Portal »", [1, 2]),
        ("„Halo 3“\n„Nobody“\n„Portal”", [1, 0, 2]),
        ("‘Halo 3’\n'Portal'", [1, 2]),
        ('"Halo 3"; "Nobody"; "Portal"', [1, 0, 2]),
        ('"Halo 3," "Portal," and "Okami."', [1, 2, 3]),
        ('["Halo 3", "Portal"]', [1, 2]),
        ('[\n  "Halo 3",\n  "Portal"\n]', [1, 2]),
        ("```\n1. Halo 3\n```\n", [1]),
        ('I recommend "Halo 3", "Portal" and “Okami”.', [1, 2, 3]),
        ("1. **Halo 3**\n   - A shooter\n   - Portal\n2. **Portal**\n   - A puzzle", [1, 2]),
        ("1. Puzzles:\n  - Portal\n2. Shooters:\n  - Halo 3", [2, 1]),
        ("Recommendations:\n- Halo 3 – because they like it\n- Portal (for the puzzles)", [1, 2]),
        ("Nobody\nNo One", [0, 0]),
        ("steins;gate\nX; Y", [4, 6]),
        ("Halo 3; Nobody; Portal", [1, 0, 2]),
        ("1942: Joint Strike\nPortal", [5, 2]),
        ("Great choices\n\nHalo 3\nPortal\n\nHave fun", [1, 2]),
        ("# Titles\nHalo 3\n---\nPortal", [1, 2]),
        ("**Bold**, **Portal**", [0, 2]),
    ],
)
def test_lists_of_titles(answer, items):
    assert read_titles(answer, find) == items


@pytest.mark.parametrize(
    "answer, items",
    [
        ("1. Halo - The Movie", [0]),
        ("1. Portal: Still Alive", [0]),
        ("1. Halo 3 Reach\n2. The Portal", [0, 0]),
        ("- Portal - Still Alive", [0]),
        ('"Portal 2", "Portals"', [0, 0]),
    ],
)
def test_what_is_no_title_stays_unknown(answer, items):
    assert read_titles(answer, find) == items


@pytest.mark.parametrize(
    "answer",
    ["", "\n \n", "---", "I am sorry, but I cannot help with that.", 'They liked "Portal", so take "Halo 3" instead of '
     '"Okami".', "Here they are:", '{"titles": ["Halo 3"], "why": "Portal"}'],
)  # fmt: skip
def test_prose_is_no_list(answer):
    with pytest.raises(BadReply, match="no list of titles"):
        read_titles(answer, find)


@how(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(GOOD) | st.sampled_from(PIECES) | st.text(max_size=12), max_size=8).map("".join))
def test_any_reply_is_read_or_refused_alike_in_whatever_stands_around_it(reply):
    assert check(reply) is None


@how(max_examples=40, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(max_size=9) | st.sampled_from(GOOD),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["choices", "message", "content", "type", "text", "error"]), inner)
        ),
        max_leaves=12,
    ).map(json.dumps)
)
def test_any_body_of_a_server_is_read_or_missing(body):
    assert asked(body) is None


def test_damaged_replies():
    """A small sample of the inputs of `tests/fuzz_replies.py`."""
    assert fuzz(400, seed=7) == []
