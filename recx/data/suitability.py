"""What a data set needs before anything is trained on it, and what makes results on it mean little."""

from collections.abc import Sequence

import numpy as np

from recx.errors import DataError

UNSEEN = 5  # items that no history may leave fewer of unseen: the tasks order five
FEW_ITEMS, FEW_PAIRS, MOST = 50, 0.1, 0.5


def require_trainable(histories: Sequence[np.ndarray], items: int, ordered: bool = True) -> None:
    """Refuse what training, or a notebook after it, would break off at.

    Args:
        histories: each user's item indices but for the last, which is for testing.
        items: number of items.
        ordered: whether the recommender learns from the order within the training sequences.

    Raises:
        DataError: what is wrong, and what to change.
    """
    obstacles = find_obstacles(histories, items, ordered)
    if obstacles:
        raise DataError(" ".join(obstacles))


def find_obstacles(histories: Sequence[np.ndarray], items: int, ordered: bool = True) -> list[str]:
    """What keeps the notebooks from running, a sentence or two each; see `require_trainable`."""
    longest, found = 1 + max(map(len, histories)), []
    if ordered and longest <= 3:
        found.append(
            f"Each of the {len(histories):,} people has exactly three interactions: one to test on, one to validate "
            "on, and one to learn from, which is no pair of a choice and the next. Use more of each person's choices: "
            "a smaller data.min_item keeps more of them, and with data.min_user=4 only people who have a pair are kept."
        )
    if items - (longest - 1) < UNSEEN:
        found.append(
            f"Somebody has chosen {longest} of the {items} items, and the tasks need at least {UNSEEN} that a person "
            "has not chosen. Use a larger catalogue (a smaller data.min_item keeps more), or leave such people out."
        )
    return found


def find_weaknesses(sequences: Sequence[np.ndarray], user_ids: Sequence[str], items: int) -> list[str]:
    """What a user should know of a data set on which everything runs and little is learnt, a sentence or two each."""
    lengths = np.array([len(s) for s in sequences])
    found = []
    if items < FEW_ITEMS:
        found.append(
            f"There are {items} items: ten recommendations are {10 / items:.0%} of them, so a hit among ten says "
            "little, and likes and dislikes are drawn from a handful. A smaller data.min_item keeps more items."
        )
    paired = int((lengths > 3).sum())
    if 0 < paired < FEW_PAIRS * len(lengths):
        found.append(
            f"Only {paired:,} of {len(lengths):,} people have more than three interactions, so there is next to no "
            "order to learn from; data.min_user=4 keeps those alone."
        )
    kinds: dict[bytes, int] = {}
    for sequence in sequences:
        kinds[sequence.tobytes()] = kinds.get(sequence.tobytes(), 0) + 1
    alike = max(kinds.values())
    if len(lengths) > 1 and alike > MOST * len(lengths):
        found.append(
            f"{alike:,} of {len(lengths):,} people have the very same history, so there is nothing to tell them apart "
            "by, and intervals over people mean nothing. Is the column of users, or that of times, the right one?"
        )
    if len(lengths) > 1 and lengths.max() > MOST * lengths.sum():
        found.append(
            f"User {user_ids[int(lengths.argmax())]!r} has {lengths.max() / lengths.sum():.0%} of all interactions, so "
            "what is learnt is theirs. Leave them out of the file if they are no person, or use more people."
        )
    return found
