"""What an explanation says: its decision, the titles that it cites, and the attribute values that it states."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Citation:
    """A title, quoted or not: its item (None if a quoted title is not in the catalogue) and whether the item is in
    the history.

    `against` is True if the text says that the item speaks against the decision. `span` is the position of the title
    in the text, quotation marks included.
    """

    title: str
    item: int | None
    in_history: bool
    against: bool = field(default=False, compare=False)
    span: tuple[int, int] = field(default=(0, 0), compare=False)


@dataclass(frozen=True)
class Statement:
    """An attribute value stated about items (about the history as a whole if `items` is empty), and whether it is true.

    `span` is the position of the value in the text. `false_as_well` is True if the items do have the value, but "as
    well" wrongly claims that the text has mentioned it before; `span` then ends with "as well".
    """

    items: tuple[int, ...]
    value: str
    negated: bool
    true: bool
    span: tuple[int, int] = field(default=(0, 0), compare=False)
    false_as_well: bool = field(default=False, compare=False)


@dataclass(frozen=True)
class ParsedExplanation:
    """The content of one explanation.

    Attributes:
        decision: True for yes, False for no, None if neither the first word nor the first sentence states it.
        citations: the titles, quoted or not, except that of the item in question; that one, too, if the text says
            that it comes from the history or is a cause of the decision.
        statements: the attribute values stated about items.
        names: capitalised words within a sentence that belong to no title and no value.
        unverified: spans of attribute values that titles are said to have, and that no item of the catalogue has.
        about_item: whether the text names the item in question, or speaks of it as "it" or "this".
    """

    decision: bool | None
    citations: tuple[Citation, ...]
    statements: tuple[Statement, ...]
    names: tuple[str, ...]
    unverified: tuple[tuple[int, int], ...] = ()
    about_item: bool = True
