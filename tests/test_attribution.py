import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from recx.attribution import attributions
from recx.attribution.attributions import (
    BASELINES,
    METHODS,
    _along,
    attention_rollout,
    deletion_gap,
    likeness,
    lime,
    path_integration,
    serves,
)
from recx.attribution.effect_labels import histories_to_measure, label_effects
from recx.attribution.removal import REPLACEMENTS, ValueFunction, players_of, value_function
from recx.attribution.shapley import MAX_EXACT, all_sets, shapley_matrix, shapley_values
from recx.data.demo import demo_catalogue
from recx.errors import DataError, SettingsError
from recx.recommenders.labels import label_histories
from recx.recommenders.protocol import pad_histories
from recx.recommenders.sasrec import SASRec
from recx.settings import TargetShape

LENGTH, ITEMS = 6, 40


@pytest.fixture(scope="module")
def target():
    torch.manual_seed(3)
    model = SASRec(ITEMS, TargetShape(width=16, blocks=2, heads=2, length=LENGTH, dropout=0.0)).eval()
    torch.nn.init.normal_(model.position, std=0.5)
    return model.requires_grad_(False)


@pytest.fixture(scope="module")
def histories():
    rng = np.random.default_rng(0)
    return [rng.integers(1, ITEMS + 1, size=rng.integers(3, 9)) for _ in range(60)]


class Additive:
    """A target whose log-odds are a sum over the items of a history, independent of their positions."""

    length = 20

    def __init__(self, items):
        self.weights = torch.from_numpy(np.random.default_rng(1).normal(size=(items + 1, items + 1))).float()
        self.weights[0] = 0.0

    def score(self, histories):
        return self.weights[histories].sum(1)


def by_permutations(values, n):
    """Shapley values by definition: the mean marginal contribution over all orders of joining."""
    gains = np.zeros(n)
    for order in itertools.permutations(range(n)):
        inside = 0
        for player in order:
            gains[player] += values[inside | 1 << player] - values[inside]
            inside |= 1 << player
    return gains / math.factorial(n)


@pytest.mark.parametrize("n", [1, 2, 5, 6])
def test_the_matrix_gives_shapley_values_of_any_game(n):
    values = np.random.default_rng(n).normal(size=2**n)
    assert np.allclose(shapley_matrix(n) @ values, by_permutations(values, n))


def test_shapley_values_add_up_to_what_the_history_changes(target, histories):
    value, items = value_function(target, histories, LENGTH), [3, 17, 40]
    for history in histories[:10]:
        found = shapley_values(value, history, items)
        assert found.players.tolist() == players_of(history[-LENGTH:]).tolist()
        gain = value.full(history, items) - value.prior[np.array(items) - 1]
        assert np.allclose(found.values.sum(0), gain, atol=1e-6) and not found.errors.any()


def test_the_value_of_a_part_is_what_the_target_says_of_that_part(target, histories):
    value = value_function(target, histories, LENGTH)
    history = np.array([5, 9, 5, 12, 30])  # 5 stands twice: it is taken out at both places
    kept = np.array([[False, True, False, True], [True, False, False, False], [False] * 4])
    got = value(history, kept, [7, 8])
    for row, left in ((0, [9, 30]), (1, [5, 5])):
        scores = target.score(pad_histories([left], LENGTH))[0, 1:].log_softmax(-1)
        assert np.allclose(got[row], scores[[6, 7]], atol=1e-5)
    assert np.allclose(got[2], value.prior[[6, 7]])


def test_items_are_padded_or_replaced_where_they_stand(target, histories):
    history, kept = np.array([5, 9, 12]), np.array([[True, False, True]])
    padded = ValueFunction(target, LENGTH, np.zeros(ITEMS), "pad")
    rows = pad_histories([[5, 0, 12]], LENGTH)
    assert np.allclose(padded(history, kept, [7])[0, 0], target.score(rows)[0, 1:].log_softmax(-1)[6], atol=1e-5)
    replaced = value_function(target, histories, LENGTH, "replace")
    rows = replaced._replaced(history, kept)
    assert len(rows) == REPLACEMENTS and (rows[:, -3] == 5).all() and (rows[:, -1] == 12).all()
    assert len(set(rows[:, -2].tolist())) > 1
    assert np.array_equal(replaced(history, kept, [7]), replaced(history, kept, [7])), (
        "draws depend on the history only"
    )
    with pytest.raises(DataError, match="pool"):
        ValueFunction(target, LENGTH, np.zeros(ITEMS), "replace")(history, kept, [7])


def test_the_place_is_the_share_of_the_catalogue_below(target, histories):
    value = value_function(target, histories, LENGTH, score="share_below")
    scores = target.score(pad_histories(histories[:1], LENGTH))[0, 1:]
    best, worst = int(scores.argmax()) + 1, int(scores.argmin()) + 1
    assert value.full(histories[0], [best, worst]).tolist() == [1.0, 0.0]
    eleventh = int(scores.argsort()[10]) + 1
    assert value.full(histories[0], [eleventh])[0] == pytest.approx(10 / (ITEMS - 1))


