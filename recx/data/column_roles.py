"""Detection of the user, item, time, rating and title columns."""

import difflib
import re
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from recx.data.reading_report import ReadingReport
from recx.data.time_columns import SAMPLE, looks_like_times
from recx.errors import DataError
from recx.settings import Columns

# The kit's own names come first. Names are compared in lower case, with only letters and digits.
STANDARD = {"user": "user_id", "item": "item_id", "timestamp": "timestamp", "rating": "rating", "title": "title"}
_SYNONYMS = {
    "user": "user userid uid username listener listenerid customer customerid visitor visitorid member memberid "
    "reviewer reviewerid reader readerid viewer viewerid player playerid person personid account accountid client "
    "clientid who",
    "item": "item itemid iid artist artistid track trackid song songid movie movieid film filmid book bookid isbn "
    "product productid asin parentasin sku game gameid app appid article articleid news newsid recipe recipeid "
    "business businessid venue venueid anime animeid",
    "timestamp": "timestamp time date datetime when ts unixtime unixreviewtime playedat listenedat createdat watchedat "
    "eventtime datetimeutc utctime",
    "rating": "rating",
    "title": "title name itemname itemtitle artistname trackname songname movietitle movietitle filmtitle booktitle "
    "productname producttitle gamename gametitle appname",
}
SYNONYMS = {role: frozenset(words.split()) for role, words in _SYNONYMS.items()}
UNNAMED = re.compile(r"|index|unnamed: ?\d+", re.IGNORECASE)  # what pandas and R call a column without a name
KNOWN_NAMES = frozenset().union(*SYNONYMS.values())


def squeezed(name: str) -> str:
    """A column name reduced to lower-case letters and digits, for comparison."""
    return re.sub(r"[\W_]+", "", name.casefold())


def log_roles(
    path: Path, frame: pl.DataFrame, columns: Columns, report: ReadingReport, beside: Sequence[str] | None = None
) -> dict[str, str]:
    """Find the columns of an interaction log.

    Args:
        path: path of the file.
        frame: rows of the file.
        columns: column names from the settings.
        report: receives the decisions, and a warning if there is no time column.
        beside: columns of the item file, which then provides the titles; None if there is no such file.

    Returns:
        role -> column: `user` and `item`, and if found `timestamp`, `rating` and `title`.

    Raises:
        DataError: a column named in the settings does not exist, or several columns could be the user or the item.
    """
    if frame.width < 2:
        raise DataError(
            f"{path}: a log needs a user column and an item column; found {', '.join(frame.columns) or 'none'}. If the "
            "columns are separated by another character, name it with --set data.columns.separator=..."
        )
    wanted = [role for role in STANDARD if role != "title" or beside is None]
    roles = {role: named for role in wanted if (named := _named(path, frame.columns, role, columns))}
    told = dict(roles)
    ids = [c for c in frame.columns if not frame.schema[c].is_nested()]
    named = [c for role in ("user", "timestamp", "rating") for c in _similar(ids, role, roles)]
    common = [c for c in beside or () if c in ids and c not in (*roles.values(), *named)]
    # A column named as an item is the item, even if both files share another column, such as a genre.
    if "item" not in roles and len(common) == 1 and not set(_similar(ids, "item", roles)) - set(common):
        roles["item"] = common[0]
    for role in wanted:
        found = _similar(ids, role, roles)
        if role not in roles and len(found) == 1:
            roles[role] = found[0]
    if "timestamp" not in roles:
        found = [c for c in ids if c not in roles.values() and looks_like_times(frame[c].head(SAMPLE))]
        if len(found) > 1 or _similar(ids, "timestamp", roles):
            raise _asked(path, frame, "timestamp", found or _similar(ids, "timestamp", roles))
        roles |= {"timestamp": found[0]} if found else {}
    if "item" not in roles and "title" in roles and not _similar(ids, "item", roles):
        roles["item"] = roles.pop("title")
    reason = _fill(path, frame, roles, ids)
    decided = [f"{role} is {column!r}" for role, column in roles.items() if told.get(role) != column]
    if decided:
        report.decisions.append(f"{path.name}: {', '.join(decided)}{reason}.")
    if "timestamp" not in roles and f"{roles['item']}_list" not in frame.columns:
        report.warnings.append(
            f"{path.name} has no time column, so the order of its rows is used: each person's first row is taken to be "
            "the oldest choice. If a column holds the times, name it with --set data.columns.timestamp=..."
        )
    return roles


