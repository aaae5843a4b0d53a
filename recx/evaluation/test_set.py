"""The test set of the evaluation: histories with the target's answers, and pairs to explain."""

from dataclasses import dataclass

import numpy as np

from recx.data.split import Split
from recx.errors import DataError
from recx.recommenders.devices import score
from recx.recommenders.labels import Labels, label_histories
from recx.recommenders.protocol import Scorer, pad_histories
from recx.settings import EvaluateSettings


@dataclass(frozen=True)
class TestSet:
    """Test histories with the target's answers; no model was trained on any of them.

    Attributes:
        histories: U test histories (all but a user's last item).
        labels: the target's answers.
        candidates: (U, 5) items of the ranking task in random order.
        items: (U,) one item per history, half of them liked and half disliked by the target.
        liked: (U,) whether the target likes the item.
        ranking_users: number of histories, from the first, used for the ranking task.
        free_users: number of histories, from the first, decoded with unconstrained beam search.
    """

    __test__ = False  # keeps pytest from collecting this class

    histories: list[np.ndarray]
    labels: Labels
    candidates: np.ndarray
    items: np.ndarray
    liked: np.ndarray
    ranking_users: int
    free_users: int


def draw_test_set(split: Split, target: Scorer, length: int, settings: EvaluateSettings) -> TestSet:
    """Draw random users and label their test histories with the target's answers.

    Histories for which all unseen items have the same score are left out, because there is no preference to agree with.

    Args:
        split: leave-one-out split.
        target: the recommender, which is not changed.
        length: how many of the latest items the target reads.
        settings: numbers of users, and the seed.

    Raises:
        DataError: the target has no preference for any of these histories.
    """
    rng = np.random.default_rng(settings.seed)
    total = len(split.test_histories)
    users = rng.permutation(total)[: settings.users or total]
    histories = [split.test_histories[u] for u in users]
    labels = label_histories(target, histories, length, rng)
    telling = labels.has_preference.nonzero()[0]
    if not len(telling):
        raise DataError(f"The target gives all unseen items the same score for each of {len(users)} test histories.")
    labels, histories = labels.of(telling), [histories[n] for n in telling]
    liked = rng.permutation(len(histories)) % 2 == 0
    return TestSet(
        histories,
        labels,
        rng.permuted(labels.ranked, axis=1),
        np.where(liked, labels.liked[:, 0], labels.disliked[:, 0]),
        liked,
        min(settings.ranking_users or total, len(histories)),
        max(0, min(settings.free_users or total, len(histories))),
    )


@dataclass(frozen=True)
class Pairs:
    """Users and items to explain, half of the items liked by the target.

    Attributes:
        histories: P histories.
        items: (P,) the item of each pair.
        liked: (P,) whether the target likes it.
        users: (P,) index of the user in the test set.
    """

    histories: list[np.ndarray]
    items: np.ndarray
    liked: np.ndarray
    users: np.ndarray

    def __len__(self) -> int:
        return len(self.items)


def pairs_of(test_set: TestSet, count: int) -> Pairs:
    """Draw pairs to explain, half of them liked; every user occurs once before any user occurs again.

    The first pairs are those of `test_set.items`. A user has at most eight pairs, never with the same item twice.
    """
    yes, no, total = [], [], len(test_set.histories)
    pools = {True: test_set.labels.liked, False: test_set.labels.disliked}
    for turn in range(2 * test_set.labels.liked.shape[1]):
        liked = test_set.liked ^ bool(turn % 2)
        for user in range(total):
            pool, n = pools[bool(liked[user])][user], turn // 2
            if pool[n] not in pool[:n]:
                (yes if liked[user] else no).append((turn * total + user, int(pool[n])))
    half = min(count // 2, len(yes), len(no))
    chosen = sorted([(place, item, True) for place, item in yes[:half]] + [(p, i, False) for p, i in no[:half]])
    users = np.array([place % total for place, _, _ in chosen], dtype=int)
    return Pairs(
        [test_set.histories[u] for u in users],
        np.array([item for _, item, _ in chosen], dtype=int),
        np.array([liked for _, _, liked in chosen], dtype=bool),
        users,
    )


def target_scores(target: Scorer, pairs: Pairs, length: int) -> np.ndarray:
    """Return the target's score (P,) of each pair."""
    scores = score(target, pad_histories(pairs.histories, length)).detach().numpy()
    return scores[np.arange(len(pairs)), pairs.items].astype(float)
