"""The recommender's output when only part of a history is left.

A history is treated as a cooperative game (Strumbelj & Kononenko, JMLR 2010; Lundberg & Lee, NeurIPS 2017): its
distinct items are the players, and the value of a set of them is the target's output when it reads only those.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from recx.errors import DataError
from recx.recommenders.devices import score
from recx.recommenders.protocol import Scorer, check_finite, pad_histories

Removal = Literal["close", "pad", "replace"]
Score = Literal["log_probability", "share_below"]
BATCH = 4096  # histories scored at once
REPLACEMENTS = 8  # draws averaged for each replaced history
PRIOR_USERS = 500


def players_of(history: np.ndarray) -> np.ndarray:
    """The distinct items of a history, ordered by first position."""
    return np.array(list(dict.fromkeys(np.asarray(history).tolist())), dtype=np.int64)


@dataclass(frozen=True)
class ValueFunction:
    """The value of what is left of a history.

    Scores are treated as logits. Those of a black box may have any scale, which their effects inherit, so that effects
    can only be compared with each other.

    Attributes:
        target: any scorer; not modified.
        length: number of most recent items that it reads.
        prior: (N,) value of each item when nothing is left, since no target reads an empty history: the mean over many
            users. Not used with replacement.
        removal: `close` the gap that an item leaves, `pad` its position, which the target must support, or `replace` it
            by items drawn from `pool`. The first is what a user could do, but it departs more from the target's
            training distribution than the third.
        score: `log_probability` over the catalogue, or `share_below`: the fraction of the catalogue with a lower score.
        pool: items drawn as replacements, repeated in proportion to their probability.
        seed: random seed of the replacements.
        people: histories of real users, for methods that start from them or learn on them.
    """

    target: Scorer
    length: int
    prior: np.ndarray
    removal: Removal = "close"
    score: Score = "log_probability"
    pool: np.ndarray | None = None
    seed: int = 0
    people: Sequence[np.ndarray] = ()

    def __call__(self, history: np.ndarray, kept: np.ndarray, items: Sequence[int] | np.ndarray) -> np.ndarray:
        """Values (S, K) of K items for S sets.

        Args:
            history: item indices, oldest first; only the latest `length` are used.
            kept: (S, n) which of its n distinct items (`players_of`) each set contains.
            items: K items whose value is requested.
        """
        history = np.asarray(history, dtype=np.int64)[-self.length :]
        columns = np.asarray(items, dtype=np.int64) - 1
        if self.removal == "replace":
            rows = self._replaced(history, kept)
            return self._scores(rows, columns).reshape(len(kept), REPLACEMENTS, -1).mean(1)
        values = np.empty((len(kept), len(columns)))
        some = kept.any(1)
        values[~some] = self.prior[columns]
        if some.any():
            values[some] = self._scores(self._left(history, kept[some]), columns)
        return values

    def players(self, history: np.ndarray) -> np.ndarray:
        """The distinct items that are read of a history, ordered by first position."""
        return players_of(np.asarray(history)[-self.length :])

    def full(self, history: np.ndarray, items: Sequence[int] | np.ndarray) -> np.ndarray:
        """Values (K,) for the whole history."""
        return self(history, np.ones((1, len(self.players(history))), dtype=bool), items)[0]

    def _places(self, history: np.ndarray, kept: np.ndarray) -> np.ndarray:
        """Which positions (S, L') of the history are left: an item is removed from all its positions."""
        index = {int(item): n for n, item in enumerate(players_of(history))}
        return kept[:, [index[int(item)] for item in history]]

    def _left(self, history: np.ndarray, kept: np.ndarray) -> Tensor:
        places = self._places(history, kept)
        rows = np.where(places, history, 0)
        if self.removal == "close":
            # A stable sort by "is left" moves what is left to the right edge and preserves its order.
            rows = np.take_along_axis(rows, np.argsort(places, axis=1, kind="stable"), axis=1)
        padded = np.zeros((len(rows), self.length), dtype=np.int64)
        padded[:, self.length - rows.shape[1] :] = rows
        return torch.from_numpy(padded)

    def _replaced(self, history: np.ndarray, kept: np.ndarray) -> Tensor:
        if self.pool is None:
            raise DataError("Removal by replacement needs a pool of items to draw from.")
        draws = np.random.default_rng([self.seed, *history.tolist()])
        drawn = draws.choice(self.pool, size=(REPLACEMENTS, len(history)))
        rows = np.where(self._places(history, kept)[:, None], history, drawn)
        return pad_histories(rows.reshape(-1, len(history)), self.length)

    @torch.inference_mode()
    def _scores(self, histories: Tensor, columns: np.ndarray) -> np.ndarray:
        parts = []
        for rows in histories.split(BATCH):
            scores = score(self.target, rows)
            check_finite(scores)
            scores = scores[:, 1:]
            own = scores[:, columns]
            if self.score == "log_probability":
                parts.append(own - scores.logsumexp(1, keepdim=True))
            else:
                lower = torch.searchsorted(scores.sort(1).values, own.contiguous())
                parts.append(lower / max(1, scores.shape[1] - 1))
        return torch.cat(parts).double().numpy()


def value_function(
    target: Scorer,
    histories: Sequence[np.ndarray],
    length: int,
    removal: Removal = "close",
    score: Score = "log_probability",
    seed: int = 0,
) -> ValueFunction:
    """A value function whose prior and pool come from given histories, usually those of training.

    Args:
        target: not modified.
        histories: histories of many users, kept as `people`; the prior is the mean over the first `PRIOR_USERS`, the
            pool all their items.
        length: number of most recent items that the target reads.
        removal: how an item is removed.
        score: definition of the value.
        seed: random seed of the replacements.
    """
    pool = np.concatenate([np.asarray(h, dtype=np.int64) for h in histories])
    empty = ValueFunction(target, length, np.zeros(0), removal, score, pool, seed)
    total = score_width(target, length) - 1
    rows = pad_histories(histories[:PRIOR_USERS], length)
    prior = empty._scores(rows, np.arange(total)).mean(0)
    return ValueFunction(target, length, prior, removal, score, pool, seed, histories)


@torch.inference_mode()
def score_width(target: Scorer, length: int) -> int:
    """N + 1, found by calling the target once."""
    return score(target, pad_histories([[1]], length)).shape[1]
