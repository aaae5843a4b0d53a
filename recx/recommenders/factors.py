"""A matrix factorisation made elsewhere (implicit, LightFM or any other): its factors, with any history folded in."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from recx.data.dataset import Dataset
from recx.errors import DataError
from recx.recommenders.foreign_arrays import read_arrays, take
from recx.recommenders.foreign_ids import match_items, read_ids
from recx.recommenders.protocol import mask_seen, pad_histories
from recx.recommenders.unknown_items import drop_unknown, floor_of, floored_items, floored_users
from recx.settings import TargetSettings

CHECKED, BEST = 1000, 10  # people whose folded-in factors are held against their own, and how many items of each


class Factors(nn.Module):
    """A TwoTower of given item factors; a history is folded in, whoever it belongs to.

    By `als` the user factor is the one that implicit feedback ALS would learn (Hu, Koren & Volinsky, ICDM 2008, eq. 4):
    x = (Y'Y + Y'(C - I)Y + r I)^-1 Y'C p, with p = 1 and confidence c for what the history holds, and p = 0, c = 1 for
    all else. As in implicit, c is `alpha` times an interaction's weight, here 1 (the paper has 1 + alpha times it). By
    `mean` it is the mean of the history's item factors. A bias of each item is one more coordinate, which is 1 for all
    users. Items that the factors lack have zeros, and a coordinate more that puts them below all others.

    Args:
        tensors: `item_factors` (N + 1, d) in the catalogue's order, `known` (N + 1,), for `als` `solved` (N + 1, d),
            which is Y (Y'Y + r I)^-1, and `item_biases` (N + 1,) where there are any.
        options: `length`, `by`, `alpha` and `floor`, of `floored_items`.
    """

    def __init__(self, tensors: Mapping[str, Tensor], options: Mapping[str, Any]) -> None:
        super().__init__()
        self.options = dict(options)
        self.length, self.by, self.alpha = options["length"], options["by"], float(options["alpha"])
        for name in ("item_factors", "known", *["solved"] * (self.by == "als")):
            self.register_buffer(name, tensors[name])
        self.register_buffer("item_biases", tensors.get("item_biases"))

    def item_vectors(self) -> Tensor:
        """(N + 1, d), with one more coordinate if there are biases, and one if items are unknown; row 0 is zero."""
        vectors = self.item_factors
        if self.item_biases is not None:
            vectors = torch.cat([vectors, self.item_biases[:, None]], dim=1)
        return floored_items(vectors, self.known, self.options["floor"])

    def encode_users(self, histories: Tensor) -> Tensor:
        """(B, L) left-padded with 0 -> user vectors, as wide as items'; the order of a history plays no part."""
        known = drop_unknown(histories, self.known)
        return self.widened(self._als(known) if self.by == "als" else self._mean(known))

    def widened(self, users: Tensor) -> Tensor:
        """User factors (B, d) with the coordinates that item vectors have beside their factors."""
        users = users if self.item_biases is None else nn.functional.pad(users, (0, 1), value=1.0)
        return floored_users(users, self.options["floor"])

    def score(self, histories: Tensor) -> Tensor:
        """(B, L) -> (B, N + 1)."""
        return self.encode_users(histories) @ self.item_vectors().T

    def _mean(self, histories: Tensor) -> Tensor:
        return self.item_factors[histories].sum(1) / (histories > 0).sum(1, keepdim=True).clamp_min(1)

    def _als(self, histories: Tensor) -> Tensor:
        """With H the factors of a history and S = Y'Y + r I: x = c S^-1 H'(I + (c - 1) H S^-1 H')^-1 1 (Woodbury)."""
        chosen, solved = self.item_factors[histories].double(), self.solved[histories].double()
        eye = torch.eye(histories.shape[1], dtype=torch.float64, device=chosen.device)
        inner = eye + (self.alpha - 1) * chosen @ solved.transpose(1, 2)
        weights = torch.linalg.solve(inner, (histories > 0).double()[..., None])
        return (self.alpha * weights * solved).sum(1).float()


def load(folder: Path, data: Dataset, settings: TargetSettings) -> tuple[Factors, list[str]]:
    """Read `item_factors` (M, d) with `item_ids`, and, where they are there, `user_factors`, `item_biases`.

    Returns:
        The recommender, and notes to be printed: which items are known, and, with `user_factors` and
        `user_ids`, how near folding in comes to people's own factors.

    Raises:
        DataError: a file is missing or damaged, shapes do not fit each other, or too few items are known.
    """
    arrays = read_arrays(folder)
    factors = take(arrays, "item_factors", (None, None), folder)
    match = match_items(data.catalogue, read_ids(folder, "item_ids", len(factors), "item_factors"))
    fold_in = settings.fold_in
    tensors = {"item_factors": match.in_order(factors), "known": match.known}
    if "item_biases" in arrays:
        if fold_in.by == "als":
            raise DataError(f"{folder}: an ALS model has no item_biases; set target.fold_in.by=mean.")
        tensors["item_biases"] = match.in_order(take(arrays, "item_biases", (len(factors),), folder))
    if fold_in.by == "als":
        every = factors.double()
        shared = every.T @ every + fold_in.regularization * torch.eye(factors.shape[1], dtype=torch.float64)
        tensors["solved"] = match.in_order(torch.linalg.solve(shared, every.T).T.float().contiguous())
    length = settings.model.length
    target = Factors(tensors, {"length": length, "by": fold_in.by, "alpha": fold_in.alpha, "floor": 0.0})
    target.options["floor"] = floor_of(target, target.known, data.sequences, length)
    return target, [match.note, *_held_against_own(target, arrays, folder, data)]


def _held_against_own(target: Factors, arrays: Mapping[str, Tensor], folder: Path, data: Dataset) -> list[str]:
    """How many of the ten best items by people's own factors are among the ten best once their history is folded in."""
    if "user_factors" not in arrays:
        return []
    own = take(dict(arrays), "user_factors", (None, target.item_factors.shape[1]), folder)
    for column in range(own.shape[1]):
        if len(own) > 1 and bool((own[:, column] == 1).all()):  # the mean of the items' biases would stand in its place
            raise DataError(
                f"{folder}: column {column} of user_factors is 1 for everybody, so this column of item_factors holds "
                "the items' biases (as in implicit's BPR). Save it as item_biases, and leave it out of both."
            )
    rows = {user: row for row, user in enumerate(read_ids(folder, "user_ids", len(own), "user_factors"))}
    people = [n for n, user in enumerate(data.user_ids) if user in rows][:CHECKED]
    if not people:
        return ["None of the people in user_factors is in the data set."]
    histories = [data.sequences[n][:-1] for n in people]
    unseen = int(target.known.sum()) - max(len(set(history.tolist())) for history in histories)
    best = min(BEST, unseen // 2)  # of a few items, nearly all are among the best by any factors
    if best < 1:
        return ["Every history is folded in; there are too few items to compare this with user_factors."]
    users = own[[rows[data.user_ids[n]] for n in people]]
    stored = target.widened(users) @ target.item_vectors().T
    folded = target.score(pad_histories(histories, target.length))
    tops = [mask_seen(scores, histories).topk(best, dim=1).indices.numpy() for scores in (stored, folded)]
    shared = float(np.mean([len(np.intersect1d(a, b)) / best for a, b in zip(*tops, strict=True)]))
    return [
        f"Every history is folded in. For {len(people):,} people with factors of their own, {shared:.0%} of the {best} "
        f"items that these factors rank first are also among the first {best} when their history is folded in."
    ]
