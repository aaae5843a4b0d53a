import pytest

from recx.parsing.phrase_index import PhraseIndex, phrase_key, words_of

INDEX = PhraseIndex(["halo", "halo 3", "halo 3 odst", "assassins creed", "amelie", "guacamelee gold edition"])


def found(text, place=0):
    words = words_of(text)
    return [(key, text[words[place].start : end]) for key, _, end in INDEX.at(text, words, place)]


@pytest.mark.parametrize(
    "text, wanted",
    [
        ("Halo 3: ODST is", [("halo 3 odst", "Halo 3: ODST"), ("halo 3", "Halo 3"), ("halo", "Halo")]),
        ("HALO 3's", [("halo 3", "HALO 3"), ("halo", "HALO")]),
        ("Halo’s end", [("halo", "Halo")]),
        ("Assassin’s Creed", [("assassins creed", "Assassin’s Creed")]),
        ("Amélie,", [("amelie", "Amélie")]),
        ("Guacamelee! Gold Edition", [("guacamelee gold edition", "Guacamelee! Gold Edition")]),
        ("halo\n3", [("halo", "halo")]),
        ("halo    3", [("halo", "halo")]),  # blanks in place of something else
        ("Haloes", []),
    ],
)
def test_the_longest_phrase_comes_first_whatever_the_marks(text, wanted):
    assert found(text) == wanted


def test_keys_leave_case_accents_and_marks_out():
    assert phrase_key("  Pokémon™: Let's Go! ") == "pokemon lets go"
    assert phrase_key("?!") == ""
