import itertools

import numpy as np
import pytest
import torch
from bag_target import Bag

from recx.attribution.attributions import METHODS
from recx.attribution.learned_mask import LearnedMask, expected_value, fit_learned_mask, mask_loss, response_vectors
from recx.attribution.removal import ValueFunction, players_of, value_function
from recx.attribution.shapley import all_sets
from recx.errors import SettingsError

ITEMS = 30


def histories(count, seed):
    rng = np.random.default_rng(seed)
    return [rng.permutation(np.arange(1, ITEMS + 1))[: rng.integers(3, 7)] for _ in range(count)]


@pytest.fixture(scope="module")
def fitted():
    """A black box, with scores and nothing else, and a mask learned from 200 histories."""
    value = value_function(Bag(ITEMS), histories(200, 0), Bag.length)
    before = torch.get_rng_state()
    mask = fit_learned_mask(value, steps=200)
    assert torch.equal(before, torch.get_rng_state()), "others' random numbers stay as they were"
    return value, mask


def test_the_expected_value_is_the_mean_over_all_sets():
    rng = np.random.default_rng(0)
    values, kept = torch.from_numpy(rng.normal(size=(2, 8))), torch.from_numpy(rng.random((2, 3)))
    wanted = [
        sum(v[n] * np.prod(np.where(inside, m, 1 - m)) for n, inside in enumerate(all_sets(3)))
        for v, m in zip(values.numpy(), kept.numpy(), strict=True)
    ]
    assert np.allclose(expected_value(values, kept), wanted)
    assert torch.equal(expected_value(values, torch.ones(2, 3).double()), values[:, 7])


def test_of_a_sum_the_best_mask_is_in_closed_form():
    effects, spread = torch.tensor([1.5, -0.7, 0.0, 0.2], dtype=torch.float64), 0.8
    values = torch.from_numpy(all_sets(4)).double() @ effects
    logits = torch.zeros(4, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([logits], line_search_fn="strong_wolfe", max_iter=100)

    def step():
        optimizer.zero_grad()
        loss = mask_loss(logits, values, spread)
        loss.backward()
        return loss

    optimizer.step(step)
    assert torch.allclose(logits.detach(), 2 * effects / spread, atol=1e-3)


def test_vectors_of_a_black_box_give_back_what_it_scores():
    target = Bag(ITEMS)
    read, asked = response_vectors(target, target.length)
    scores = target.table[1:, 1:]
    wanted, got = scores - scores.mean(1, keepdim=True), read[1:] @ asked[1:].T
    assert torch.allclose(got * (wanted.norm() / got.norm()), wanted, atol=1e-3)
    assert not read[0].any() and not asked[0].any()


def test_a_learned_mask_finds_the_causes_of_a_black_box_on_new_histories(fitted):
    value, mask = fitted
    new, found, chance = histories(60, 1), [], []
    for history in new:
        numbers, exact = (method(value, history, [1, 17]) for method in (mask, METHODS["Shapley"]))
        found += [n.argmax() == e.argmax() for n, e in zip(numbers.T, exact.T, strict=True)]
        chance.append(1 / len(history))
        assert numbers.shape == exact.shape
    assert np.mean(found) > np.mean(chance) + 0.3


def test_an_item_at_several_places_counts_at_the_last(fitted):
    value, mask = fitted
    twice, once = np.array([5, 9, 5, 12]), np.array([9, 5, 12])
    assert players_of(twice).tolist() == [5, 9, 12]
    assert np.allclose(mask(value, twice, [3]), mask(value, once, [3])[[1, 0, 2]])


def test_values_are_numbered_as_the_items_are(fitted):
    """A history whose first item comes again at its end: its sets must not be mixed up."""
    value, _ = fitted
    loud = Bag(ITEMS)
    loud.table *= 0.01
    loud.table[4] *= 500  # the only item that moves anything
    people = [np.array([4, *pair, 4]) for pair in itertools.permutations(range(5, 16), 2)]
    loud_value = value_function(loud, people, Bag.length)
    mask = fit_learned_mask(loud_value, steps=150)
    exact = METHODS["Shapley"](loud_value, people[0], [2, 3])
    numbers = mask(loud_value, people[0], [2, 3])
    assert (np.sign(numbers[0]) == np.sign(exact[0])).all()
    assert (np.abs(numbers).argmax(0) == np.abs(exact).argmax(0)).all()


def test_a_fit_can_be_repeated():
    value = value_function(Bag(ITEMS), histories(20, 0), Bag.length)
    first, again = (fit_learned_mask(value, steps=5) for _ in range(2))
    assert isinstance(first, LearnedMask)
    assert np.array_equal(first(value, [1, 2, 3], [7]), again(value, [1, 2, 3], [7]))


def test_nothing_to_learn_from_is_said():
    with pytest.raises(SettingsError, match="three distinct items"):
        fit_learned_mask(ValueFunction(Bag(ITEMS), 10, np.zeros(ITEMS)))
    flat = Bag(ITEMS)
    flat.table *= 0
    with pytest.raises(SettingsError, match="prefers"):
        fit_learned_mask(value_function(flat, histories(5, 0), Bag.length))
