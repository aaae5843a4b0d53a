"""Rules by which the wishes of a group's members become one recommendation (Masthoff, 2004; 2015).

A rule needs members who can be compared, and scores of different people cannot. A member's satisfaction with an item is
therefore the share of the items new to them that the target scores lower: 1 for a first item that ties with no other, 0
for the last.
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from scipy.stats import rankdata

from recx.errors import DataError, SettingsError
from recx.recommenders.devices import score
from recx.recommenders.labels import LIKED_SHARE
from recx.recommenders.protocol import Scorer, check_finite, pad_histories


class NothingNewError(DataError):
    """Hardly any item is new to all members of a group."""


# Name -> from the satisfactions (G, M) of G members with M items to the group's score (M,) of each.
RULES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "additive utilitarian": lambda members: members.sum(0),
    "least misery": lambda members: members.min(0),
    "most pleasure": lambda members: members.max(0),
    "approval": lambda members: (members >= 1 - LIKED_SHARE).sum(0).astype(float),
}


@torch.inference_mode()
def satisfactions(target: Scorer, histories: Sequence[np.ndarray], length: int) -> np.ndarray:
    """How content each member would be with each item, from 0 to 1.

    Args:
        target: the recommender, which is not changed.
        histories: G histories of item indices, oldest first.
        length: how many of the latest items the target reads.

    Returns:
        (G, N + 1): NaN for padding, and for every item that is in the history of any member.

    Raises:
        NothingNewError: fewer than two items are new to all members.
        DataError: a score is not finite.
    """
    scores = score(target, pad_histories(histories, length))
    check_finite(scores)
    seen = np.unique(np.concatenate([[0], *histories]).astype(np.int64))
    told = np.full(scores.shape, np.nan)
    for row, history in enumerate(histories):
        new = np.setdiff1d(np.arange(scores.shape[1]), np.append(history, 0))
        if len(new) > 1:
            told[row, new] = (rankdata(scores[row, new].numpy(), method="min") - 1) / (len(new) - 1)
    told[:, seen] = np.nan
    if (~np.isnan(told[0])).sum() < 2:
        raise NothingNewError("Fewer than two items are new to all members of the group. Form smaller groups.")
    return told


def best_for_group(members: np.ndarray, rule: str) -> int:
    """Return the item that a rule gives to a group; of equal items, the one with the highest sum, and then the one
    with the lowest number.

    Args:
        members: (G, N + 1) from `satisfactions`.
        rule: a key of `RULES`.

    Raises:
        SettingsError: there is no such rule.
    """
    if rule not in RULES:
        raise SettingsError(f"There is no rule {rule!r}. Known: {', '.join(RULES)}.")
    new = np.flatnonzero(~np.isnan(members).any(0))
    own = members[:, new]
    return int(new[np.lexsort((-own.sum(0), -RULES[rule](own)))[0]])
