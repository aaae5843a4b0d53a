import pytest
from hypothesis import given
from hypothesis import strategies as st

from recx.data.catalogue import build_catalogue
from recx.data.title_search import TitleSearch

TITLES = ["Halo 3", "Halo 3: ODST", "Halo: Reach", "Portal", "Portal 2", "Portal 2", "Okami", "Mass Effect", "Sims 3"]
PLATFORM = [["Xbox"], ["Xbox"], ["Xbox"], ["PC"], ["PC"], ["PS3"], ["Wii"], ["PC"], ["PC"]]


@pytest.fixture(scope="module")
def index():
    return TitleSearch(build_catalogue([f"id{n}" for n in range(9)], TITLES, {"platform": PLATFORM}))


def labels(index, matches):
    return [index.catalogue.labels[m.item] for m in matches]


@pytest.mark.parametrize(
    ("typed", "kind", "first"),
    [
        ("Halo 3", "exact", "Halo 3"),
        ("halo 3", "exact", "Halo 3"),
        ("  HALO   3 ", "exact", "Halo 3"),
        ("id7", "exact", "Mass Effect"),
        ("Portal 2 (PS3)", "exact", "Portal 2 (PS3)"),
        ("mass efect", "close", "Mass Effect"),
        ("okmai", "unknown", "Okami"),
        ("reach", "close", "Halo: Reach"),
        ("Portal 2", "ambiguous", "Portal 2 (PC)"),
        ("halo", "ambiguous", "Halo 3"),
    ],
)
def test_what_is_typed_is_understood_or_asked_back(index, typed, kind, first):
    found = index.resolve(typed)
    assert (found.kind, labels(index, found.matches)[0]) == (kind, first)


def test_misspellings_carry_their_score(index):
    (best, *_) = index.resolve("mass efect").matches
    assert 86 <= best.score < 100


def test_nothing_like_it(index):
    assert index.resolve("zzzz qqqq").kind == "unknown"
    assert index.resolve("").kind == "unknown" and index.suggest(" ") == []


def test_suggestions_begin_with_beginnings(index):
    assert labels(index, index.suggest("ha"))[:3] == ["Halo 3", "Halo: Reach", "Halo 3: ODST"]
    assert "Okami" in labels(index, index.suggest("okmai"))
    assert len(index.suggest("a", limit=2)) <= 2


@given(st.text(max_size=400))
def test_any_text_is_answered(index, typed):
    found = index.resolve(typed)
    assert all(0 < m.item <= 9 and 0 <= m.score <= 100 for m in (*found.matches, *index.suggest(typed)))
    assert found.matches or found.kind == "unknown"


def test_titles_that_are_normalised_alike_are_ambiguous():
    index = TitleSearch(build_catalogue(["a", "b", "c"], ["Halo", "Halo 2", "Halo"], {}))
    assert labels(index, index.resolve("Halo (2)").matches) == ["Halo (2)"] and index.resolve("Halo 2").kind == "exact"
    typed = index.resolve("halo 2")
    assert typed.kind == "ambiguous" and sorted(labels(index, typed.matches)) == ["Halo (2)", "Halo 2"]


def test_a_short_title_is_not_what_a_longer_text_may_mean():
    index = TitleSearch(build_catalogue(["a", "b", "c"], ["None", "Ocean Drive", "Ocean Eyes"], {}))
    found = index.resolve("Nobody Knows")
    assert found.kind == "unknown" and found.matches, "the nearest are named, but none of them may be meant"
    assert index.resolve("ocean").kind == "ambiguous"


@pytest.mark.parametrize(
    "typed, found",
    [
        ("トトロ", "となりのトトロ"),
        ("神隠し", "千と千尋の神隠し"),
        ("千尋", "千と千尋の神隠し"),
        ("मिस्टर", "मिस्टर इंडिया"),
        ("мир", "Война и мир"),
    ],
)
def test_parts_of_titles_are_found_in_every_script(typed, found):
    titles = ["となりのトトロ", "千と千尋の神隠し", "मिस्टर इंडिया", "मास्टर", "Война и мир"]
    search = TitleSearch(build_catalogue(list("abcde"), titles, {}))
    resolved = search.resolve(typed)
    assert (resolved.kind, titles[resolved.matches[0].item - 1]) == ("close", found)
    assert titles[search.suggest(typed)[0].item - 1] == found
