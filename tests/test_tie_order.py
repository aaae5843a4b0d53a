"""Equal scores are ordered at random, in the same way whenever the same history is ranked."""

import numpy as np
import pytest
import torch

from recx.recommenders.tie_order import best_first, places, random_orders


@pytest.fixture
def histories(rng):
    return [rng.permutation(60)[: rng.integers(1, 9)] + 1 for _ in range(200)]


def masked(scores, histories):
    scores[:, 0] = -torch.inf
    for row, history in enumerate(histories):
        scores[row, history] = -torch.inf
    return scores


def in_order(scores, history):
    """The order by definition: by score, and equal scores by the history's random order."""
    place = {column: n for n, column in enumerate(random_orders([history], len(scores))[0].tolist())}
    return sorted(torch.isfinite(scores).nonzero()[:, 0].tolist(), key=lambda c: (-float(scores[c]), place[c]))


@pytest.mark.parametrize("levels", [1, 2, 3, 10])
@pytest.mark.parametrize("k", [1, 5, 10, None])
def test_order_equals_the_slow_way(histories, rng, levels, k):
    scores = masked(torch.from_numpy(rng.integers(0, levels, (200, 61))).float(), histories)
    values, columns = best_first(scores.clone(), histories, k)
    assert torch.equal(scores.gather(1, columns), values)
    for row, history in enumerate(histories):
        wanted = in_order(scores[row], history)
        assert columns[row].tolist()[: len(wanted)] == wanted[:k]


def test_without_ties_it_is_a_plain_sort_that_draws_nothing(histories, rng, monkeypatch):
    monkeypatch.setattr("recx.recommenders.tie_order.random_orders", None)
    scores = masked(torch.from_numpy(np.stack([rng.permutation(61) for _ in histories])).float(), histories)
    for k in (1, 10, 40):
        assert torch.equal(best_first(scores, histories, k)[1], scores.topk(k).indices)
    unseen = 61 - 1 - max(map(len, histories))
    assert torch.equal(best_first(scores, histories)[1][:, :unseen], scores.argsort(1, descending=True)[:, :unseen])
    free = torch.tensor([next(n for n in range(1, 61) if n not in history) for history in histories])
    place, first, others = places(scores, histories, free)
    assert torch.equal(place, first) and not others.any()


def test_a_place_is_that_in_the_list(histories, rng):
    scores = masked(torch.from_numpy(rng.integers(0, 3, (200, 61))).float(), histories)
    asked = torch.tensor([next(n for n in rng.permutation(60) + 1 if n not in history) for history in histories])
    place, first, others = places(scores, histories, asked)
    columns = best_first(scores, histories)[1]
    assert torch.equal(columns.gather(1, place[:, None])[:, 0], asked)
    for row, column in enumerate(asked):
        equal = [n for n, c in enumerate(columns[row]) if scores[row, c] == scores[row, column]]
        assert (int(first[row]), int(others[row])) == (equal[0], len(equal) - 1)


def test_the_order_depends_on_the_history_alone(histories):
    scores = masked(torch.zeros(200, 61), histories)
    whole = best_first(scores, histories)[1]
    for row in (0, 7, 199):
        assert torch.equal(best_first(scores[row : row + 1], [histories[row]])[1][0], whole[row])
    assert torch.equal(best_first(scores.flip(0), histories[::-1])[1].flip(0), whole)
    assert len({tuple(row) for row in whole[:, :5].tolist()}) == len({tuple(h.tolist()) for h in histories})


def test_no_item_is_preferred_for_its_number():
    histories = [np.array([a, b]) for a in range(1, 41) for b in range(1, 41)]
    first = best_first(torch.zeros(1600, 101).index_fill(1, torch.tensor([0]), -torch.inf), histories, 1)[1]
    counts = np.bincount(first[:, 0].numpy(), minlength=101)[1:]
    assert ((counts - 16) ** 2 / 16).sum() < 150  # chi square of 99 degrees of freedom: beyond that in 1 of 1,000


def test_many_tied_rows_are_ordered_in_parts(histories, monkeypatch):
    scores = masked(torch.zeros(200, 61), histories)
    whole = best_first(scores, histories, 9)[1]
    monkeypatch.setattr("recx.recommenders.tie_order.ROWS", 7)
    assert torch.equal(best_first(scores, histories, 9)[1], whole)
