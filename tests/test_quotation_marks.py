import pytest

from recx.parsing.quotation_marks import straight_quotes


@pytest.mark.parametrize(
    "text, straight",
    [
        ("a “B” c", 'a "B" c'),
        ("„B“ und „C”, „D\"", '"B" und "C", "D"'),
        ("« B » et «C»", ' "B"  et "C"'),
        ("»B« und »C«", '"B" und "C"'),
        ("”B” och ”C”", '"B" och "C"'),
        ("‹B› 「C」『D』《E》＂F＂", '"B" "C""D""E""F"'),
        ("like ‘B’s C’ and ‘D’", 'like "B’s C" and "D"'),
        ("it's 'B's C' and 'D'.", 'it\'s "B\'s C" and "D".'),
        ("‚B‘ und ‚C‘", '"B" und "C"'),
        ('“The "best" B”', '"The \'best\' B"'),
        ('a 12" record and “B”', "a 12' record and \"B\""),
    ],
)  # fmt: skip
def test_all_kinds_become_straight_and_the_length_stays(text, straight):
    assert straight_quotes(text) == straight and len(straight) == len(text)
    assert straight_quotes(straight) == straight


@pytest.mark.parametrize(
    "text",
    ['a "B" and "The “best” C"', '"Rock \'n\' Roll" and "B', "the players' choice, it's fine", "rock 'n roll", "", '"',
     "Don't say ‘no", "a „B", "“B", "5 > 3 « 2", "mother's and father's"],
)  # fmt: skip
def test_straight_and_unpaired_marks_stay(text):
    assert straight_quotes(text) == text
