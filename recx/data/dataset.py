"""From tables to a data set: checked, filtered, indexed and sorted by time."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from recx.data.catalogue import TEXTS, Catalogue, build_catalogue, clean_title
from recx.data.filtering import explain_empty, factorize, k_core, sample_users, top_items
from recx.data.reading_report import ReadingReport
from recx.data.suitability import find_obstacles, find_weaknesses
from recx.errors import DataError

MIN_SEQUENCE = 3


@dataclass(frozen=True)
class Filtering:
    """Filters of a data set, applied in this order.

    Attributes:
        top_items: number of most popular items to keep, with the users that have at least `min_user` of them; 0 keeps
            all.
        sample_users: number of users to sample afterwards; 0 keeps all.
        min_user: smallest number of interactions per user (at least 3: one each for training, validation and testing).
        min_item: smallest number of interactions per item.
        seed: random seed of the sample.
    """

    top_items: int = 0
    sample_users: int = 0
    min_user: int = 5
    min_item: int = 5
    seed: int = 0


@dataclass(frozen=True)
class Dataset:
    """A filtered and indexed data set.

    Attributes:
        name: name on the command line.
        catalogue: items 1..N.
        user_ids: ids from the source.
        sequences: each user's item indices, oldest first.
        report: what was read, dropped and decided.
        reasons: `user_id, item_id, reason, because` of the remaining interactions, if the data set says why each item
            was chosen, otherwise None. For evaluation only: no code that writes training text uses it.
    """

    name: str
    catalogue: Catalogue
    user_ids: tuple[str, ...]
    sequences: list[np.ndarray]
    report: ReadingReport
    reasons: pl.DataFrame | None = None

    @property
    def interactions(self) -> int:
        """Number of interactions."""
        return sum(map(len, self.sequences))


def build_dataset(
    name: str,
    interactions: pl.DataFrame,
    items: pl.DataFrame,
    filtering: Filtering,
    report: ReadingReport | None = None,
    reasons: pl.DataFrame | None = None,
) -> Dataset:
    """Check, filter and index tables.

    Args:
        name: name of the data set.
        interactions: `user_id, item_id` (text or categories) and optionally `timestamp`; without it, the order of the
            rows is used.
        items: `item_id, title` and list columns of attributes; those listed in `TEXTS` become texts.
        filtering: filters to apply.
        report: report of the reader; further counts are added to it.
        reasons: `user_id, item_id` and further columns, at most one row per interaction.

    Raises:
        DataError: nothing is left, or `min_user` is below three.
    """
    report = report or ReadingReport()
    if filtering.min_user < MIN_SEQUENCE:
        raise DataError(
            f"data.min_user is {filtering.min_user}, but each user needs at least {MIN_SEQUENCE} interactions."
        )
    interactions_read = interactions
    report.note("interactions read", interactions.height)
    named = _with_ids(interactions, report)
    chosen = top_items(named, filtering.top_items, filtering.min_user)
    report.note(
        f"interactions of the {filtering.top_items:,} most popular items", chosen.height * bool(filtering.top_items)
    )
    interactions = sample_users(chosen, filtering.sample_users, filtering.seed)
    report.note("interactions of sampled users", interactions.height if filtering.sample_users else 0)
    items = _titled(items, report)
    known = interactions.filter(pl.col("item_id").is_in(items["item_id"].implode()))
    report.note("interactions dropped because their item has no title", interactions.height - known.height)
    ordered = _in_time(known, report)
    unique = ordered.unique(["user_id", "item_id"], keep="first", maintain_order=True)
    report.note("repeated user-item pairs dropped (the first is kept)", ordered.height - unique.height)
    core = k_core(unique, filtering.min_user, filtering.min_item, report)
    if core.is_empty():
        steps = {"read": interactions_read, "named": named, "chosen": chosen, "known": known, "unique": unique}
        why = _why_nothing(steps, items, filtering)
        raise DataError(f"{name}: nothing is left. {why} What was read:\n{report}")
    catalogue = _catalogue(core, items, report)
    report.note("items that share a title, distinguished by an attribute or a number", catalogue.duplicates)
    user_ids, sequences = _sequences(core)
    report.warnings += find_obstacles([s[:-1] for s in sequences], len(catalogue))
    report.warnings += find_weaknesses(sequences, user_ids, len(catalogue))
    if reasons is not None:
        pairs = core.select(pl.col("user_id", "item_id").cast(pl.String))
        reasons = reasons.join(pairs, on=["user_id", "item_id"], how="semi", maintain_order="left")
    return Dataset(name, catalogue, user_ids, sequences, report, reasons)


def _with_ids(interactions: pl.DataFrame, report: ReadingReport) -> pl.DataFrame:
    """Convert ids to categories (four bytes per row) and drop rows without a user or item."""
    rest = interactions.with_columns(pl.col("user_id", "item_id").cast(pl.Categorical))
    for kind in ("user", "item"):
        known = rest.filter(pl.col(f"{kind}_id").is_not_null() & (pl.col(f"{kind}_id") != ""))
        report.note(
            f"interactions without {'a' if kind == 'user' else 'an'} {kind} dropped", rest.height - known.height
        )
        rest = known
    return rest


def _why_nothing(steps: dict[str, pl.DataFrame], items: pl.DataFrame, filtering: Filtering) -> str:
    """Which step removed the last rows, and what to change."""
    if steps["read"].is_empty():
        return "The interaction file has no rows."
    if steps["named"].is_empty():
        return "No row has both a user and an item."
    if steps["chosen"].is_empty():
        return (
            f"No user has chosen {filtering.min_user} (data.min_user) of the {filtering.top_items} most popular items "
            "(data.top_items). Raise data.top_items or lower data.min_user."
        )
    if steps["known"].is_empty():
        theirs, listed = (", ".join(map(repr, f["item_id"].head(3).to_list())) for f in (steps["chosen"], items))
        return f"No item of the interactions ({theirs}, ...) is among the items that have a title ({listed}, ...)."
    return explain_empty(steps["unique"], filtering.min_user, filtering.min_item, MIN_SEQUENCE)


def _sequences(core: pl.DataFrame) -> tuple[tuple[str, ...], list[np.ndarray]]:
    """Users and their item sequences; users and items are numbered by first appearance, items from 1."""
    users, user_ids = factorize(core["user_id"])
    items, _ = factorize(core["item_id"])
    order = np.argsort(users, kind="stable")
    ends = np.cumsum(np.bincount(users))
    return tuple(user_ids.to_list()), np.split(items[order].astype(np.int64) + 1, ends[:-1])


def _titled(items: pl.DataFrame, report: ReadingReport) -> pl.DataFrame:
    unique = items.with_columns(pl.col("item_id").cast(pl.Categorical)).unique(
        "item_id", keep="first", maintain_order=True
    )
    report.note("repeated item ids dropped from the catalogue (the first is kept)", items.height - unique.height)
    # Clean here too, since cleaning may leave nothing of a title.
    titled = unique.filter(pl.Series([bool(clean_title(t or "")) for t in unique["title"]], dtype=pl.Boolean))
    report.note("items without a title dropped", unique.height - titled.height)
    if titled.is_empty():
        raise DataError("No item in the catalogue has a title; the kit needs titles to refer to items.")
    return titled


def _in_time(interactions: pl.DataFrame, report: ReadingReport) -> pl.DataFrame:
    if "timestamp" not in interactions.columns:
        report.note("interactions without a timestamp column, kept in the order of their rows", interactions.height)
        return interactions
    undated = interactions["timestamp"].null_count()
    report.note("undated interactions, placed last in the order of their rows", undated)
    return interactions.sort("timestamp", nulls_last=True, maintain_order=True)


def _catalogue(core: pl.DataFrame, items: pl.DataFrame, report: ReadingReport) -> Catalogue:
    """Build the catalogue: items in order of first appearance, with the attributes and texts of the item file."""
    _, ids = factorize(core["item_id"])
    used = ids.to_frame().join(items, on="item_id", how="left", maintain_order="left")
    names = [c for c in used.columns if c not in ("item_id", "title")]
    columns = {n: [[v for v in row or [] if v] for row in used[n].to_list()] for n in names}
    columns = {n: values for n, values in columns.items() if any(values)}
    if "also_bought" in columns:
        known = dict(zip(used["item_id"], used["title"], strict=True))
        columns["also_bought"] = [[known[i] for i in values if i in known] for values in columns["also_bought"]]
    attributes = {n: values for n, values in columns.items() if n not in TEXTS}
    texts = {n: values for n, values in columns.items() if n in TEXTS}
    for name, values in texts.items():
        report.note(f"items with {name.replace('_', ' ')}", sum(map(bool, values)))
    return build_catalogue(used["item_id"].to_list(), used["title"].to_list(), attributes, texts)
