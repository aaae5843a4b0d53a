import numpy as np
import pytest

from recx.data.catalogue import build_catalogue
from recx.explaining.retrieved_facts import FactRetriever, InformedRequest
from recx.prompts.pieces import Title, as_text
from recx.prompts.requests import Request

# Two series of puzzles and shooters, and one item of which nothing is known.
TITLES = ["Portal", "Portal 2", "Halo", "Halo 3", "Doom", "Tetris", "Nothing"]
PLATFORM = [["PC"], ["PC"], ["Xbox"], ["Xbox"], ["PC"], ["PC"], []]
GENRE = [["Puzzle"], ["Puzzle"], ["Shooter"], ["Shooter"], ["Shooter"], ["Puzzle"], []]
TEXTS = [["Think with portals. It is a game about doors that lead to other doors and back again."], *[[]] * 6]
CATALOGUE = build_catalogue(list("abcdefg"), TITLES, {"platform": PLATFORM, "genre": GENRE}, {"description": TEXTS})
RETRIEVER = FactRetriever(CATALOGUE)


def test_neighbours_share_what_the_catalogue_says_or_lie_near_in_given_vectors():
    assert RETRIEVER.neighbours(3)[0] == 4 and set(RETRIEVER.neighbours(1)[:2]) == {2, 6}
    assert not {0, 3} & set(RETRIEVER.neighbours(3).tolist()) and len(RETRIEVER.neighbours(3)) == 6
    vectors = np.eye(8)[:, :3].copy()
    vectors[5], vectors[1] = [0.0, 1.0, 0.1], [0.0, 1.0, 0.0]
    assert FactRetriever(CATALOGUE, vectors).neighbours(1, 1).tolist() == [5]


def test_of_the_neighbours_those_like_the_history_are_retrieved():
    near = FactRetriever(CATALOGUE)
    assert near.retrieve([1, 2], 5, 3)[0] == 5
    puzzles, shooters = near.retrieve([1, 2], 5, 2)[1], near.retrieve([4], 5, 2)[1]
    assert GENRE[puzzles - 1] == ["Puzzle"] and GENRE[shooters - 1] == ["Shooter"]


def test_facts_are_true_sentences_and_texts_of_the_shop_are_excerpts():
    said = RETRIEVER.facts([2], 1, 2)
    text = as_text(said, CATALOGUE)
    assert said[0] == Title(1) and text.startswith('"Portal" is a Puzzle title, for PC. Think with portals.')
    assert as_text(RETRIEVER.facts([2], 7, 1), CATALOGUE) == '"Nothing" has no further facts on record. '


@pytest.mark.parametrize(
    ("history", "item", "aspect"),
    [([3, 4], 5, "platform"), ([3, 4, 5], 2, "genre"), ([1, 2, 6], 3, "genre"), ([3], 7, None), ([7], 1, None)],
)
def test_the_aspect_is_what_a_person_has_more_of_than_the_catalogue(history, item, aspect):
    assert RETRIEVER.aspect(history, item) == aspect


def test_a_request_has_its_facts_first_and_is_otherwise_the_same():
    request = Request("explanation", np.array([1, 2]), (3,), "Use one sentence.")
    informed = InformedRequest.of(request, ["A fact. "])
    assert informed.pieces("behavior") == ["A fact. ", *request.pieces("behavior")]
    assert informed.items == (3,) and InformedRequest.of(request, []).pieces("hybrid") == request.pieces("hybrid")
