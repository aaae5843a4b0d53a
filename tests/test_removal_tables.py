import numpy as np
import pytest
import torch

from recx.attribution.removal import ValueFunction
from recx.data.catalogue import build_catalogue
from recx.errors import DataError
from recx.evaluation.pair_effects import PairEffects
from recx.evaluation.removal_tables import joining_orders, removal_orders, without
from recx.explaining.records import Explanation
from recx.parsing.explanation_parser import ExplanationParser

TITLES = ["Halo", "Portal", "Fez", "Okami", "Braid", "Limbo", "Myst", "Doom"]
CATALOGUE = build_catalogue([f"i{n}" for n in range(8)], TITLES, {})


class Together:
    """Halo and Portal are worth 2 when both are there, Fez 1 by itself."""

    length = 8
    target = None
    players = ValueFunction.players

    def __call__(self, history, kept, items):
        return (2.0 * (kept[:, 0] & kept[:, 1]) + 1.0 * kept[:, 2])[:, None]


class Follows:
    """Scores item n by how far it is from the latest item."""

    def score(self, histories):
        return -(torch.arange(9.0)[None] - histories[:, -1:]).abs()


@pytest.mark.parametrize("liked", [True, False])
def test_the_mean_gain_over_all_orders_is_the_shapley_value(liked):
    one = PairEffects(Together(), np.array([1, 2, 3]), 8, liked)
    frame = joining_orders(one, CATALOGUE)
    assert frame["order"].nunique() == 6 and len(frame) == 18
    means = frame.groupby("title", sort=False)["gain"].mean()[["Halo", "Portal", "Fez"]]
    assert means.to_numpy() == pytest.approx(one.shapley)
    assert one.shapley == pytest.approx(np.array([1, 1, 1]) * (1 if liked else -1))
    first = frame[frame["order"] == 0]
    assert first["title"].tolist() == ["Halo", "Portal", "Fez"]
    assert first["gain"].abs().tolist() == [0, 2, 1], "Halo alone adds nothing, Portal completes the two"


def test_too_many_orders_are_refused():
    with pytest.raises(DataError, match="7 titles"):
        joining_orders(PairEffects(Together(), np.arange(1, 8), 8, True), CATALOGUE, latest=7)


def test_without_titles_says_where_the_item_stood_and_stands():
    given = np.array([1, 5, 1, 4])
    found = without(Follows(), given, 3, CATALOGUE, 4, gone={4})
    assert found.frame["title"].tolist() == ["Halo", "Braid", "Halo", "Okami"]
    assert found.frame["out"].tolist() == [False, False, False, True]
    assert found.before == (1, "yes") and found.unseen == 6, "1, 4 and 5 are seen, of which 4 competes later"
    assert found.after[0] == 2, "next to 1 it is behind 2"
    assert without(Follows(), given, 3, CATALOGUE, 4, gone=[]).after == found.before
    with pytest.raises(DataError, match="stay"):
        without(Follows(), given, 3, CATALOGUE, 4, gone=[1, 4, 5])


def test_orders_of_removal_begin_with_what_they_name():
    one = PairEffects(Together(), np.array([3, 1, 3, 2, 4]), 8, True)  # Fez, Halo, Fez, Portal, Okami
    said = '"Portal" counts most, then "Fez".'
    content = ExplanationParser(CATALOGUE).parse(said, [3, 1, 2, 4], 8)
    orders = removal_orders(one, Explanation(8, "Doom", True, said, content.citations, content.statements))
    assert orders["as the text cites them"] == (2, 3, 4, 1), "what is not cited follows, the latest first"
    assert orders["latest first"] == (4, 2, 3, 1), "Fez is taken at its last place"
    assert orders["strongest effect first"][:2] in ((3, 1), (1, 3)) and set(orders["strongest effect first"]) == {
        1,
        2,
        3,
        4,
    }
