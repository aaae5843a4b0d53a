"""Given factors: histories are folded in as their library would, checked against the formula and against implicit."""

import json

import numpy as np
import pytest
import torch
from foreign_models import ELSEWHERE, ITEMS, LENGTH, WIDTH, draw, settings, small_data, their_ids, write

from recx.errors import DataError, SettingsError
from recx.recommenders.factors import load
from recx.recommenders.protocol import pad_histories
from recx.settings import FoldInSettings


@pytest.fixture(scope="module")
def data():
    return small_data()


@pytest.fixture
def factors(tmp_path):
    return write(tmp_path, {"item_factors": draw(25, WIDTH)}, their_ids())["item_factors"].double().numpy()


def als(folder, data, alpha, regularization=0.3):
    fold_in = FoldInSettings("als", regularization, alpha)
    return load(folder, data, settings("factors", folder, fold_in=fold_in))[0]


def rows_of(data, history):
    """Rows of a history's items in the recommender's arrays, for the items that it knows."""
    place = {item_id: row for row, item_id in enumerate(their_ids())}
    return [place[data.catalogue.item_ids[i]] for i in history if data.catalogue.item_ids[i] in place]


@pytest.mark.parametrize("alpha", [1.0, 4.0, 40.0])
def test_als_solves_the_equation_of_the_paper(data, factors, tmp_path, alpha):
    """Hu et al., equation 4, including those of the 25 items that are in no catalogue."""
    target = als(tmp_path, data, alpha)
    histories = [h[:-1] for h in data.sequences]
    found = target.encode_users(pad_histories(histories, LENGTH)).numpy()[:, :WIDTH]
    for history, user in zip(histories, found, strict=True):
        confidence, chosen = np.ones(25), np.zeros(25)
        rows = rows_of(data, history[-LENGTH:])
        confidence[rows], chosen[rows] = alpha, 1
        normal = factors.T @ np.diag(confidence) @ factors + 0.3 * np.eye(WIDTH)
        np.testing.assert_allclose(user, np.linalg.solve(normal, factors.T @ (confidence * chosen)), atol=1e-5)


@pytest.mark.parametrize("alpha", [1.0, 4.0, 40.0])
def test_als_gives_what_implicit_recalculates(data, factors, tmp_path, alpha):
    library = pytest.importorskip("implicit.cpu.als", reason="the package implicit is not installed")
    from scipy.sparse import csr_matrix

    model = library.AlternatingLeastSquares(WIDTH, 0.3, alpha, num_threads=1)
    model.item_factors = factors.astype(np.float32)
    target = als(tmp_path, data, alpha)
    for history in data.sequences[:20]:
        rows = rows_of(data, history[-LENGTH:])
        liked = csr_matrix((np.ones(len(rows), dtype=np.float32), ([0] * len(rows), rows)), shape=(1, 25))
        expected = model.recalculate_user(0, liked)
        found = target.encode_users(pad_histories([history], LENGTH))[0].numpy()[:WIDTH]
        np.testing.assert_allclose(found, expected, atol=1e-4)


def test_the_mean_and_a_bias_of_each_item(data, factors, tmp_path):
    bias = draw(25, seed=4)
    np.save(tmp_path / "item_biases.npy", bias.numpy())
    target = load(tmp_path, data, settings("factors", tmp_path))[0]
    history = data.sequences[0][-LENGTH:]
    scores = target.score(pad_histories([history], LENGTH))[0].numpy()
    user = factors[rows_of(data, history)].mean(0)
    expected = factors @ user + bias.numpy()
    rows = rows_of(data, range(1, ITEMS + 1))
    np.testing.assert_allclose(
        np.delete(scores, [0, *np.flatnonzero(~target.known[1:]) + 1]), expected[rows], atol=1e-5
    )
    assert torch.equal(target.score(pad_histories([history[::-1]], LENGTH)).argsort(), target.score(
        pad_histories([history], LENGTH)).argsort())  # fmt: skip
    with pytest.raises(DataError, match=r"an ALS model has no item_biases; set target\.fold_in\.by=mean"):
        als(tmp_path, data, 2.0)


def test_folding_in_is_held_against_peoples_own_factors(data, factors, tmp_path):
    target = als(tmp_path, data, 4.0)
    same = target.encode_users(pad_histories([s[:-1] for s in data.sequences], LENGTH)).numpy()[:, :WIDTH]
    (tmp_path / "user_ids.txt").write_text("\n".join(data.user_ids))
    how = settings("factors", tmp_path, fold_in=FoldInSettings("als", 0.3, 4.0))
    for users, words in ((same, "40 people with factors of their own, 100% of the 7 "), (-same, " 3.% of the 7 ")):
        np.save(tmp_path / "user_factors.npy", users)
        (note,) = load(tmp_path, data, how)[1][1:]
        assert words.replace("3.", "") in note if "3." not in words else int(note.split("own, ")[1].split("%")[0]) < 60
    (tmp_path / "user_ids.txt").write_text("\n".join(f"else{n}" for n in range(40)))
    assert "None of the people" in load(tmp_path, data, how)[1][1]


@pytest.mark.parametrize("values", [{"by": "sum"}, {"alpha": 0.0}, {"regularization": -1.0}, {"alpha": float("nan")}])
def test_impossible_settings_say_what_is_accepted(values):
    with pytest.raises(SettingsError, match=r"target\.fold_in\."):
        FoldInSettings(**values)


def test_the_data_set_of_these_tests_holds_what_it_should(factors):
    assert len(factors) == 25 and set(ELSEWHERE) < set(their_ids())


def test_biases_among_the_factors_are_refused(data, tmp_path):
    """implicit's BPR stores an item's bias as its last factor, and 1 for every person."""
    people = draw(len(data.user_ids), WIDTH)
    people[:, -1] = 1
    write(tmp_path, {"item_factors": draw(25, WIDTH), "user_factors": people}, their_ids())
    (tmp_path / "user_ids.json").write_text(json.dumps([str(user) for user in data.user_ids]))
    with pytest.raises(DataError, match="Save it as item_biases"):
        load(tmp_path, data, settings("factors", tmp_path))
