from recx.parsing.title_index import TitleIndex
from recx.parsing.without_titles import without_titles


def test_titles_are_blanked_and_all_else_keeps_its_place(small_catalogue):
    text = 'It is not “Portal 2”, as Halo 3 is a "No Such Sum".'
    plain = without_titles(text, TitleIndex(small_catalogue))
    assert plain.split() == ["It", "is", "not", ",", "as", "is", "a", "."] and len(plain) == len(text)