def test_long_histories_are_sampled_within_their_errors():
    target = Additive(60)
    history = np.arange(1, MAX_EXACT + 3)
    value = ValueFunction(target, 20, np.full(60, -math.log(60)))
    found = shapley_values(value, history, [50], permutations=200)
    assert found.errors.shape == (len(history), 1) and (found.errors > 0).all()
    again = shapley_values(value, history, [50], permutations=2000, seed=1)
    z = (found.values - again.values) / np.hypot(found.errors, again.errors)
    assert np.abs(z).max() < 4.5 and np.allclose(found.values.sum(), again.values.sum())
    assert found.errors.mean() / again.errors.mean() == pytest.approx(10**0.5, rel=0.2)


def test_errors_of_sampled_values_are_independent_of_each_other():
    """With the same permutations for all histories, they would be the same at the same places and never average out."""
    rng, target = np.random.default_rng(0), Additive(60)
    value = ValueFunction(target, 20, np.full(60, -math.log(60)))
    errors = []
    for _ in range(40):
        history = rng.permutation(59)[:14] + 1
        exact = shapley_values(value, history, [50]).values[:, 0]
        errors.append(shapley_values(value, history, [50], permutations=4, max_exact=2).values[:, 0] - exact)
    errors = np.stack(errors)
    by_place = np.sqrt(np.square(errors.mean(0)).mean()) / np.sqrt(np.square(errors).mean())
    assert by_place < 2 / len(errors) ** 0.5


def test_sampled_values_are_near_the_exact_ones(target, histories):
    value = value_function(target, histories, LENGTH)
    history = max(histories, key=lambda h: len(players_of(h[-LENGTH:])))
    exact = shapley_values(value, history, [3, 17])
    sampled = shapley_values(value, history, [3, 17], permutations=2000, max_exact=2)
    assert not exact.errors.any() and (sampled.errors > 0).all()
    assert (np.abs(sampled.values - exact.values) < 4.5 * sampled.errors + 1e-6).all()


def test_every_method_puts_the_cause_first():
    """A single item decides: it has a large weight for item 9, and the others have none."""
    target = Additive(ITEMS)
    target.weights *= 0.01
    target.weights[4, 9] = 5.0
    value = value_function(target, [np.array([2, 3])], 20)
    history = np.array([7, 4, 11, 2])
    for name in ("alone", "leave one out", "LIME", "Shapley"):
        assert serves(name, value)
        assert METHODS[name](value, history, [9])[:, 0].argmax() == 1, name
    assert METHODS["latest"](value, history, [9])[:, 0].argmax() == 3
    assert not serves("attention rollout", value) and not serves("integrated gradients", value)
    with pytest.raises(SettingsError, match="SASRec"):
        attention_rollout(value, history, [9])


def test_lime_recovers_a_sum():
    class Linear:
        weights = torch.zeros(ITEMS + 1)

        def score(self, histories):
            own = self.weights[histories].sum(1, keepdim=True)
            return torch.cat([torch.zeros(len(histories), 1), own, torch.zeros(len(histories), ITEMS - 1)], 1)

    target = Linear()
    target.weights = torch.linspace(-1e-3, 1e-3, ITEMS + 1)  # small, so that the softmax is linear too
    target.weights[0] = 0.0
    value = ValueFunction(target, 8, np.full(ITEMS, -math.log(ITEMS)))
    history = np.array([1, 20, 39])
    wanted = target.weights[history].numpy() * (1 - 1 / ITEMS)
    assert np.allclose(lime(value, history, [1])[:, 0], wanted, rtol=0.05, atol=2e-6)


def test_gradients_add_up_along_their_way(target, histories):
    value = value_function(target, histories, LENGTH)
    history, item = histories[0][-LENGTH:], 11
    from recx.attribution import attributions

    mean = target.item_embedding.weight[1:].mean(0)
    got = attributions.integrated_gradients(value, history, [item])

    def at(vectors):
        hook = target.item_embedding.register_forward_hook(
            lambda m, a, out: torch.cat([out[:, : -len(history)], vectors[None]], 1)
        )
        try:
            return target.score(pad_histories([history], LENGTH))[0, 1:].log_softmax(-1)[item - 1].item()
        finally:
            hook.remove()

    gain = at(target.item_embedding.weight[torch.from_numpy(history)]) - at(mean.expand(len(history), -1))
    assert got.sum() == pytest.approx(gain, rel=0.02, abs=0.02)


