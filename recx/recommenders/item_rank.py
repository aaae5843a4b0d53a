"""The target's output for one history: its best items, and the rank of one item."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch

from recx.recommenders import devices
from recx.recommenders.labels import DISLIKED_SHARE, LIKED_SHARE
from recx.recommenders.protocol import Scorer, mask_seen, pad_histories
from recx.recommenders.tie_order import best_first, places

Decision = Literal["yes", "between", "no"]
IN_WORDS: dict[Decision, str] = {"yes": "yes", "between": "undecided", "no": "no"}
BATCH = 1024


@dataclass(frozen=True)
class ItemRank:
    """The rank of one item for one history.

    Attributes:
        score: the target's score.
        rank: 1 for the best of the unseen items.
        unseen: number of items not in the history.
        decision: rule of task 3: `yes` in the top fifth, `no` in the bottom half, otherwise `between`.
        tied: number of other unseen items with the same score; ties are broken at random.
    """

    score: float
    rank: int
    unseen: int
    decision: Decision
    tied: int


@torch.inference_mode()
def top_items(target: Scorer, history: np.ndarray, max_history: int, k: int = 10) -> list[tuple[int, float]]:
    """The k best items outside a history with their scores, best first; fewer if fewer are unseen.

    Ties are in the history's random order (`tie_order`).
    """
    scores = mask_seen(devices.score(target, pad_histories([history], max_history)), [history])
    values, items = best_first(scores, [history], min(k, int((scores > -torch.inf).sum())))
    return list(zip(items[0].tolist(), values[0].tolist(), strict=True))


@torch.inference_mode()
def item_ranks(
    target: Scorer,
    histories: Sequence[np.ndarray],
    item: int,
    max_history: int,
    changed_from: np.ndarray | None = None,
    older: Sequence[int] | np.ndarray = (),
) -> list[ItemRank]:
    """The rank of an item for each of R histories, of which the target reads the latest `max_history` items.

    An item in the history is ranked as if it were not: the target never recommends it again, but its hypothetical rank
    may be of interest.

    Ties are in the random order of each history, or of `changed_from` for all: when a history is compared with its
    modifications, the rank must not move only because ties are redrawn.

    Items of `older` count as seen, too: those of a person whose R histories hold only what the target reads.
    """
    out: list[ItemRank] = []
    read_no_more = np.asarray(older, dtype=np.int64)
    for start in range(0, len(histories), BATCH):
        part = histories[start : start + BATCH]
        given = devices.score(target, pad_histories(part, max_history))
        scores = mask_seen(given, [np.concatenate([read_no_more, history]) for history in part])
        scores[:, item] = own = given[:, item]
        ordered_as = part if changed_from is None else [changed_from] * len(part)
        place, first, tied = places(scores, ordered_as, torch.full((len(part),), item))
        columns = (own, place, first, tied, (scores > -torch.inf).sum(1))
        out += [_item_rank(*row) for row in zip(*(column.tolist() for column in columns), strict=True)]
    return out


def _item_rank(score: float, place: int, first: int, tied: int, unseen: int) -> ItemRank:
    decision = decide(place + 1, unseen, range(first + 1, first + tied + 2))
    return ItemRank(score, place + 1, unseen, decision, tied)


def decide(rank: int, unseen: int, equals: range | None = None) -> Decision:
    """Like or dislike by the target's ranking (paper section 3.2.1, task 3): top fifth, bottom half, or neither.

    Args:
        rank: rank of the item, from 1.
        unseen: number of ranked items.
        equals: the ranks of all items with the same score. If they span both the liked and the disliked range, the item
            is neither, as in the labels; but an item with nothing above it is never disliked, and one with nothing
            below it never liked.
    """
    best, worst = (equals[0], equals[-1]) if equals else (rank, rank)
    # A fraction of an item counts as one, as in the labels; rounding of floats does not.
    many, few = (max(1, math.ceil(share * unseen - 1e-9)) for share in (DISLIKED_SHARE, LIKED_SHARE))
    likes, dislikes = few, unseen - many
    both = best <= likes and worst > dislikes and best < worst
    if rank <= likes and not (both and (best > 1 or worst == unseen)):
        return "yes"
    return "no" if rank > dislikes and not (both and (worst < unseen or best == 1)) else "between"
