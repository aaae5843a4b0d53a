"""Requirements that a data set must meet before training, and properties that make results on it weak."""

from collections.abc import Sequence

import numpy as np

from recx.errors import DataError

UNSEEN = 5  # every history must leave this many items unseen: the ranking task orders five
FEW_ITEMS, FEW_PAIRS, MOST = 50, 0.1, 0.5


def require_trainable(histories: Sequence[np.ndarray], items: int, ordered: bool = True) -> None:
    """Reject data on which training, or a later notebook, would fail.

    Args:
        histories: each user's item indices except the last, which is for testing.
        items: number of items.
        ordered: whether the recommender learns from the order of training sequences.

    Raises:
        DataError: what is wrong, and what to change.
    """
    obstacles = find_obstacles(histories, items, ordered)
    if obstacles:
        raise DataError(" ".join(obstacles))


def find_obstacles(histories: Sequence[np.ndarray], items: int, ordered: bool = True) -> list[str]:
    """Reasons why the notebooks cannot run, one or two sentences each; see `require_trainable`."""
    longest, found = 1 + max(map(len, histories)), []
    if ordered and longest <= 3:
        found.append(
            f"Each of the {len(histories):,} people has exactly three interactions: one each for testing, validation "
            "and training, so no pair of consecutive items is left to learn from. Use more interactions per person: a "
            "smaller data.min_item keeps more, and data.min_user=4 keeps only the people with such a pair."
        )
    if items - (longest - 1) < UNSEEN:
        found.append(
            f"One person has chosen {longest} of the {items} items, but the tasks need at least {UNSEEN} that a person "
            "has not chosen. Use a larger catalogue (a smaller data.min_item keeps more), or leave out such people."
        )
    return found


def find_weaknesses(sequences: Sequence[np.ndarray], user_ids: Sequence[str], items: int) -> list[str]:
    """Reasons why a data set teaches little although everything runs, one or two sentences each."""
    lengths = np.array([len(s) for s in sequences])
    found = []
    if items < FEW_ITEMS:
        found.append(
            f"There are only {items} items: ten recommendations cover {10 / items:.0%} of them, so hits among the top "
            "ten mean little, and likes and dislikes come from few items. A smaller data.min_item keeps more items."
        )
    paired = int((lengths > 3).sum())
    if 0 < paired < FEW_PAIRS * len(lengths):
        found.append(
            f"Only {paired:,} of {len(lengths):,} people have more than three interactions, so there is almost no "
            "order to learn from; data.min_user=4 keeps only those people."
        )
    if 3 < lengths.max() < 5:
        found.append(
            "Nobody has more than four interactions, so no training history has three items whose effects could be "
            "compared, and the relation mode cannot be trained. Set align.modes='behavior intention hybrid'."
        )
    kinds: dict[bytes, int] = {}
    for sequence in sequences:
        kinds[sequence.tobytes()] = kinds.get(sequence.tobytes(), 0) + 1
    alike = max(kinds.values())
    if len(lengths) > 1 and alike > MOST * len(lengths):
        found.append(
            f"{alike:,} of {len(lengths):,} people have identical histories, so nothing distinguishes them, and "
            "confidence intervals over people are meaningless. Are the user and time columns the right ones?"
        )
    if len(lengths) > 1 and lengths.max() > MOST * lengths.sum():
        found.append(
            f"User {user_ids[int(lengths.argmax())]!r} has {lengths.max() / lengths.sum():.0%} of all interactions and "
            "dominates what is learnt. Leave this user out if it is not a person, or use more people."
        )
    return found
