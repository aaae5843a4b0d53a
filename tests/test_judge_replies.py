import pytest

from recx.evaluation.judge_replies import read_choice, read_rating
from recx.explaining.chat_replies import BadReply, answer_of


@pytest.mark.parametrize(
    "reply, score",
    [
        ('{"score": 2, "reason": "fine"}', 2),
        ('Sure!\n```json\n{"score": 0}\n```', 0),
        ('{"score": "3"}', 3),
        ('{"score": 3.0}', 3),
        ('{"Score": "two"}', 2),
        ('{"score": "2 out of 3"}', 2),
        ('{"score": "3 (true reasons)"}', 3),
        ('{"reason": "a {curly} one", "score": 1, "more": {"score": 0}}', 1),
        ('A draft: {"score": 1}. On reflection: {"score": 3}', 3),
        ('{"a": 1} {"score": 1}', 1),
        ('{"score": 1} {"reason": "because"}', 1),
        ('<think>Perhaps {"score": 1}?</think>{"score": 3}', 3),
        ('Perhaps {"score": 1}?</think>{"score": 3}', 3),
        ("3", 3),
        ("```\n2\n```", 2),
        ("two", 2),
        ("**Two** out of three.", 2),
        ("2/3", 2),
        ("0 out of 3", 0),
        ("Zwei von drei", 2),
        ("deux", 2),
        ("三", 3),
        ("Три", 3),
        ("３", 3),
        ("Score: 2/3\nThe reasons are vague.", 2),
        ("**Score:** 2\n**Reason:** fine", 2),
        ("The final score is 1.", 1),
        ("Rating: three", 3),
        ("Reason: they had 2 of these.\nScore: 1", 1),
    ],
)
def test_ratings_are_read(reply, score):
    assert read_rating(answer_of(reply)).score == score


@pytest.mark.parametrize(
    "reply",
    ["", "{}", '{"score": 4}', '{"score": true}', '{"score": -1}', '{"score": 1.5}', '{"score": NaN}', '{"score": [3]}',
     '{"score": 3', '["score", 3]', '{"score": null}', '{"score": "null"}', '{"score": "-1"}', '{"score": {"a": 3}}',
     '{"score": 1} {"score": 7}', '{"score": 1, "reason": "a draft"} {"score": 3, "rea', '{"score": 1} Score: 3',
     '{"rating": {"score": 2}}', "<think>2", '<think>{"score": 2}', "2/5", "2 out of 10", "two of five", "-1", "4",
     "five", "Score: -1", "Score: 2.5", "2?", "1 (or 2)", "1-2", "1 or 2", "2 3", "Score: 1\nScore: 2", "1\n2", "not 2",
     "I would give this a 2.", "1. The decision is right.\n2. The reasons are not.", "10", "²"],
)  # fmt: skip
def test_others_are_refused_and_never_guessed(reply):
    with pytest.raises(BadReply):
        read_rating(answer_of(reply))


def test_the_reason_is_kept_shortened():
    assert read_rating('{"score": 1, "reason": "' + "x" * 900 + '"}').comment == "x" * 300
    assert read_rating('{"score": 1, "reason": {"deep": ' + "[" * 90 + "]" * 90 + "}}").comment == "dict"


@pytest.mark.parametrize(
    "reply, choice",
    [
        ('{"better": "A"}', 1),
        ('{"better": "b."}', -1),
        ('{"better": "Equal"}', 0),
        ('{"better": "Text A"}', 1),
        ('{"better": "A"} or rather {"better": "B"}', -1),
        ("B", -1),
        ("**Better:** A", 1),
        ("```json\n{'better': 'A'}\n```", None),
        ('{"better": "both"}', None),
        ('{"better": 1}', None),
        ("A\nB", None),
        ("A is better", None),
    ],
)
def test_choices_are_read(reply, choice):
    if choice is not None:
        assert read_choice(answer_of(reply)) == choice
        return
    with pytest.raises(BadReply):
        read_choice(answer_of(reply))
