"""From files to a data set: checked, filtered, indexed and in order of time."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from recx.data.catalogue import Catalogue, build_catalogue, clean_title
from recx.data.filtering import k_core, sample_users
from recx.data.report import Report
from recx.errors import DataError

SHORTEST = 3


@dataclass(frozen=True)
class Filtering:
    """What is kept of a data set.

    Attributes:
        sample_users: number of users drawn before filtering; 0 keeps all.
        min_user: fewest interactions of a user (at least 3: one each to train, validate and test on).
        min_item: fewest interactions of an item.
        seed: of the sample.
    """

    sample_users: int = 0
    min_user: int = 5
    min_item: int = 5
    seed: int = 0


@dataclass(frozen=True)
class Dataset:
    """A data set ready for use.

    Attributes:
        name: as on the command line.
        catalogue: items 1..N.
        user_ids: ids as in the source.
        sequences: each user's item indices, oldest first.
        report: what was read, dropped and told apart.
    """

    name: str
    catalogue: Catalogue
    user_ids: tuple[str, ...]
    sequences: list[np.ndarray]
    report: Report

    @property
    def interactions(self) -> int:
        """Number of interactions."""
        return sum(map(len, self.sequences))


def build_dataset(
    name: str, interactions: pl.DataFrame, items: pl.DataFrame, filtering: Filtering, report: Report | None = None
) -> Dataset:
    """Check, filter and index.

    Args:
        name: of the data set.
        interactions: `user_id, item_id` and optionally `timestamp`; without it the rows' order counts.
        items: `item_id, title` and list columns of attributes.
        filtering: what is kept.
        report: of the reader, to go on with.

    Raises:
        DataError: nothing is left, or a user would have fewer than three interactions.
    """
    report = report or Report()
    if filtering.min_user < SHORTEST:
        raise DataError(f"min_user is {filtering.min_user}; each user needs at least {SHORTEST} interactions.")
    report.note("interactions read", interactions.height)
    named = interactions.filter(pl.col("user_id").fill_null("") != "")
    report.note("interactions without a user dropped", interactions.height - named.height)
    interactions = sample_users(named, filtering.sample_users, filtering.seed)
    report.note("interactions of sampled users", interactions.height if filtering.sample_users else 0)
    items = _titled(items, report)
    known = interactions.filter(pl.col("item_id").is_in(items["item_id"].implode()))
    report.note("interactions dropped: their item has no title", interactions.height - known.height)
    ordered = _in_time(known, report)
    unique = ordered.unique(["user_id", "item_id"], keep="first", maintain_order=True)
    report.note("repeated user-item pairs dropped (the first is kept)", ordered.height - unique.height)
    core = k_core(unique, filtering.min_user, filtering.min_item, report)
    if core.is_empty():
        raise DataError(
            f"{name}: nothing is left after filtering to users >= {filtering.min_user} and items >= "
            f"{filtering.min_item}. What was read:\n{report}"
        )
    catalogue = _catalogue(core, items)
    report.note("items sharing a title with another, told apart by an attribute or a number", catalogue.duplicates)
    indexed = core.with_columns(pl.col("item_id").replace_strict(catalogue.index_of_id).alias("item"))
    grouped = indexed.group_by("user_id", maintain_order=True).agg("item")
    sequences = [np.array(s, dtype=np.int64) for s in grouped["item"].to_list()]
    return Dataset(name, catalogue, tuple(grouped["user_id"].to_list()), sequences, report)


def _titled(items: pl.DataFrame, report: Report) -> pl.DataFrame:
    unique = items.unique("item_id", keep="first", maintain_order=True)
    report.note("repeated item ids dropped from the catalogue (the first is kept)", items.height - unique.height)
    # Cleaned here too: a title may hold nothing but what cleaning takes away.
    titled = unique.filter(pl.Series([bool(clean_title(t or "")) for t in unique["title"]], dtype=pl.Boolean))
    report.note("items without a title dropped", unique.height - titled.height)
    if titled.is_empty():
        raise DataError("No item of the catalogue has a title; the kit needs titles to name items.")
    return titled


def _in_time(interactions: pl.DataFrame, report: Report) -> pl.DataFrame:
    if "timestamp" not in interactions.columns:
        report.note("interactions without any timestamp column: the order of rows counts", interactions.height)
        return interactions
    undated = interactions["timestamp"].null_count()
    report.note("undated interactions, put last in the order of rows", undated)
    return interactions.sort("timestamp", nulls_last=True, maintain_order=True)


def _catalogue(core: pl.DataFrame, items: pl.DataFrame) -> Catalogue:
    """Items in order of first appearance, with the attributes the file has."""
    used = core.select(pl.col("item_id").unique(maintain_order=True)).join(
        items, on="item_id", how="left", maintain_order="left"
    )
    names = [c for c in used.columns if c not in ("item_id", "title")]
    attributes = {n: [[v for v in row or [] if v] for row in used[n].to_list()] for n in names}
    return build_catalogue(used["item_id"].to_list(), used["title"].to_list(), attributes)
