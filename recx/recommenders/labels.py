"""What the target says about histories: the labels of tasks 1, 2 and 3 (paper section 4.1)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from tqdm.auto import tqdm

from recx.errors import DataError
from recx.recommenders.devices import score
from recx.recommenders.protocol import Scorer, mask_seen, pad_histories
from recx.recommenders.tie_order import best_first

CANDIDATES = 5
PREFERENCE_ITEMS = 4
BATCH = 2048  # histories scored at once; draws are made batch by batch, so another number gives other labels
LIKED_SHARE, DISLIKED_SHARE = 0.2, 0.5
MAX_UNDECIDED = 0.5


@dataclass(frozen=True)
class Labels:
    """Labels of H histories, all from one scorer's own ranking of the items not in the history.

    Items of equal score are ranked in the random order of their history (`tie_order`). A liked and a disliked item of
    one history never have the same score.

    Attributes:
        top: (H, 5) best items, best first.
        ranked: (H, 5) five random items in the scorer's order.
        liked: (H, 4) random items of the top 20 %; 0 where all unseen items have the same score, so none is preferred.
        disliked: (H, 4) random items of the bottom 50 %; 0 where `liked` is.
        sharing_first: (H,) how many items have the best score, counted up to 6; from 2 on the first item is a draw.
        tied_pairs: (H,) how many of the four pairs of neighbours in `ranked` have equal scores.
    """

    top: np.ndarray
    ranked: np.ndarray
    liked: np.ndarray
    disliked: np.ndarray
    sharing_first: np.ndarray
    tied_pairs: np.ndarray

    @property
    def has_preference(self) -> np.ndarray:
        """(H,) whether there are liked and disliked items."""
        return self.liked[:, 0] > 0

    def tied_shares(self) -> dict[str, float]:
        """Which share of the decisions is a draw among equal scores, in 0..1.

        Returns:
            `tied_first`: of the first items (task 1); `undecided`: of the first items, among more than five;
            `tied_ranking`: of the neighbours in task 2's order; `no_preference`: histories without rows of task 3.
        """
        return {
            "tied_first": float((self.sharing_first > 1).mean()),
            "undecided": float((self.sharing_first > CANDIDATES).mean()),
            "tied_ranking": float(self.tied_pairs.mean() / (CANDIDATES - 1)),
            "no_preference": float((~self.has_preference).mean()),
        }

    def of(self, histories: np.ndarray) -> "Labels":
        """The labels of some of the histories, given by number or by a mask (H,)."""
        return Labels(*(column[histories] for column in vars(self).values()))


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
        rng: draws candidates and items; the order of equal scores takes nothing from it.
        show_progress: show a bar over the batches.

    Raises:
        DataError: a history leaves fewer than `CANDIDATES` items unseen.
    """
    parts = []
    for start in tqdm(range(0, len(histories), BATCH), desc="labels", disable=not show_progress, leave=False):
        chunk = histories[start : start + BATCH]
        scores = mask_seen(score(scorer, pad_histories(chunk, length)).float(), chunk)
        values, order = (ranked.numpy() for ranked in best_first(scores, chunk))
        unseen = order.shape[1] - 1 - np.array([np.unique(h).size for h in chunk])
        if unseen.min() < CANDIDATES:
            raise DataError(
                f"A history holds all but {unseen.min()} of the {order.shape[1] - 1} items; the tasks need at least "
                f"{CANDIDATES} unseen ones. Use a larger catalogue."
            )
        parts.append(_draw(values, order, unseen, rng))
    return Labels(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def require_decisions(labels: Labels) -> None:
    """Refuse a target whose first item is, more often than not, a draw among more items than task 1 asks for.

    Raises:
        DataError: more than `MAX_UNDECIDED` of the histories have their best score for more than `CANDIDATES` items.
    """
    shares = labels.tied_shares()
    if shares["undecided"] > MAX_UNDECIDED:
        raise DataError(
            f"The target has no labels to learn from: for {shares['undecided']:.0%} of {len(labels.top):,} histories "
            f"its best score is that of more than {CANDIDATES} unseen items at once (for "
            f"{shares['no_preference']:.0%} all unseen items have the same), so what it recommends there is a draw. At "
            f"most {MAX_UNDECIDED:.0%} may be so. Let it tell items apart: do not round its scores, or add a small "
            "second criterion, such as popularity."
        )


def _draw(values: np.ndarray, order: np.ndarray, unseen: np.ndarray, rng: np.random.Generator) -> list[np.ndarray]:
    # Five distinct positions a row: random keys, smallest five among the unseen, then sorted into rank order.
    keys = rng.random(order.shape)
    keys[np.arange(order.shape[1])[None, :] >= unseen[:, None]] = 2.0
    positions = np.sort(np.argpartition(keys, CANDIDATES, axis=1)[:, :CANDIDATES], axis=1)
    chance = rng.random((2, len(order), PREFERENCE_ITEMS))
    liked, disliked = (size[:, None] for size in _preference_sizes(values, unseen))
    places = positions, (chance[0] * liked).astype(int), unseen[:, None] - 1 - (chance[1] * disliked).astype(int)
    ranked, likes, dislikes = (np.take_along_axis(order, p, axis=1) for p in places)
    own = np.take_along_axis(values, positions, axis=1)
    return [
        order[:, :CANDIDATES],
        ranked,
        np.where(liked > 0, likes, 0),
        np.where(liked > 0, dislikes, 0),
        (values[:, : CANDIDATES + 1] == values[:, :1]).sum(1),
        (own[:, 1:] == own[:, :-1]).sum(1),
    ]


def _preference_sizes(values: np.ndarray, unseen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How many of the best items of each row count as liked, and how many of the worst as disliked.

    Where one score reaches from the liked to the disliked, it is neither; but with nothing above it, it is liked still,
    and with nothing below it, disliked. Both are 0 where it is the only one.

    Args:
        values: (B, N + 1) scores, the best first; minus infinity from the first seen item on.
        unseen: (B,) how many items are ranked.
    """
    liked, disliked = np.maximum(1, LIKED_SHARE * unseen), np.maximum(1, DISLIKED_SHARE * unseen)
    rows = np.arange(len(values))
    least_liked = values[rows, np.ceil(liked).astype(int) - 1]
    both = (least_liked == values[rows, unseen - np.ceil(disliked).astype(int)]).nonzero()[0]
    own = least_liked[both, None]
    above, below = (values[both] > own).sum(1), unseen[both] - (values[both] >= own).sum(1)
    liked[both] = np.where(above > 0, above, np.where(below > 0, liked[both], 0))
    disliked[both] = np.where(below > 0, below, np.where(above > 0, disliked[both], 0))
    return liked, disliked
