"""What the target itself says of one history: its best items, and where one item ranks."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from recx.recommenders.labels import DISLIKED_SHARE, LIKED_SHARE
from recx.recommenders.protocol import Scorer, mask_seen, pad_histories

Verdict = Literal["yes", "between", "no"]
BATCH = 1024


@dataclass(frozen=True)
class Standing:
    """Where one item stands for one history.

    Attributes:
        score: the target's score.
        rank: 1 for the best of the unseen items.
        unseen: how many items the history does not hold.
        verdict: task 3's rule: `yes` within the best fifth, `no` within the worse half, else `between`.
    """

    score: float
    rank: int
    unseen: int
    verdict: Verdict


@torch.inference_mode()
def top_items(target: Scorer, history: np.ndarray, length: int, k: int = 10) -> list[tuple[int, float]]:
    """The k best items outside a history with their scores, the best first; fewer if fewer are unseen."""
    scores = mask_seen(target.score(pad_histories([history], length)).float().clone(), [history])[0]
    best = scores.topk(min(k, int((scores > -torch.inf).sum())))
    return list(zip(best.indices.tolist(), best.values.tolist(), strict=True))


@torch.inference_mode()
def standings(target: Scorer, histories: Sequence[np.ndarray], item: int, length: int) -> list[Standing]:
    """Where an item stands for each of R histories.

    An item that a history holds is ranked as if it were not in it: the target never recommends it again, but one may
    ask how it would have been placed.
    """
    out: list[Standing] = []
    for start in range(0, len(histories), BATCH):
        part = histories[start : start + BATCH]
        scores = target.score(pad_histories(part, length)).float().clone()
        own = scores[:, item].clone()
        mask_seen(scores, part)
        scores[:, item] = own
        # Ties count against the item, as they do when a target is measured.
        ranks = (scores >= own[:, None]).sum(1)
        unseen = (scores > -torch.inf).sum(1)
        out += [_standing(*row) for row in zip(own, ranks, unseen, strict=True)]
    return out


def _standing(score: Tensor, rank: Tensor, unseen: Tensor) -> Standing:
    place, total = int(rank), int(unseen)
    return Standing(float(score), place, total, verdict(place, total))


def verdict(rank: int, unseen: int) -> Verdict:
    """Like or dislike by the target's own ranking (paper section 4.1, task 3): best fifth, worse half, or neither."""
    if rank <= max(1, LIKED_SHARE * unseen):
        return "yes"
    return "no" if rank > unseen - max(1, DISLIKED_SHARE * unseen) else "between"
