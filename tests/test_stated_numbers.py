import pytest

from recx.parsing.stated_numbers import stated_numbers

TOLD = [" Measured for it: ", ". It ranks above 93 of 100", ", without the first above 41", "."]


def read(text, told=TOLD, titles=("Halo 3",), spans=()):
    return [(n.value, n.measured) for n in stated_numbers(text, titles, spans, told)]


def test_numbers_of_the_evidence_are_true_and_others_are_not():
    assert read("It ranks above 93 of 100 titles; without it, above 41.") == [("93", True), ("100", True), ("41", True)]
    assert read("It ranks above 92 of 100 titles; without it, above 41.") == [
        ("92", False),
        ("100", True),
        ("41", True),
    ]
    assert read("Above 93.5 percent.") == [("93.5", False)] and read("1,093 of 100") == [
        ("1,093", False),
        ("100", True),
    ]


def test_exchanged_numbers_are_false():
    assert read("It ranks above 41 of 100 titles; without it, above 93.") == [
        ("41", True),
        ("100", False),
        ("93", False),
    ]
    assert read("Above 93, yes 93, and then 41.") == [("93", True), ("93", True), ("41", True)]


def test_what_a_share_is_out_of_may_be_said_again():
    assert read("It falls from 93 of 100 to 41 of 100.") == [("93", True), ("100", True), ("41", True), ("100", True)]
    assert read("It falls from 93 of 100 to 41 of 93.")[-1] == ("93", False)
    assert read("It falls from 93 of 100 to 41, and 100 are left.")[-1] == ("100", False)


def test_digits_of_titles_and_attributes_are_no_numbers():
    text = 'For the Xbox 360, “Left 4 Dead” and halo 3 count; "FIFA 12" too. 2 more.'
    platform = (text.index("Xbox"), text.index(",", text.index("Xbox")))
    assert read(text, spans=[platform]) == [("2", False)]
    assert read("C3PO and v2.0 are names; A4 too.") == []


@pytest.mark.parametrize("told", [(), []])
def test_nothing_is_checked_without_evidence(told):
    assert read("Above 93 of 100.", told) == [("93", None), ("100", None)]
