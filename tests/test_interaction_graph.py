"""LightGCN on a graph without the explained pairs."""

import numpy as np
import pytest

from recx.errors import DataError
from recx.recommenders.interaction_graph import graph_vectors, percentiles, without_pairs
from recx.settings import TargetSettings, TargetShape

HOW = TargetSettings(
    kind="lightgcn", model=TargetShape(width=16, blocks=2, length=20), epochs=12, learning_rate=3e-2, batch_size=256
)


def test_pairs_and_users_are_left_out():
    edges = np.array([[0, 1], [0, 2], [1, 1], [2, 3], [2, 1]])
    left = without_pairs(edges, np.array([[0, 2], [1, 9]]), users=np.array([2]))
    assert left.tolist() == [[0, 1], [1, 1]]


def test_an_edge_left_in_raises_its_item_and_a_user_without_edges_has_no_vector(rng):
    """Every user chooses at random, so nothing but the edge itself speaks for an item."""
    edges = np.unique(np.stack([rng.integers(0, 60, 700), rng.integers(1, 101, 700)], axis=1), axis=0)
    pairs = edges[rng.permutation(len(edges))[:60]]
    left = without_pairs(edges, pairs, users=np.array([0]))
    seen = pairs[pairs[:, 0] != 0]
    out, complete = (graph_vectors(own, 60, 100, HOW, show_progress=False) for own in (left, edges))
    assert not out.users[0].any() and out.users[1].any() and not out.items[0].any() and out.degrees[0] == 0
    places = {name: percentiles(v, seen, left).mean() for name, v in (("out", out), ("in", complete))}
    assert places["in"] > 0.8 and abs(places["out"] - 0.5) < 0.15, places


def test_a_graph_that_cannot_be_checked_is_refused():
    with pytest.raises(DataError, match="three interactions"):
        graph_vectors(np.array([[0, 1], [1, 2]]), 2, 2, HOW, show_progress=False)
