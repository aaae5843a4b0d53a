"""A data set that cannot be trained on is rejected before training, with advice on what to change."""

import numpy as np
import polars as pl
import pytest

from recx.data.dataset import Filtering, build_dataset
from recx.data.split import leave_one_out
from recx.errors import DataError
from recx.recommenders.target_kinds import fit_target
from recx.settings import TargetSettings


def data_of(sequences, **filtering):
    rows = [(f"u{u}", str(i), float(n)) for u, s in enumerate(sequences) for n, i in enumerate(s)]
    interactions = pl.DataFrame(rows, orient="row", schema=["user_id", "item_id", "timestamp"])
    items = sorted({i for _, i, _ in rows})
    titles = pl.DataFrame({"item_id": items, "title": [f"Title {i}" for i in items]})
    return build_dataset("x", interactions, titles, Filtering(**{"min_user": 3, "min_item": 1} | filtering))


def drawn(users, length, items=60, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.permutation(items)[:length].tolist() for _ in range(users)]


def test_a_common_data_set_has_nothing_to_be_told():
    assert data_of(drawn(40, 8)).report.warnings == []


def test_three_interactions_each_are_refused_before_training():
    data = data_of(drawn(40, 3))
    assert "exactly three interactions" in data.report.warnings[0]
    with pytest.raises(DataError, match="exactly three interactions.*data.min_user=4"):
        fit_target(leave_one_out(data.sequences), len(data.catalogue), TargetSettings(epochs=1), show_progress=False)


def test_histories_too_short_for_effects_are_told_before_the_relation_mode_fails():
    assert "align.modes='behavior intention hybrid'" in data_of(drawn(40, 4)).report.warnings[0]
    assert data_of(drawn(40, 5)).report.warnings == []


def test_a_recommender_without_order_learns_from_three():
    data = data_of(drawn(40, 3))
    settings = TargetSettings(kind="mf", epochs=1)
    fit_target(leave_one_out(data.sequences), len(data.catalogue), settings, show_progress=False)


@pytest.mark.parametrize("items, refused", [(8, True), (12, False)])
def test_few_items_are_told_and_too_few_refused(items, refused):
    data = data_of(drawn(40, 6, items))
    assert any(f"There are only {items} items" in w and "data.min_item" in w for w in data.report.warnings)
    assert any("need at least 5 that a person has not chosen" in w for w in data.report.warnings) == refused
    if refused:
        with pytest.raises(DataError, match=f"chosen 6 of the {items} items"):
            fit_target(leave_one_out(data.sequences), items, TargetSettings(epochs=1), show_progress=False)


def test_identical_people_and_one_who_has_nearly_all_are_told():
    warnings = data_of([range(8)] * 30 + drawn(10, 8)).report.warnings
    assert any("30 of 40 people have identical histories" in w for w in warnings)
    rng = np.random.default_rng(0)
    sequences = [rng.permutation(300).tolist(), *drawn(10, 5)]
    assert any("User 'u0' has 86% of all interactions" in w for w in data_of(sequences).report.warnings)
    assert "Only 1 of 41 people" in data_of([*drawn(40, 3), list(range(9))]).report.warnings[0]


@pytest.mark.parametrize(
    "sequences, filtering, words",
    [
        (
            drawn(40, 4),
            {"min_user": 5},
            "data.min_user=5 removed all 160.*data.min_user=4 would keep 160.*40 users",
        ),
        (drawn(10, 6, 600), {"min_item": 5}, "data.min_item=5 removed all 60.*data.min_item=1 would keep 60"),
        (drawn(10, 2), {}, "data.min_user=3 removed all.*No user has 3 different items"),
        (drawn(4, 5), {"top_items": 2}, "has chosen 3 .data.min_user. of the 2 most popular items"),
        ([], {}, "The interaction file has no rows"),
    ],
)
def test_nothing_left_names_the_filter_and_what_a_lower_one_keeps(sequences, filtering, words):
    with pytest.raises(DataError, match=f"nothing is left. .*{words}"):
        data_of(sequences or [[1]], **filtering) if sequences else empty()


def empty():
    schema = {"user_id": pl.String, "item_id": pl.String}
    return build_dataset(
        "x", pl.DataFrame(schema=schema), pl.DataFrame({"item_id": ["1"], "title": ["A"]}), Filtering()
    )


def test_ids_that_do_not_meet_are_shown():
    interactions = pl.DataFrame({"user_id": ["u"] * 3, "item_id": ["a1", "a2", "a3"]})
    titles = pl.DataFrame({"item_id": ["1", "2"], "title": ["A", "B"]})
    with pytest.raises(
        DataError, match=r"\('a1', 'a2', 'a3', ...\) is among the items that have a title \('1', '2', ...\)"
    ):
        build_dataset("x", interactions, titles, Filtering())
