"""Leave-one-out split: a user's last item is for testing, the second to last for validation."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Split:
    """Views into U sequences of at least three items.

    Attributes:
        train: all but the last two items; also the history before the validation item.
        validation: the second to last item.
        test_histories: all but the last item.
        test: the last item.
    """

    train: list[np.ndarray]
    validation: np.ndarray
    test_histories: list[np.ndarray]
    test: np.ndarray


def leave_one_out(sequences: Sequence[np.ndarray]) -> Split:
    """Split sequences so that no training data contains a user's validation or test item."""
    return Split(
        train=[s[:-2] for s in sequences],
        validation=np.array([s[-2] for s in sequences]),
        test_histories=[s[:-1] for s in sequences],
        test=np.array([s[-1] for s in sequences]),
    )


def prefixes(train: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Every prefix of every training sequence, as the paper counts them (Table B2: interactions - 2 x users)."""
    return [s[:n] for s in train for n in range(1, len(s) + 1)]


def splice_histories(sequences: Sequence[np.ndarray], rng: np.random.Generator) -> np.ndarray:
    """Create a synthetic history: the beginning of one random sequence and the end of another, without repetitions.

    Args:
        sequences: non-empty training sequences.
        rng: source of randomness for the two sequences and the cuts; the end has at least one item.
    """
    first, second = (sequences[rng.integers(len(sequences))] for _ in range(2))
    joined = np.concatenate([first[: rng.integers(len(first) + 1)], second[rng.integers(len(second)) :]])
    return joined[np.sort(np.unique(joined, return_index=True)[1])]


def split_by_user(users: np.ndarray, seed: int = 0, tested: float = 0.2, validated: float = 0.05) -> np.ndarray:
    """Assign N rows to `train`, `validation` or `test`, all rows of a user to the same part.

    Args:
        users: (N,) user of each row.
        seed: random seed of the assignment.
        tested: share of the rows for testing.
        validated: share of the rows for validation.

    Returns:
        (N,) names of the parts.
    """
    names, own = np.unique(users, return_inverse=True)
    order = np.random.default_rng(seed).permutation(len(names))
    before = np.cumsum(np.bincount(own)[order]) / len(own)
    parts = np.empty(len(names), dtype="<U10")
    parts[order] = np.select([before <= tested, before <= tested + validated], ["test", "validation"], "train")
    return parts[own]
