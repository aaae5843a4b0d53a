import pytest

from recx.data.catalogue import build_catalogue
from recx.prompts.title_index import TitleIndex

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
