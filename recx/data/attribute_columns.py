"""Which columns of the user's item file are attributes, and their values."""

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from recx.data.catalogue import RESERVED, TEXTS, attribute_name
from recx.data.reading_report import ReadingReport

# Ways to write that a value is missing, in lower case.
MISSING = frozenset(("", "n/a", "#n/a", "nan", "null", "none", "nil", "\\n", "-", "--", "?", "(no genres listed)"))
LONG, WORDS = 100, 5  # characters of a typical cell and words of a typical value from which a column is running text
FEW, SHARED = 20, 0.05


def attribute_columns(
    path: Path, frame: pl.DataFrame, names: Sequence[str], value_separator: str, report: ReadingReport
) -> list[pl.Series]:
    """Build one list column per attribute or text.

    Running text becomes a column of `TEXTS`; a column whose values hardly any two items share (ids, addresses of
    pictures) says nothing about what items have in common and is left out.

    Args:
        path: path of the item file.
        frame: rows of the item file.
        names: its columns without the id and the title.
        value_separator: separator between several values in a text column; empty if there is one value per item.
        report: receives the decisions.
    """
    out: list[pl.Series] = []
    unused = []
    nested = [name for name in names if _is_nested(frame.schema[name])]
    if nested:
        report.decisions.append(
            f"{path.name}: columns not used, since their values are records or nested lists: "
            f"{', '.join(map(repr, nested))}."
        )
    free = [name for name in TEXTS[:2] if name not in names]
    for name in (name for name in names if name not in nested):
        values = _without_missing(_lists(frame[name], value_separator))
        own = attribute_name(name)
        if name not in TEXTS:
            _note_unsplit(path, name, values, report)
        if name not in TEXTS and _is_running_text(values):
            if not free:
                unused.append(name)
                continue
            own = free.pop(0)
            report.decisions.append(
                f"{path.name}: {name!r} is running text, so it is read as {own!r}, not as an attribute."
            )
        elif name not in TEXTS and _hardly_shared(values):
            unused.append(name)
            continue
        elif name in RESERVED:
            report.decisions.append(f"{path.name}: column {name!r} is renamed to {own!r}, since the kit reserves it.")
        while own in {"item_id", "title", *(c.name for c in out)}:
            own += " too"
        out.append(values.alias(own))
    if unused:
        report.decisions.append(
            f"{path.name}: columns not used, since hardly any two items share a value: {', '.join(map(repr, unused))}."
        )
    return out


FRACTION = r"\.0+$"


def are_whole_numbers(texts: pl.Series) -> bool:
    """Whether numbers are whole, but some are written with a zero fraction, as by pandas where a value is missing."""
    known = texts.drop_nulls()
    return bool(known.str.ends_with(".0").any() and known.str.contains(r"^-?\d+(?:\.0+)?$").all())


def _is_nested(kind: pl.DataType) -> bool:
    return isinstance(kind, pl.Struct) or (isinstance(kind, pl.List) and kind.inner.is_nested())  # type: ignore[union-attr]


def _lists(column: pl.Series, value_separator: str) -> pl.Series:
    if isinstance(column.dtype, pl.List):
        return column.cast(pl.List(pl.String))
    text = column.cast(pl.String)
    cells = text.str.strip_chars()
    if are_whole_numbers(cells.filter(~cells.str.to_lowercase().is_in(list(MISSING)))):
        text = cells.str.replace(FRACTION, "")
    if value_separator:
        return text.fill_null("").str.split(value_separator)
    return pl.select(pl.concat_list(text)).to_series()


def _without_missing(values: pl.Series) -> pl.Series:
    stripped = pl.element().str.strip_chars()
    keep = pl.element().filter(pl.element().is_not_null() & ~stripped.str.to_lowercase().is_in(list(MISSING)))
    return values.to_frame().select(pl.nth(0).list.eval(keep)).to_series()


def _is_running_text(values: pl.Series) -> bool:
    """Whether typical cells are long, also if they are cut at each comma, and not lists of names."""
    cells = values.list.join(" ").str.len_chars().replace(0, None)
    words = values.explode().drop_nulls().str.split(" ").list.len()
    return (cells.median() or 0) >= LONG and (words.median() or 0) >= WORDS  # type: ignore[operator]


def _hardly_shared(values: pl.Series) -> bool:
    """Whether hardly any item has a value that another one has, too."""
    rows = pl.DataFrame({"row": range(len(values)), "value": values}).explode("value").drop_nulls().unique()
    items = rows["row"].n_unique()
    shared = rows.filter(pl.len().over("value") > 1)["row"].n_unique()
    return items >= FEW and shared < SHARED * items


def _note_unsplit(path: Path, name: str, values: pl.Series, report: ReadingReport) -> None:
    """Say so if single values look like lists, most of whose parts recur in other values."""
    single = values.explode().drop_nulls()
    for separator in (";", ", ", "/"):
        several = single.filter(single.str.contains(separator, literal=True))
        parts = several.unique().str.split(separator).explode().str.strip_chars().value_counts(name="count")
        if len(several) >= max(2, 0.2 * len(single)) and (parts["count"] > 1).mean() > 0.5:  # type: ignore[operator]
            report.decisions.append(
                f"{path.name}: {several[0]!r} in {name!r} is read as one value. If it holds several, set "
                f"data.columns.value_separator={separator.strip()!r}"
            )
            return