def test_the_most_faithful_path_from_a_real_history_is_taken(target, histories):
    value, history, items = value_function(target, histories, LENGTH), histories[0], [11, 12]
    shown, vectors = history[-LENGTH:], target.item_embedding.weight
    starts = [np.resize(np.asarray(h)[-len(shown) :], len(shown)) for h in histories]
    every = np.stack([_along(value, history, items, vectors[torch.from_numpy(s)]) for s in starts])
    got = path_integration(value, history, items)
    for k, item in enumerate(items):
        own = [n for n, path in enumerate(every) if np.allclose(path[:, k], got[:, k], atol=1e-6)]
        assert own, "it starts from a real history"
        gaps = [deletion_gap(value, history, item, path[:, k]) for path in every]
        assert (np.array(gaps) <= gaps[own[0]] + 1e-9).sum() >= BASELINES / 2, "no random one of those drawn"
    with pytest.raises(SettingsError, match="real histories"):
        path_integration(ValueFunction(target, LENGTH, np.zeros(ITEMS)), history, items)


def test_the_deletion_gap_of_a_sum_is_known():
    class Sum:
        length = 9

        def __call__(self, history, kept, items):
            return (kept @ np.array([1.0, 3.0, -2.0]))[:, None]

    history = np.array([5, 6, 7])
    # Left without the lowest: 4, then 3. Left without the highest: -1, then -2.
    assert deletion_gap(Sum(), history, 1, np.array([1.0, 3.0, -2.0])) == pytest.approx(5)
    assert deletion_gap(Sum(), history, 1, np.array([-1.0, -3.0, 2.0])) == pytest.approx(-5)
    assert deletion_gap(Sum(), history[:1], 1, np.array([1.0])) == 0.0


def test_attention_reaches_all_of_a_history(target, histories):
    value = value_function(target, histories, LENGTH)
    rolled = attention_rollout(value, histories[0], [3, 4])
    assert np.allclose(rolled.sum(0), 1, atol=1e-5) and (rolled >= 0).all() and rolled.shape[1] == 2


def test_attention_is_rolled_out_from_the_first_block_to_the_last(histories, monkeypatch):
    torch.manual_seed(0)
    two = SASRec(ITEMS, TargetShape(width=16, length=LENGTH, blocks=2)).eval()
    history = players_of(histories[0][-LENGTH:])
    size = len(history)
    weights = torch.rand(2, 1, 2, size, size).softmax(-1)
    given = iter(weights)
    monkeypatch.setattr(attributions, "_attention", lambda *_: next(given))
    rolled = attention_rollout(value_function(two, histories, LENGTH), history, [3])
    first, second = ((one[0].mean(0) + torch.eye(size)) / 2 for one in weights)
    assert np.allclose(rolled[:, 0], (second @ first)[-1].numpy(), atol=1e-5)


def test_labels_hold_effects_at_each_place(target, histories):
    value = value_function(target, histories, LENGTH)
    labels = label_histories(target, histories, LENGTH, np.random.default_rng(0))
    rows = histories_to_measure(histories, LENGTH, 12, np.random.default_rng(2))
    made = label_effects(value, histories, labels.of(rows), rows)
    assert len(made) == 96 and made.liked.tolist() == ([True] * 4 + [False] * 4) * 12
    for k in (0, 7, 23):
        history = histories[made.rows[k]][-LENGTH:]
        found = shapley_values(value, history, [made.items[k]])
        at = dict(zip(found.players.tolist(), found.values[:, 0], strict=True))
        assert np.allclose(made.effects[k][made.shown[k] > 0], [at[i] for i in history.tolist()], atol=1e-5)
        assert not made.effects[k][made.shown[k] == 0].any()
        last = int(history[-1])  # taken out everywhere, the gap closed
        left = [int(i) for i in history if i != last]
        alone = value_function(target, histories, LENGTH, score="share_below").full(np.array(left), [made.items[k]])
        assert made.shares_without[k][-1] == pytest.approx(alone[0], abs=1e-6)
        assert np.isnan(made.shares_without[k][made.shown[k] == 0]).all()
    assert made.shares_below[made.liked].mean() > made.shares_below[~made.liked].mean()


def test_likeness_counts_shared_attributes():
    catalogue = demo_catalogue()
    names = list(catalogue.attributes)
    own = {(n, v) for n in names for v in catalogue.attributes[n][1]}
    theirs = {(n, v) for n in names for v in catalogue.attributes[n][2]}
    got = likeness(catalogue, np.array([1, 2]), 1)
    assert got[0] == 1.0 and got[1] == pytest.approx(len(own & theirs) / len(own | theirs))


def test_all_sets_are_numbered_by_their_bits():
    sets = all_sets(3)
    assert sets.shape == (8, 3) and (sets @ (1 << np.arange(3))).tolist() == list(range(8))


def test_scores_of_any_scale_keep_the_precision_they_come_in():
    """Every title lifts all items alike, so that no title changes what the target prefers."""

    class Shifted:
        length = 6

        def score(self, histories):
            shift = torch.tensor([0.0, 7e4, 1.3e4, 9e4, 3.7e4], dtype=torch.float64)[histories].sum(1)
            return torch.arange(5, dtype=torch.float64) / 7 + shift[:, None]

    value = value_function(Shifted(), [np.array([1, 2])], 6)
    effects = shapley_values(replace(value, prior=value.full(np.array([3]), [1, 2, 3, 4])), np.array([1, 2, 3]), [4])
    assert np.abs(effects.values).max() < 1e-6
