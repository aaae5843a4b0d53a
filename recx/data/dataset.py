"""From files to a data set: checked, filtered, indexed and in order of time."""

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
    """What is kept of a data set, in this order.

    Attributes:
        top_items: number of the most chosen items kept, and of users who have at least `min_user` of them; 0 keeps all.
        sample_users: number of users drawn then; 0 keeps all.
        min_user: fewest interactions of a user (at least 3: one each to train, validate and test on).
        min_item: fewest interactions of an item.
        seed: of the sample.
    """

    top_items: int = 0
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
        reasons: `user_id, item_id, reason, because` of the interactions kept, where the data set says why each item was
            chosen, else None. For evaluation only: nothing that writes training text reads it.
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
    """Check, filter and index.

    Args:
        name: of the data set.
        interactions: `user_id, item_id` (text or categories) and optionally `timestamp`; without it the
            rows' order counts.
        items: `item_id, title` and list columns of attributes; those named in `TEXTS` are kept as texts.
        filtering: what is kept.
        report: of the reader; further counts are added to it.
        reasons: `user_id, item_id` and further columns, one row an interaction at most.

    Raises:
        DataError: nothing is left, or a user would have fewer than three interactions.
    """
    report = report or ReadingReport()
    if filtering.min_user < MIN_SEQUENCE:
        raise DataError(f"min_user is {filtering.min_user}; each user needs at least {MIN_SEQUENCE} interactions.")
    interactions_read = interactions
    report.note("interactions read", interactions.height)
    named = _with_ids(interactions, report)
    chosen = top_items(named, filtering.top_items, filtering.min_user)
    report.note(
        f"interactions of the {filtering.top_items:,} most chosen items", chosen.height * bool(filtering.top_items)
    )
    interactions = sample_users(chosen, filtering.sample_users, filtering.seed)
    report.note("interactions of sampled users", interactions.height if filtering.sample_users else 0)
    items = _titled(items, report)
    known = interactions.filter(pl.col("item_id").is_in(items["item_id"].implode()))
    report.note("interactions dropped: their item has no title", interactions.height - known.height)
    ordered = _in_time(known, report)
    unique = ordered.unique(["user_id", "item_id"], keep="first", maintain_order=True)
    report.note("repeated user-item pairs dropped (the first is kept)", ordered.height - unique.height)
    core = k_core(unique, filtering.min_user, filtering.min_item, report)
    if core.is_empty():
        steps = {"read": interactions_read, "named": named, "chosen": chosen, "known": known, "unique": unique}
        why = _why_nothing(steps, items, filtering)
        raise DataError(f"{name}: nothing is left. {why} What was read:\n{report}")
    catalogue = _catalogue(core, items, report)
    report.note("items sharing a title with another, told apart by an attribute or a number", catalogue.duplicates)
    user_ids, sequences = _sequences(core)
    report.warnings += find_obstacles([s[:-1] for s in sequences], len(catalogue))
    report.warnings += find_weaknesses(sequences, user_ids, len(catalogue))
    if reasons is not None:
        pairs = core.select(pl.col("user_id", "item_id").cast(pl.String))
        reasons = reasons.join(pairs, on=["user_id", "item_id"], how="semi", maintain_order="left")
    return Dataset(name, catalogue, user_ids, sequences, report, reasons)


def _with_ids(interactions: pl.DataFrame, report: ReadingReport) -> pl.DataFrame:
    """Ids as categories, four bytes a row; rows that name no user or no item left out."""
    rest = interactions.with_columns(pl.col("user_id", "item_id").cast(pl.Categorical))
    for kind in ("user", "item"):
        known = rest.filter(pl.col(f"{kind}_id").is_not_null() & (pl.col(f"{kind}_id") != ""))
        report.note(
            f"interactions without {'a' if kind == 'user' else 'an'} {kind} dropped", rest.height - known.height
        )
        rest = known
    return rest


def _why_nothing(steps: dict[str, pl.DataFrame], items: pl.DataFrame, filtering: Filtering) -> str:
    """Which step took the last rows, and what to change."""
    if steps["read"].is_empty():
        return "The file of interactions has no rows."
    if steps["named"].is_empty():
        return "No row names both a user and an item."
    if steps["chosen"].is_empty():
        return (
            f"No user has data.min_user={filtering.min_user} of the {filtering.top_items} most chosen items "
            "(data.top_items); keep more items, or ask for fewer."
        )
    if steps["known"].is_empty():
        theirs, listed = (", ".join(map(repr, f["item_id"].head(3).to_list())) for f in (steps["chosen"], items))
        return f"No item of the interactions ({theirs}, ...) is among the items that have a title ({listed}, ...)."
    return explain_empty(steps["unique"], filtering.min_user, filtering.min_item, MIN_SEQUENCE)


def _sequences(core: pl.DataFrame) -> tuple[tuple[str, ...], list[np.ndarray]]:
    """Users in order of first appearance, and the items of each: both numbered by first appearance, items from 1."""
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
    # Cleaned here too: a title may hold nothing but what cleaning takes away.
    titled = unique.filter(pl.Series([bool(clean_title(t or "")) for t in unique["title"]], dtype=pl.Boolean))
    report.note("items without a title dropped", unique.height - titled.height)
    if titled.is_empty():
        raise DataError("No item of the catalogue has a title; the kit needs titles to name items.")
    return titled


def _in_time(interactions: pl.DataFrame, report: ReadingReport) -> pl.DataFrame:
    if "timestamp" not in interactions.columns:
        report.note("interactions without any timestamp column: the order of rows counts", interactions.height)
        return interactions
    undated = interactions["timestamp"].null_count()
    report.note("undated interactions, put last in the order of rows", undated)
    return interactions.sort("timestamp", nulls_last=True, maintain_order=True)


def _catalogue(core: pl.DataFrame, items: pl.DataFrame, report: ReadingReport) -> Catalogue:
    """Items in order of first appearance, with the attributes and texts the file has."""
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
