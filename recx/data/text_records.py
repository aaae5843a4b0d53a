"""Texts about recommended items as JSON lines, by anyone, with the items that they are about (docs/judge.md)."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from recx.data.catalogue import clean_title
from recx.data.json_lines import checked_lines

MAX_TEXT = 50_000  # letters of a text
MAX_TITLE = 2_000  # letters of a title, of a value, or of the name of a source
MAX_ITEMS = 10_000  # of a history
MAX_VALUES = 1_000  # attribute values of an item
FORM = (
    '{"dataset": "...", "history": [{"title": "...", "attributes": {"genre": ["..."]}}, "a title", ...], '
    '"item": {"title": "..."}, "user": "...", "person": {"age": 24}, "reference": "...", "texts": {"source": "..."}}; '
    'only history, item and texts are required (or "text" instead of "texts", for one text without a source)'
)

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")

Facts = tuple[tuple[str, tuple[str, ...]], ...]
"""Values by attribute, sorted by its name."""
DescribedItem = tuple[str, Facts]
"""Title and attributes."""


@dataclass(frozen=True)
class TextRecord:
    """Texts about one item that is recommended to one person.

    Attributes:
        dataset: name of the data set; empty where the file gives none.
        history: what the person chose, oldest first.
        item: the recommended item.
        user: names the person; the titles of the history where the file gives none.
        texts: source -> text; the source is `text` where the record has one text only.
        person: what is known of the person, e.g. age and gender.
        reference: a text to compare with, e.g. drawn from the person's own review; empty where there is none.
    """

    dataset: str
    history: tuple[DescribedItem, ...]
    item: DescribedItem
    user: str
    texts: Mapping[str, str]
    person: Facts = field(default=())
    reference: str = ""


@dataclass(frozen=True)
class Comparison:
    """Two texts about the same recommended item, of which a judge named the better.

    Attributes:
        record: history, item and person, with both texts as the sources `first` and `second`.
        first_is_better: what the judge said.
    """

    record: TextRecord
    first_is_better: bool

    @property
    def first(self) -> str:
        """The text that stood first."""
        return self.record.texts["first"]

    @property
    def second(self) -> str:
        """The text that stood second."""
        return self.record.texts["second"]


def read_text_records(path: Path) -> Iterator[TextRecord]:
    """Read a file of records.

    Args:
        path: JSON lines, gzipped if the name ends in .gz.

    Raises:
        DataError: the file cannot be read, or a line is not such a record.
    """
    return checked_lines(path, text_record, FORM, "a record of texts")


def text_record(given: Any) -> TextRecord:
    """Check one record.

    Raises:
        TypeError: a field is of another type than expected.
        ValueError: a field is missing, empty or too long.
    """
    if not isinstance(given, dict):
        raise TypeError("it is not a JSON object")
    if "text" in given and "texts" not in given:
        given = given | {"texts": {"text": given["text"]}}
    missing = [name for name in ("history", "item", "texts") if name not in given]
    if missing:
        raise ValueError(f"no {missing[0]!r}")
    history, texts = given["history"], given["texts"]
    if not isinstance(history, list) or not 0 < len(history) <= MAX_ITEMS:
        raise TypeError(f"history must be a list of 1 to {MAX_ITEMS:,} items")
    if not isinstance(texts, dict) or not texts:
        raise TypeError("texts must be an object, source -> text")
    read = tuple(map(_item, history))
    user = given.get("user")
    if isinstance(user, bool) or not isinstance(user, str | int | None):
        raise TypeError("user must be a string or a whole number")
    named = [clean_title(_text(source, "source")) or "source" for source in texts]
    if len(set(named)) < len(named):
        raise ValueError(f"two sources are called {next(n for n in named if named.count(n) > 1)!r}")
    return TextRecord(
        " ".join(_text(given.get("dataset") or "", "dataset").split()),
        read,
        _item(given["item"]),
        json.dumps([title for title, _ in read]) if user is None else str(user),
        {name: _text(text, "text", MAX_TEXT) for name, text in zip(named, texts.values(), strict=True)},
        _facts(given.get("person") or {}, "person"),
        _text(given.get("reference") or "", "reference", MAX_TEXT),
    )


def comparison(given: Any) -> Comparison:
    """Check one comparison: a record with `first`, `second` and `better` (1 or 2) instead of `texts`.

    Raises:
        TypeError: a field is of another type than expected.
        ValueError: a field is missing, empty or too long, or `better` is neither 1 nor 2.
    """
    if not isinstance(given, dict):
        raise TypeError("it is not a JSON object")
    if type(given.get("better")) is not int or given["better"] not in (1, 2):
        raise ValueError("better must be 1 or 2")
    record = text_record(given | {"texts": {name: given.get(name) for name in ("first", "second")}})
    return Comparison(record, given["better"] == 1)


def _item(given: Any) -> DescribedItem:
    if isinstance(given, dict):
        title, attributes = given.get("title"), given.get("attributes") or {}
    else:
        title, attributes = given, {}
    cleaned = clean_title(_text(title, "title"))
    if not cleaned:
        raise ValueError(f"an item has no title ({title!r}); expected a title, or an object with one")
    return cleaned, _facts(attributes, "attributes")


def _facts(given: Any, what: str) -> Facts:
    if not isinstance(given, dict):
        raise TypeError(f"{what} must be an object, name -> values")
    columns = []
    for name, values in given.items():
        listed = values if isinstance(values, list) else [] if values is None else [values]
        if len(listed) > MAX_VALUES:
            raise ValueError(f"attribute {str(name)[:40]!r} has {len(listed):,} values; the limit is {MAX_VALUES:,}")
        listed = [v for v in listed if v == v]  # NaN, which is nothing
        own = tuple(_text(_number(v), "attribute value") for v in listed)
        if own:
            columns.append((_text(name, "attribute"), own))
    return tuple(sorted(columns))


def _number(value: Any) -> Any:
    """A number as text, 1999.0 as "1999"; anything else as it is."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _text(given: Any, what: str, longest: int = MAX_TITLE) -> str:
    if not isinstance(given, str):
        raise TypeError(f"{what} must be a string")
    if len(given) > longest:
        raise ValueError(f"{what} is longer than {longest:,} letters")
    # Half of a surrogate pair cannot be printed, and control characters would act on a terminal.
    return _CONTROL.sub(" ", given.encode("utf-8", "replace").decode())
