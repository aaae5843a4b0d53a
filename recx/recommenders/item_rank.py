"""What the target itself says of one history: its best items, and the rank of one item."""

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
BATCH = 1024


@dataclass(frozen=True)
class ItemRank:
    """The rank of one item for one history.

    Attributes:
        score: the target's score.
        rank: 1 for the best of the unseen items.
        unseen: how many items the history does not hold.
        decision: task 3's rule: `yes` within the best fifth, `no` within the worse half, else `between`.
        tied: how many other unseen items have its score; its place among them is drawn.
    """

    score: float
    rank: int
    unseen: int
    decision: Decision
    tied: int


@torch.inference_mode()
def top_items(target: Scorer, history: np.ndarray, max_history: int, k: int = 10) -> list[tuple[int, float]]:
    """The k best items outside a history with their scores, the best first; fewer if fewer are unseen.

    Equal scores stand in the random order of the history (`tie_order`).
    """
    scores = mask_seen(devices.score(target, pad_histories([history], max_history)).float().clone(), [history])
    values, items = best_first(scores, [history], min(k, int((scores > -torch.inf).sum())))
    return list(zip(items[0].tolist(), values[0].tolist(), strict=True))


@torch.inference_mode()
def item_ranks(
    target: Scorer, histories: Sequence[np.ndarray], item: int, max_history: int, changed_from: np.ndarray | None = None
) -> list[ItemRank]:
    """The rank of an item for each of R histories, of which the target reads the latest `max_history` items.

    An item that a history holds is ranked as if it were not in it: the target never recommends it again, but one may
    ask how it would have been placed.

    Equal scores stand in the random order of their history, or all in that of `changed_from`: between a history and its
    changes, a rank must not move because its ties are drawn anew.
    """
    out: list[ItemRank] = []
    for start in range(0, len(histories), BATCH):
        part = histories[start : start + BATCH]
        scores = devices.score(target, pad_histories(part, max_history)).float().clone()
        own = scores[:, item].clone()
        mask_seen(scores, part)
        scores[:, item] = own
        ordered_as = part if changed_from is None else [changed_from] * len(part)
        place, first, tied = places(scores, ordered_as, torch.full((len(part),), item))
        columns = (own, place, first, tied, (scores > -torch.inf).sum(1))
        out += [_item_rank(*row) for row in zip(*(column.tolist() for column in columns), strict=True)]
    return out


def _item_rank(score: float, place: int, first: int, tied: int, unseen: int) -> ItemRank:
    decision = decide(place + 1, unseen, range(first + 1, first + tied + 2))
    return ItemRank(score, place + 1, unseen, decision, tied)


def decide(rank: int, unseen: int, equals: range | None = None) -> Decision:
    """Like or dislike by the target's own ranking (paper section 4.1, task 3): best fifth, worse half, or neither.

    Args:
        rank: of the item, from 1.
        unseen: how many items are ranked.
        equals: the ranks that all items of its score have. Where they reach from the liked to the disliked, the same
            score would be both; as in the labels, it is then neither, or, with nothing above it, never disliked, and
            with nothing below it, never liked.
    """
    best, worst = (equals[0], equals[-1]) if equals else (rank, rank)
    likes, dislikes = max(1, LIKED_SHARE * unseen), unseen - max(1, DISLIKED_SHARE * unseen)
    both = best <= likes and worst > dislikes and best < worst
    if rank <= likes and not (both and (best > 1 or worst == unseen)):
        return "yes"
    return "no" if rank > dislikes and not (both and (worst < unseen or best == 1)) else "between"
