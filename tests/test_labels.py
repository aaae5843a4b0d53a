"""Labels from tied scores: item numbers carry no information, and a target without preferences is rejected."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from recx.alignment.corpus import build_corpus
from recx.data.catalogue import build_catalogue
from recx.data.split import leave_one_out
from recx.errors import DataError
from recx.evaluation.test_set import draw_test_set, pairs_of
from recx.explaining.in_context import draw_shots
from recx.prompts.pieces import Title
from recx.prompts.task_data import TaskData
from recx.prompts.training_tasks import build_examples
from recx.recommenders import labels
from recx.recommenders.blackbox import BlackBox
from recx.recommenders.item_rank import item_ranks
from recx.recommenders.labels import CANDIDATES, PREFERENCE_ITEMS, label_histories, require_decisions
from recx.recommenders.protocol import mask_seen, pad_histories
from recx.recommenders.ranking import rank
from recx.recommenders.tie_order import best_first
from recx.settings import AlignSettings, EvaluateSettings

ITEMS = 60


class Levels:
    """Scores with one level per share, drawn for each history; each level holds its share of the items."""

    length = 8

    def __init__(self, *shares):
        self.shares = shares

    def score(self, histories):
        rows = [np.random.default_rng(h.tolist()).permutation(ITEMS) / ITEMS for h in histories.numpy()]
        levels = np.searchsorted(np.cumsum(self.shares)[:-1], np.stack(rows), side="right")
        return torch.from_numpy(np.concatenate([np.zeros((len(rows), 1)), -levels], axis=1)).float()


class Untied(Levels):
    def score(self, histories):
        return super().score(histories) + torch.from_numpy(
            np.stack([np.random.default_rng([1, *h.tolist()]).random(ITEMS + 1) for h in histories.numpy()])
        )


@pytest.fixture
def histories(rng):
    return [rng.permutation(ITEMS)[:n] + 1 for n in rng.integers(1, 9, size=300)]


@pytest.fixture
def catalogue():
    return build_catalogue([str(n) for n in range(ITEMS)], [f"Title {n}" for n in range(ITEMS)], {})


def drawn_by_place(order, unseen, rng):
    """The labels drawn from an order without equal scores."""
    keys = rng.random(order.shape)
    keys[np.arange(order.shape[1])[None, :] >= unseen[:, None]] = 2.0
    positions = np.sort(np.argpartition(keys, CANDIDATES, axis=1)[:, :CANDIDATES], axis=1)
    chance, unseen = rng.random((2, len(order), PREFERENCE_ITEMS)), unseen[:, None]
    likes = (chance[0] * np.maximum(1, 0.2 * unseen)).astype(int)
    dislikes = unseen - 1 - (chance[1] * np.maximum(1, 0.5 * unseen)).astype(int)
    return order[:, :CANDIDATES], *(np.take_along_axis(order, p, axis=1) for p in (positions, likes, dislikes))


def test_scores_without_ties_give_the_labels_that_their_order_gives(histories, rng, monkeypatch):
    target, one, two = Untied(0.5, 0.5), np.random.default_rng(4), np.random.default_rng(4)
    monkeypatch.setattr("recx.recommenders.tie_order.random_orders", None)
    found = label_histories(target, histories, 8, one)
    scores = mask_seen(target.score(pad_histories(histories, 8)).float(), histories)
    unseen = np.array([ITEMS - len(h) for h in histories])
    wanted = drawn_by_place(scores.argsort(dim=1, descending=True).numpy(), unseen, two)
    for column, own in zip((found.top, found.ranked, found.liked, found.disliked), wanted, strict=True):
        assert np.array_equal(column, own) and column.dtype == own.dtype
    assert one.random() == two.random(), "as many numbers are drawn"
    assert set(found.tied_shares().values()) == {0}


@pytest.mark.parametrize(
    "shares", [(0.03, 0.97), (0.1, 0.8, 0.1), (0.6, 0.4), (0.15, 0.85), (0.2, 0.3, 0.5), (0.95, 0.05), (0.3, 0.3, 0.4)]
)
def test_liked_items_have_better_scores_than_disliked_ones(histories, rng, shares):
    target = Levels(*shares)
    labels = label_histories(target, histories, 8, rng)
    scores = mask_seen(target.score(pad_histories(histories, 8)), histories).numpy()
    for row, own in enumerate(scores):
        assert labels.has_preference[row] == (len(set(own[np.isfinite(own)])) > 1)
        if not labels.has_preference[row]:
            continue  # all items of the other levels are in the history
        liked, disliked = own[labels.liked[row]], own[labels.disliked[row]]
        assert liked.min() > disliked.max() > -np.inf
        assert (np.diff(own[labels.ranked[row]]) <= 0).all() and len(set(labels.ranked[row])) == 5
        assert labels.sharing_first[row] == min(6, (own == own.max()).sum())
        assert labels.tied_pairs[row] == (np.diff(own[labels.ranked[row]]) == 0).sum()
        order = best_first(torch.from_numpy(own)[None], [histories[row]])[1][0].tolist()
        assert labels.top[row].tolist() == order[:5]
        unseen = ITEMS - len(histories[row])
        assert max(map(order.index, labels.liked[row])) < 0.2 * unseen
        assert min(map(order.index, labels.disliked[row])) >= 0.5 * unseen - 1


def test_liked_are_all_that_stand_out_where_few_do(histories, rng):
    """Only three of sixty items score higher, so none of the others is liked, and every item is disliked at times."""
    target = Levels(0.05, 0.95)
    labels = label_histories(target, histories, 8, rng)
    scores, labels = (
        target.score(pad_histories(histories, 8)).numpy()[labels.has_preference],
        labels.of(labels.has_preference),
    )
    rows = np.arange(len(scores))[:, None]
    assert len(rows) > 280
    assert (scores[rows, labels.liked] == 0).all() and (scores[rows, labels.disliked] == -1).all()
    assert len(np.unique(labels.disliked)) == ITEMS


class Sometimes(Levels):
    """Has no preference for histories that begin with an even item."""

    def score(self, histories):
        first = torch.stack([h[h > 0][0] for h in histories])
        return super().score(histories) * (first % 2)[:, None]


def test_a_history_without_a_preference_gives_no_rows_of_task_three(histories, rng, catalogue):
    target = Sometimes(0.2, 0.3, 0.5)
    labels = label_histories(target, histories, 8, rng)
    says = np.array([h[0] % 2 == 1 for h in histories])
    assert np.array_equal(labels.has_preference, says) and 0.3 < says.mean() < 0.7
    assert not labels.liked[~says].any() and not labels.disliked[~says].any() and labels.disliked[says].all()
    assert labels.tied_shares()["no_preference"] == pytest.approx((~says).mean())
    data = TaskData(catalogue, histories, labels, max_history=8, with_titles=200)
    asked = {"preference": 900, "retrieval": 900}
    for example in build_examples(data, "behavior", asked, rng):
        items = [piece.item for piece in example.prompt if isinstance(piece, Title)]
        assert 0 not in items and (example.task == "retrieval" or items[0] % 2 == 1)
    silent, telling = int((~says).argmax()), int(says.argmax())
    shots = draw_shots(data, [silent, telling], rng)
    assert {task: len(own) for task, own in shots.items()} == {
        "retrieval": 2,
        "ranking": 2,
        "preference": 1,
        "explanation": 1,
    }


def test_nobody_is_asked_about_a_target_that_prefers_nothing(rng):
    split = leave_one_out([rng.permutation(ITEMS)[:8] + 1 for _ in range(60)])
    asked = draw_test_set(split, Sometimes(0.2, 0.3, 0.5), 8, EvaluateSettings(users=40))
    assert 5 < len(asked.histories) < 35 and all(h[0] % 2 == 1 for h in asked.histories)
    assert len(asked.labels.top) == len(asked.items) == len(asked.liked) == len(asked.histories)
    assert (asked.items > 0).all() and (pairs_of(asked, 40).items > 0).all()
    with pytest.raises(DataError, match="the same score for each of 40"):
        draw_test_set(split, Levels(1), 8, EvaluateSettings(users=40))


@pytest.mark.parametrize("shares, words", [((1,), "for 100%, all unseen"), ((0.5, 0.5), "for 0%, all unseen")])
def test_a_target_that_ties_too_much_is_refused_with_its_numbers(rng, catalogue, shares, words):
    split = leave_one_out([rng.permutation(ITEMS)[:7] + 1 for _ in range(20)])
    settings = AlignSettings(modes="behavior")
    with pytest.raises(DataError, match=f"for 100% of 100 histories, more than.*{words}.*At most 50%"):
        build_corpus(catalogue, split, Levels(*shares), 8, settings, show_progress=False)
    build_corpus(catalogue, split, Levels(0.07, 0.93), 8, settings, show_progress=False)


def test_half_of_the_histories_may_be_undecided(histories, rng):
    labels = label_histories(Levels(0.1, 0.9), histories, 8, rng)
    half = replace(labels, sharing_first=np.repeat([5, 6], 150))
    require_decisions(half)
    half.sharing_first[0] = 6
    with pytest.raises(DataError, match="no usable labels"):
        require_decisions(half)


def test_a_constant_target_teaches_no_order_of_the_items(histories, rng):
    """The first item for one history says nothing about another: item numbers do not help to predict it."""
    top = label_histories(Levels(1), histories, 8, rng).top[:, 0]
    assert np.bincount(top).max() < 20 and top.mean() == pytest.approx((ITEMS + 1) / 2, abs=4)


def test_a_batch_keeps_no_more_in_memory_than_its_labels(histories, rng, monkeypatch):
    """A column sliced from the order of all items would keep all of it: gigabytes over many histories."""
    drawn, draw = [], labels._draw

    def spied(*arguments):
        drawn.extend(draw(*arguments))
        return drawn[-6:]

    monkeypatch.setattr(labels, "_draw", spied)
    label_histories(Untied(0.5, 0.5), histories, 8, rng)
    assert drawn and all(part.base is None or part.base.nbytes == part.nbytes for part in drawn)


def test_a_recommenders_own_table_is_never_written_to(histories, rng):
    class Stored:
        table = torch.randn(1, ITEMS + 1, generator=torch.Generator().manual_seed(0))

        def score(self, histories):
            return self.table.expand(len(histories), -1)

    before = Stored.table.clone()
    first, again = (label_histories(Stored(), histories, 8, rng) for _ in range(2))
    assert torch.equal(Stored.table, before) and np.array_equal(first.top, again.top)


def test_no_history_at_all_is_told(rng):
    with pytest.raises(DataError, match="no history"):
        label_histories(Levels(1), [], 8, rng)


def test_large_scores_keep_the_order_that_they_were_given():
    """Times in seconds, of which float32 has only every 128th."""
    newest = BlackBox(lambda rows: np.tile(1.7e9 + np.arange(201.0), (len(rows), 1)), 200, 8)
    own = [np.array([1, 2, 3]), np.array([7, 200])]
    found = label_histories(newest, own, 8, np.random.default_rng(0))
    assert found.top.tolist() == [[200, 199, 198, 197, 196], [199, 198, 197, 196, 195]]
    assert found.tied_shares()["undecided"] == 0
    ranked = rank(newest, own, np.array([200, 198]), 8)
    assert ranked.ranks.tolist() == [0, 1] and ranked.tied.tolist() == [0, 0]
    assert item_ranks(newest, own[:1], 199, 8)[0].rank == 2


@pytest.mark.parametrize("items, histories", [(500, 2048), (16_384, 2048), (100_000, 335), (10**9, 1)])
def test_a_large_catalogue_is_labelled_in_smaller_batches(items, histories):
    assert labels.batch_size(items) == histories