def item_roles(
    path: Path, frame: pl.DataFrame, columns: Columns, report: ReadingReport, log_item: str, log_ids: pl.Series
) -> tuple[str, str]:
    """Find the id and title columns of an item file.

    Where names do not tell the id column, its values do: it is the one that holds the log's ids.

    Args:
        path: path of the file.
        frame: rows of the file.
        columns: column names from the settings.
        report: receives the decisions.
        log_item: name of the log's item column, if the log has column names.
        log_ids: item ids of the log.

    Raises:
        DataError: a column named in the settings does not exist, or several columns could be meant.
    """
    ids = [c for c in frame.columns if not frame.schema[c].is_nested()]
    titled = [c for c in frame.columns if c in ids or frame.schema[c] == pl.List(pl.String)]  # a list of words
    item = _named(path, ids, "item", columns) or (log_item if log_item in ids else "")
    found = [item] if item else [c for c in ids if squeezed(c) in ("id", *SYNONYMS["item"])] or ids[: len(ids) < 3]
    if len(found) != 1:
        held = _holding(frame, found or ids, log_ids)
        found = [c for c in held if not UNNAMED.fullmatch(c)] or held or found or ids  # row numbers may equal the ids
    if len(found) != 1:
        raise _asked(path, frame, "item", found)
    item, others = found[0], [c for c in titled if c != found[0]]
    title = _named(path, titled, "title", columns)
    others = [c for c in others if not UNNAMED.fullmatch(c)]
    found = [title] if title else [c for c in others if squeezed(c) in SYNONYMS["title"]]
    found = found or [c for c in (item,) if squeezed(c) in SYNONYMS["title"]]
    found = found or (others if len(others) == 1 else [] if others else [item])
    if len(found) != 1:
        raise _asked(path, frame, "title", found or others)
    if (item, found[0]) != (STANDARD["item"], STANDARD["title"]):
        called = repr(item) if item else "the first column, which has no name"
        report.decisions.append(f"{path.name}: item is {called}, title is {found[0]!r}.")
    return item, found[0]


def _named(path: Path, names: Sequence[str], role: str, columns: Columns) -> str:
    """The column named in the settings, otherwise the one with the kit's own name; empty if there is neither."""
    chosen = getattr(columns, role)
    if not chosen or chosen in names:
        return chosen or (STANDARD[role] if STANDARD[role] in names else "")
    near = difflib.get_close_matches(chosen, names, 1)
    meant = f" Did you mean {near[0]!r}?" if near else ""
    raise DataError(f"{path}: no column {chosen!r}, set as data.columns.{role}; found {', '.join(names)}.{meant}")


def _holding(frame: pl.DataFrame, names: Sequence[str], wanted: pl.Series) -> list[str]:
    """The columns that hold the most of the wanted ids, if that is over half of them."""

    def bare(ids: pl.Series) -> pl.Series:
        return ids.cast(pl.String, strict=False).unique().str.strip_chars().str.replace(r"\.0+$", "").drop_nulls()

    held = {c: bare(wanted).is_in(bare(frame[c]).implode()).mean() or 0 for c in names}
    most = max(held.values(), default=0)
    return [c for c, share in held.items() if share == most > 0.5]


def _similar(names: Sequence[str], role: str, roles: dict[str, str]) -> list[str]:
    return [c for c in names if c not in roles.values() and squeezed(c) in SYNONYMS[role]]


def _fill(path: Path, frame: pl.DataFrame, roles: dict[str, str], ids: Sequence[str]) -> str:
    """Find user and item among the remaining columns if only one choice is possible; returns the reason."""
    rest = [c for c in ids if c not in roles.values() and not _has_fractions(frame[c].head(SAMPLE))]
    missing = [role for role in ("user", "item") if role not in roles]
    if len(missing) == 2 and len(rest) == 2:
        # Names contain spaces, ids do not.
        spaced = [c for c in rest if frame[c].head(SAMPLE).cast(pl.String).str.contains(r"\S\s+\S").any()]
        if len(spaced) == 1:
            roles["item"] = spaced[0]
            roles["user"] = next(c for c in rest if c != spaced[0])
            return f" (only {spaced[0]!r} has values with spaces)"
    for role in missing:
        candidates = _similar(ids, role, roles) or rest
        if len(missing) != 1 or len(candidates) != 1:
            raise _asked(path, frame, role, candidates)
        roles[role] = candidates[0]
    return f" (no other column can be the {missing[0]})" if missing else ""


def _has_fractions(values: pl.Series) -> bool:
    if values.dtype.is_nested():
        return False
    numbers = values.cast(pl.Float64, strict=False).drop_nulls()
    return not numbers.is_empty() and bool((numbers != numbers.round()).any())


def _asked(path: Path, frame: pl.DataFrame, role: str, candidates: Sequence[str]) -> DataError:
    first = ", ".join(f"{name}={str(value)[:30]!r}" for name, value in zip(frame.columns, frame.row(0), strict=True)) \
        if frame.height else "no rows"  # fmt: skip
    may = f"may be {' or '.join(map(repr, candidates[:6]))}" if candidates else "has none of the known names"
    return DataError(
        f"{path}: the {role} column {may}. Name it with --set data.columns.{role}=COLUMN. First row: {first}."
    )
