"""What a prompt consists of: text, titles of items, and vectors of the target.

Each piece is tokenised by itself, so a title has the same tokens in a prompt, in an answer and in the graph that
decoding follows.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from recx.data.catalogue import Catalogue
from recx.prompts.modes import MODE_SPECS, Mode


@dataclass(frozen=True, slots=True)
class Title:
    """The quoted label of catalogue item `item` (1..N)."""

    item: int


@dataclass(frozen=True, slots=True)
class Entity:
    """One token that stands for vectors of the target.

    Row `row` of its user or item vectors, or, as `relation`, what item `row` of the history has to do with the one item
    that the prompt asks about.
    """

    kind: Literal["user", "item", "relation"]
    row: int


Piece = str | Title | Entity

_SLOT = re.compile(r"\{(\w+)\}")


def render(wording: str, **slots: str | Sequence[Piece]) -> list[Piece]:
    """Fill the slots of a wording.

    Args:
        wording: text with `{name}` slots.
        slots: text or pieces for each slot.

    Raises:
        KeyError: a slot of the wording was not given.
    """
    pieces: list[Piece] = []
    for n, part in enumerate(_SLOT.split(wording)):
        value = slots[part] if n % 2 else part
        pieces.extend([value] if isinstance(value, str) else value)
    return [p for p in pieces if p != ""]


def titles(items: Sequence[int]) -> list[Piece]:
    """Titles joined by semicolons, as they stand in histories, candidate lists and answers."""
    pieces: list[Piece] = []
    for n, item in enumerate(items):
        pieces += ["; ", Title(int(item))] if n else [Title(int(item))]
    return pieces


def related_titles(items: Sequence[int]) -> list[Piece]:
    """Titles joined by semicolons, a relation token before each."""
    pieces: list[Piece] = []
    for n, item in enumerate(items):
        pieces += ["; "] if n else []
        pieces += [Entity("relation", int(item)), " ", Title(int(item))]
    return pieces


def item_slot(mode: Mode, item: int) -> list[Piece]:
    """How an item stands in a question: title, vector, or title and vector."""
    spec = MODE_SPECS[mode]
    title: list[Piece] = [Title(item)] if spec.shows_titles else []
    vector: list[Piece] = [Entity("item", item)] if spec.reads_vectors else []
    return [*title, " ", *vector] if title and vector else title + vector


def candidates_slot(mode: Mode, items: Sequence[int]) -> list[Piece]:
    """Several items, each with its title, as the answer needs them, and its vector where the mode reads vectors."""
    pieces: list[Piece] = []
    for n, item in enumerate(items):
        pieces += ["; ", Title(int(item))] if n else [Title(int(item))]
        pieces += [" ", Entity("item", int(item))] if MODE_SPECS[mode].reads_vectors else []
    return pieces


def quoted_pieces(text: str, index_of_label: Mapping[str, int]) -> list[Piece]:
    """Split a text into plain pieces and `Title`s, wherever a catalogue label stands in double quotes."""
    pieces: list[Piece] = []
    rest = ""
    while text:
        plain, mark, text = text.partition('"')
        rest += plain
        label, closing, after = text.partition('"')
        if closing and label in index_of_label:
            pieces += [rest, Title(index_of_label[label])]
            rest, text = "", after
        else:  # a mark of another quotation, or of inches
            rest += mark
    return [piece for piece in (*pieces, rest) if piece != ""]


def as_text(pieces: Sequence[Piece], catalogue: Catalogue) -> str:
    """Pieces as a person reads them: titles quoted, vectors as `<user>`, `<item>` and `<relation>`."""
    shown = []
    for piece in pieces:
        if isinstance(piece, Title):
            shown.append(f'"{catalogue.labels[piece.item]}"')
        else:
            shown.append(f"<{piece.kind}>" if isinstance(piece, Entity) else piece)
    return "".join(shown)
