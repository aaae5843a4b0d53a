"""The target's labels for histories, for tasks 1, 2 and 3 (paper sections 2.2 and 3.2.1)."""

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
BATCH = 2048  # histories scored at once; random draws are made per batch, so changing it changes the labels
CELLS = 1 << 25  # scores at once, each of which takes 40 bytes with its place and random keys
LIKED_SHARE, DISLIKED_SHARE = 0.2, 0.5
MAX_UNDECIDED = 0.5


@dataclass(frozen=True)
class Labels:
    """Labels of H histories, all derived from one scorer's ranking of the items not in the history.

    Items with equal scores are ranked in the random order of their history (`tie_order`). A liked and a disliked item
    of the same history never have equal scores.

    Attributes:
        top: (H, 5) best items, best first.
        ranked: (H, 5) five random items in the scorer's order.
        liked: (H, 4, or as many as requested) random items from the top 20 %; 0 if all unseen items have the same
            score, so none is preferred.
        disliked: (H, as many) random items from the bottom 50 %; 0 where `liked` is.
        sharing_first: (H,) number of items with the best score, at most 6; if above 1, the first item is chosen at
            random.
        tied_pairs: (H,) how many of the four adjacent pairs in `ranked` have equal scores.
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
        """Fractions of the labels that are random because scores are equal, in 0..1.

        Returns:
            `tied_first`: of first items (task 1); `undecided`: of first items, tied with at least five others;
            `tied_ranking`: of adjacent pairs in task 2; `no_preference`: of histories without rows for task 3.
        """
        return {
            "tied_first": float((self.sharing_first > 1).mean()),
            "undecided": float((self.sharing_first > CANDIDATES).mean()),
            "tied_ranking": float(self.tied_pairs.mean() / (CANDIDATES - 1)),
            "no_preference": float((~self.has_preference).mean()),
        }

    def of(self, histories: np.ndarray) -> "Labels":
        """The labels of a subset of the histories, given by indices or a mask (H,)."""
        return Labels(*(column[histories] for column in vars(self).values()))


@torch.inference_mode()
def label_histories(
    scorer: Scorer,
    histories: Sequence[np.ndarray],
    length: int,
    rng: np.random.Generator,
    preferences: int = PREFERENCE_ITEMS,
    show_progress: bool = False,
) -> Labels:
    """Rank all unseen items for each history and draw the labels from that ranking.

    Args:
        scorer: the target; not modified.
        histories: H histories of item indices, oldest first.
        length: number of most recent items that the scorer reads.
        rng: draws candidates and items; it is not used for the order of ties.
        preferences: number of liked and of disliked items drawn for each history; an item may be drawn repeatedly.
        show_progress: show a bar over the batches.

    Raises:
        DataError: there is no history, or one leaves fewer than `CANDIDATES` items unseen.
    """
    if not len(histories):
        raise DataError("There is no history to label.")
    parts = []
    size = batch_size(score(scorer, pad_histories(histories[:1], length)).shape[1])
    for start in tqdm(range(0, len(histories), size), desc="labels", disable=not show_progress, leave=False):
        chunk = histories[start : start + size]
        scores = mask_seen(score(scorer, pad_histories(chunk, length)), chunk)
        values, order = (ranked.numpy() for ranked in best_first(scores, chunk))
        unseen = order.shape[1] - 1 - np.array([np.unique(h).size for h in chunk])
        if unseen.min() < CANDIDATES:
            raise DataError(
                f"A history contains all but {unseen.min()} of the {order.shape[1] - 1} items; the tasks need at least "
                f"{CANDIDATES} unseen items. Use a larger catalogue."
            )
        parts.append(_draw(values, order, unseen, rng, preferences))
    return Labels(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def batch_size(items: int) -> int:
    """Histories labelled at once: `BATCH`, or fewer for a catalogue of more than some 16,000 items."""
    return max(1, min(BATCH, CELLS // items))


def require_decisions(labels: Labels) -> None:
    """Reject a target whose first item is too often a random choice among more items than task 1 asks for.

    Raises:
        DataError: in more than `MAX_UNDECIDED` of the histories, more than `CANDIDATES` items share the best score.
    """
    shares = labels.tied_shares()
    if shares["undecided"] > MAX_UNDECIDED:
        raise DataError(
            f"The target gives no usable labels: for {shares['undecided']:.0%} of {len(labels.top):,} histories, "
            f"more than {CANDIDATES} unseen items share the best score (for {shares['no_preference']:.0%}, all unseen "
            f"items have the same score), so its recommendation is random. At most {MAX_UNDECIDED:.0%} is accepted. "
            "Make its scores distinguish items: do not round them, or add a small second criterion, such as popularity."
        )


def _draw(
    values: np.ndarray, order: np.ndarray, unseen: np.ndarray, rng: np.random.Generator, preferences: int
) -> list[np.ndarray]:
    # Five distinct positions per row: random keys, the smallest five among the unseen, then sorted into rank order.
    keys = rng.random(order.shape)
    keys[np.arange(order.shape[1])[None, :] >= unseen[:, None]] = 2.0
    positions = np.sort(np.argpartition(keys, CANDIDATES, axis=1)[:, :CANDIDATES], axis=1)
    chance = rng.random((2, len(order), preferences))
    liked, disliked = (size[:, None] for size in _preference_sizes(values, unseen))
    places = positions, (chance[0] * liked).astype(int), unseen[:, None] - 1 - (chance[1] * disliked).astype(int)
    ranked, likes, dislikes = (np.take_along_axis(order, p, axis=1) for p in places)
    own = np.take_along_axis(values, positions, axis=1)
    return [
        order[:, :CANDIDATES].copy(),  # a view would keep the whole order of each batch in memory
        ranked,
        np.where(liked > 0, likes, 0),
        np.where(liked > 0, dislikes, 0),
        (values[:, : CANDIDATES + 1] == values[:, :1]).sum(1),
        (own[:, 1:] == own[:, :-1]).sum(1),
    ]


def _preference_sizes(values: np.ndarray, unseen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How many of the best items in each row count as liked, and how many of the worst as disliked.

    If one score spans both the liked and the disliked range, its items are neither; but with nothing above them they
    remain liked, and with nothing below them disliked. Both numbers are 0 if all scores are equal.

    Args:
        values: (B, N + 1) scores, best first; minus infinity from the first seen item on.
        unseen: (B,) number of ranked items.
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
