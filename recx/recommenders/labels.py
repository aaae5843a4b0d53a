"""What the target says about histories: the labels of tasks 1, 2 and 3 (paper section 4.1)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from tqdm.auto import tqdm

from recx.errors import DataError
from recx.recommenders.devices import score
from recx.recommenders.protocol import Scorer, mask_seen, pad_histories

CANDIDATES = 5
PREFERENCE_ITEMS = 4
BATCH = 2048  # histories scored at once; draws are made batch by batch, so another number gives other labels
LIKED_SHARE, DISLIKED_SHARE = 0.2, 0.5


@dataclass(frozen=True)
class Labels:
    """Labels of H histories, all from one scorer's own ranking of the items not in the history.

    Attributes:
        top: (H, 5) best items, best first.
        ranked: (H, 5) five random items in the scorer's order.
        liked: (H, 4) random items of the top 20 %.
        disliked: (H, 4) random items of the bottom 50 %.
    """

    top: np.ndarray
    ranked: np.ndarray
    liked: np.ndarray
    disliked: np.ndarray


@torch.inference_mode()
def label_histories(
    scorer: Scorer,
    histories: Sequence[np.ndarray],
    length: int,
    rng: np.random.Generator,
    show_progress: bool = False,
) -> Labels:
    """Rank all unseen items for each history and draw the labels from that ranking.

    Args:
        scorer: the target; read only.
        histories: H histories of item indices, oldest first.
        length: how many of the latest items the scorer reads.
        rng: draws candidates and items.
        show_progress: show a bar over the batches.

    Raises:
        DataError: a history leaves fewer than `CANDIDATES` items unseen.
    """
    parts = []
    for start in tqdm(range(0, len(histories), BATCH), desc="labels", disable=not show_progress, leave=False):
        chunk = histories[start : start + BATCH]
        scores = mask_seen(score(scorer, pad_histories(chunk, length)).float(), chunk)
        order = scores.argsort(dim=1, descending=True).numpy()
        unseen = order.shape[1] - 1 - np.array([np.unique(h).size for h in chunk])
        if unseen.min() < CANDIDATES:
            raise DataError(
                f"A history holds all but {unseen.min()} of the {order.shape[1] - 1} items; the tasks need at least "
                f"{CANDIDATES} unseen ones. Use a larger catalogue."
            )
        parts.append(_draw(order, unseen, rng))
    return Labels(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _draw(order: np.ndarray, unseen: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    # Five distinct positions a row: random keys, smallest five among the unseen, then sorted into rank order.
    keys = rng.random(order.shape)
    keys[np.arange(order.shape[1])[None, :] >= unseen[:, None]] = 2.0
    positions = np.sort(np.argpartition(keys, CANDIDATES, axis=1)[:, :CANDIDATES], axis=1)
    chance, unseen = rng.random((2, len(order), PREFERENCE_ITEMS)), unseen[:, None]
    likes = (chance[0] * np.maximum(1, LIKED_SHARE * unseen)).astype(int)
    dislikes = unseen - 1 - (chance[1] * np.maximum(1, DISLIKED_SHARE * unseen)).astype(int)
    return order[:, :CANDIDATES], *(np.take_along_axis(order, p, axis=1) for p in (positions, likes, dislikes))
