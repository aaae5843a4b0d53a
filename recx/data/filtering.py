"""Sampling users and iterative k-core filtering."""

import numpy as np
import polars as pl

from recx.data.report import Report


def sample_users(interactions: pl.DataFrame, users: int, seed: int) -> pl.DataFrame:
    """Keep the first `users` of a random permutation of the users in file order (all, if `users` is 0)."""
    ids = interactions["user_id"].unique(maintain_order=True)
    if not users or users >= len(ids):
        return interactions
    kept = ids.gather(np.random.default_rng(seed).permutation(len(ids))[:users])
    return interactions.filter(pl.col("user_id").is_in(kept.implode()))


def k_core(interactions: pl.DataFrame, min_user: int, min_item: int, report: Report) -> pl.DataFrame:
    """Drop users with fewer than `min_user` and items with fewer than `min_item` rows until none is left."""
    start = interactions.height
    while True:
        before = interactions.height
        interactions = interactions.filter(pl.len().over("item_id") >= min_item)
        interactions = interactions.filter(pl.len().over("user_id") >= min_user)
        if interactions.height == before:
            report.note(f"rows dropped by the core filter (users >= {min_user}, items >= {min_item})", start - before)
            return interactions
