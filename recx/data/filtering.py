"""Sampling users, iterative k-core filtering, and numbers for ids; whole columns at a time."""

import numpy as np
import polars as pl

from recx.data.reading_report import ReadingReport


def top_items(interactions: pl.DataFrame, items: int, min_user: int) -> pl.DataFrame:
    """Keep the `items` most chosen items, then users with at least `min_user` of those (all, if `items` is 0)."""
    if not items:
        return interactions
    counts = (
        interactions.group_by("item_id", maintain_order=True).len().sort("len", descending=True, maintain_order=True)
    )
    chosen = interactions.filter(pl.col("item_id").is_in(counts["item_id"].head(items).implode()))
    return chosen.filter(pl.len().over("user_id") >= min_user)


def sample_users(interactions: pl.DataFrame, users: int, seed: int) -> pl.DataFrame:
    """Keep the first `users` of a random permutation of the users in file order (all, if `users` is 0)."""
    if not users:
        return interactions
    ids = interactions["user_id"].unique(maintain_order=True)
    if users >= len(ids):
        return interactions
    kept = ids.gather(np.random.default_rng(seed).permutation(len(ids))[:users])
    return interactions.filter(pl.col("user_id").is_in(kept.implode()))


def k_core(interactions: pl.DataFrame, min_user: int, min_item: int, report: ReadingReport) -> pl.DataFrame:
    """Drop users with fewer than `min_user` and items with fewer than `min_item` rows until none is left."""
    users, items = (factorize(interactions[column])[0] for column in ("user_id", "item_id"))
    rows = np.arange(len(users))
    while True:
        before = len(rows)
        for codes, least in ((items, min_item), (users, min_user)):
            rows = rows[np.bincount(codes[rows])[codes[rows]] >= least]
        if len(rows) == before:
            break
    report.note(f"rows dropped by the core filter (users >= {min_user}, items >= {min_item})", len(users) - len(rows))
    return interactions if len(rows) == len(users) else interactions[rows]


def factorize(ids: pl.Series) -> tuple[np.ndarray, pl.Series]:
    """Ids as numbers in order of first appearance, and the id of each number.

    Categories are numbered through a table, which is three times as fast as `replace_strict` (three million rows).
    """
    unique = ids.unique(maintain_order=True)
    if ids.dtype != pl.Categorical:
        return ids.replace_strict(unique, np.arange(len(unique)), return_dtype=pl.Int64).to_numpy(), unique
    codes = unique.to_physical().to_numpy()
    table = np.zeros(int(codes.max(initial=0)) + 1, dtype=np.int64)
    table[codes] = np.arange(len(codes))
    return table[ids.to_physical().to_numpy()], unique
