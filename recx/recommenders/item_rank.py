"""What the target itself says of one history: its best items, and the rank of one item."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from recx.recommenders import devices
from recx.recommenders.labels import DISLIKED_SHARE, LIKED_SHARE
from recx.recommenders.protocol import Scorer, mask_seen, pad_histories

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
    """

    score: float
    rank: int
    unseen: int
    decision: Decision


@torch.inference_mode()
def top_items(target: Scorer, history: np.ndarray, max_history: int, k: int = 10) -> list[tuple[int, float]]:
    """The k best items outside a history with their scores, the best first; fewer if fewer are unseen."""
    scores = mask_seen(devices.score(target, pad_histories([history], max_history)).float().clone(), [history])[0]
    best = scores.topk(min(k, int((scores > -torch.inf).sum())))
    return list(zip(best.indices.tolist(), best.values.tolist(), strict=True))


@torch.inference_mode()
def item_ranks(target: Scorer, histories: Sequence[np.ndarray], item: int, max_history: int) -> list[ItemRank]:
    """The rank of an item for each of R histories, of which the target reads the latest `max_history` items.

    An item that a history holds is ranked as if it were not in it: the target never recommends it again, but one may
    ask how it would have been placed.
    """
    out: list[ItemRank] = []
    for start in range(0, len(histories), BATCH):
        part = histories[start : start + BATCH]
        scores = devices.score(target, pad_histories(part, max_history)).float().clone()
        own = scores[:, item].clone()
        mask_seen(scores, part)
        scores[:, item] = own
        # Ties count against the item, as they do when a target is measured.
        ranks = (scores >= own[:, None]).sum(1)
        unseen = (scores > -torch.inf).sum(1)
        out += [_item_rank(*row) for row in zip(own, ranks, unseen, strict=True)]
    return out


def _item_rank(score: Tensor, rank: Tensor, unseen: Tensor) -> ItemRank:
    return ItemRank(float(score), int(rank), int(unseen), decide(int(rank), int(unseen)))


def decide(rank: int, unseen: int) -> Decision:
    """Like or dislike by the target's own ranking (paper section 4.1, task 3): best fifth, worse half, or neither."""
    if rank <= max(1, LIKED_SHARE * unseen):
        return "yes"
    return "no" if rank > unseen - max(1, DISLIKED_SHARE * unseen) else "between"
