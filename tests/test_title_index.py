import pytest

from recx.data.catalogue import build_catalogue
from recx.parsing.title_index import TitleIndex

TITLES = ["Assassin's Creed", "Dune", "Dune (1984)", "Smash Bros.", "Pokémon – Red", "Okami", "Okami", "Alone in the "
          "Dark", "Alone in the dark", "Halo 3"]  # fmt: skip
YEARS = [[], ["2021"], ["1984"], [], [], [], [], [], [], ["2007-09-25"]]


@pytest.fixture(scope="module")
def index():
    return TitleIndex(build_catalogue([str(n) for n in range(len(TITLES))], TITLES, {"released": YEARS}))


@pytest.mark.parametrize(
    "title, item",
    [
        ("Assassin's Creed", 1),
        ("Assassin’s Creed", 1),
        ("Assassin's\u00a0 Creed,", 1),
        ("**Halo 3**", 10),
        ("Smash Bros", 4),
        ("Smash Bros.", 4),
        ("Poke\u0301mon - Red", 5),
        ("Halo 3 (2007)", 10),
        ("Halo 3. [2007]", 10),
        ("Assassin's Creed (1999)", 1),
        ("Dune (1984)", 3),
        ("Dune (2021)", 2),
    ],
)
def test_typography_and_a_year_do_not_hide_a_title(index, title, item):
    assert index.find(title) == item


@pytest.mark.parametrize(
    "title",
    ["", "(2007)", "...", "Halo", "Halo 3 Reach", "Halo 3 (2008)", "Dune (1999)", "Dune (Extended)", "halo 3", "Okami",
     "Halo 3 (2007) (2007)", "Creed", "Smash Bros. Melee", "Halo 3 ", " Dune", "Halo (2007)"],
)  # fmt: skip
def test_what_is_no_title_is_not_found(index, title):
    assert index.find(title) is None


def test_capitals_matter_only_where_asked(index):
    assert index.find("HALO 3 (2007)", ignore_case=True) == 10
    assert index.find("Alone in the dark") == 9 and index.find("ALONE IN THE DARK", ignore_case=True) is None


FILMS = [
    "English Patient, The", "Inside", "It", "Up", "Heat", "Halo: Reach", "Dark Souls: Gold Edition", "Star Wars: Dawn",
    "Star Wars: Night", "Seven (Se7en)", "300", "Horror", "Just Dance", "Mr. Bean!", "Portal", "Portal 2",
    "The Lord of Dogs", "Free Play",
]  # fmt: skip
GENRES = [["Horror"]] * 8 + [["Free Play"]] * 8 + [["Just Dance"]] * 2
ITEM = {title: n for n, title in enumerate(FILMS, 1)}


@pytest.fixture(scope="module")
def films():
    return TitleIndex(build_catalogue([str(n) for n in range(len(FILMS))], FILMS, {"genre": GENRES}))


@pytest.mark.parametrize(
    "title, item",
    [
        ("The English Patient", "English Patient, The"),
        ("English Patient", "English Patient, The"),
        ("Halo", "Halo: Reach"),
        ("Seven", "Seven (Se7en)"),
        ("Lord of Dogs", "The Lord of Dogs"),
        ("Gold Edition", "Dark Souls: Gold Edition"),
        ("Star Wars", None),
        ("Portal", "Portal"),  # the whole label goes before a part
    ],
)
def test_shortened_titles_are_found_where_they_are_of_one_item(films, title, item):
    near = (ITEM["Dark Souls: Gold Edition"],) if title == "Gold Edition" else ()
    assert films.find(title, near=near) == ITEM.get(item)


def test_of_several_items_the_one_that_is_near_is_meant(films):
    assert films.find("Star Wars", near=[ITEM["Star Wars: Night"]]) == ITEM["Star Wars: Night"]
    assert films.find("Gold Edition", near=[ITEM["Heat"]]) is None


@pytest.mark.parametrize(
    "text, found",
    [
        ("They liked The English Patient, Heat and Up.", ["English Patient, The", "Heat", "Up"]),
        ("It is a film. Inside this world, up to the end, the heat rises.", []),
        ("They saw It last. Inside was next. Inside, Heat followed.", ["It", "Inside", "Inside", "Heat"]),
        ("Heat is fine, but Miami Heat and Heat Wave are not.", ["Heat"]),
        ("He saw Portal 2's ending, Portal 3 and PORTAL.", ["Portal 2", "Portal"]),
        ("the english patient and the lord of dogs, heat", ["The Lord of Dogs"]),
        ("Only 300 people like Horror films.", []),
        ("They play Just Dance, of the Just Dance series.", ["Just Dance"]),
        ("It is free play for all.", []),
        ("They love *Horror*, _Up_ and *300*.", ["Horror", "Up", "300"]),
        ("After Mr. Bean! is before Halo.", ["Mr. Bean!", "Halo: Reach"]),
        ("Halo: Wars is another.", []),
        ("Mr. Bean! is part of the Lord of Dogs of Us series, and Portal of the Ages is not.", ["Mr. Bean!"]),
        ("They think of Heat of all films.", ["Heat"]),
        ("Star Wars", []),
    ],
)
def test_titles_in_running_text(films, text, found):
    mentions = list(films.mentions(text, near=[ITEM["Heat"]]))
    assert [m.item for m in mentions] == [ITEM[title] for title in found]
    assert all(text[m.start : m.end].strip() for m in mentions)


ALIKE = [
    "Help",
    "Help!",
    "Learning C#",
    "Learning C++",
    "दिल",
    "दाल",
    "バス",
    "パス",
    "ハス",
    "Café",
    "Escape from L.A.",
]
ALIKE_ITEM = {title: n for n, title in enumerate(ALIKE, 1)}


@pytest.mark.parametrize("title", ALIKE)
def test_titles_that_differ_in_a_mark_are_different_titles(title):
    index = TitleIndex(build_catalogue([str(n) for n in range(len(ALIKE))], ALIKE, {}))
    others = [item for other, item in ALIKE_ITEM.items() if other != title]
    assert index.find(title, near=others) == index.find(title) == ALIKE_ITEM[title]
    found = [m.item for m in index.mentions(f"They love {title} most of all.", near=others)]
    assert found in ([], [ALIKE_ITEM[title]]) or title == "Help!", "the mark may end a sentence"


def test_a_final_stop_and_accents_do_not_matter():
    index = TitleIndex(build_catalogue(["1", "2", "3"], ["Escape from L.A", "Escape from L.A.", "Café"], {}))
    assert index.find("Escape from L.A.", near=[1]) == 1 and index.find("Escape from L.A.", near=[2]) == 2
    assert index.find("Cafe") == 3
