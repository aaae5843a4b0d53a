"""Components of a prompt: text, titles of items, and vectors of the target.

Each piece is tokenised separately, so a title has the same tokens in a prompt, in an answer and in the decoding
graph.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from recx.data.catalogue import Catalogue
from recx.prompts.entity_ids import EntityKind
from recx.prompts.modes import MODE_SPECS, Mode


@dataclass(frozen=True, slots=True)
class Title:
    """The quoted label of catalogue item `item` (1..N)."""

    item: int


@dataclass(frozen=True, slots=True)
class Entity:
    """One token that represents vectors of the target.

    It is row `row` of the user or item vectors; or, as a `relation`, the relation of item `row` of the history to the
    item in question; or, as `told`, the role `row` that was measured for a title of the history (`Evidence.role`).
    """

    kind: EntityKind
    row: int


Piece = str | Title | Entity

_SLOT = re.compile(r"\{(\w+)\}")


def render(wording: str, **slots: str | Sequence[Piece]) -> list[Piece]:
    """Fill the slots of a wording.

    Args:
        wording: text with `{name}` slots.
        slots: text or pieces for each slot.

    Raises:
        KeyError: a slot of the wording is missing.
    """
    pieces: list[Piece] = []
    for n, part in enumerate(_SLOT.split(wording)):
        value = slots[part] if n % 2 else part
        pieces.extend([value] if isinstance(value, str) else value)
    return [p for p in pieces if p != ""]


def titles(items: Sequence[int]) -> list[Piece]:
    """Titles joined by semicolons, as in histories, candidate lists and answers."""
    pieces: list[Piece] = []
    for n, item in enumerate(items):
        pieces += ["; ", Title(int(item))] if n else [Title(int(item))]
    return pieces


def related_titles(items: Sequence[int], roles: Sequence[int] = ()) -> list[Piece]:
    """Titles joined by semicolons, each preceded by a relation token, or by a told token with its measured role."""
    pieces: list[Piece] = []
    for n, item in enumerate(items):
        pieces += ["; "] if n else []
        before = Entity("told", int(roles[n])) if roles else Entity("relation", int(item))
        pieces += [before, " ", Title(int(item))]
    return pieces


def item_slot(mode: Mode, item: int) -> list[Piece]:
    """An item in a question: title, vector, or title and vector."""
    spec = MODE_SPECS[mode]
    title: list[Piece] = [Title(item)] if spec.shows_titles else []
    vector: list[Piece] = [Entity("item", item)] if spec.reads_vectors else []
    return [*title, " ", *vector] if title and vector else title + vector


def candidates_slot(mode: Mode, items: Sequence[int]) -> list[Piece]:
    """Several items, each with its title, as needed in the answer, and its vector if the mode reads vectors."""
    pieces: list[Piece] = []
    for n, item in enumerate(items):
        pieces += ["; ", Title(int(item))] if n else [Title(int(item))]
        pieces += [" ", Entity("item", int(item))] if MODE_SPECS[mode].reads_vectors else []
    return pieces


def quoted_pieces(text: str, index_of_label: Mapping[str, int]) -> list[Piece]:
    """Split a text into plain pieces and `Title`s, wherever a catalogue label is in double quotes."""
    pieces: list[Piece] = []
    rest = ""
    while text:
        plain, mark, text = text.partition('"')
        rest += plain
        label, closing, after = text.partition('"')
        if closing and label in index_of_label:
            pieces += [rest, Title(index_of_label[label])]
            rest, text = "", after
        else:  # a mark of another quotation, or an inch mark
            rest += mark
    return [piece for piece in (*pieces, rest) if piece != ""]


def as_text(pieces: Sequence[Piece], catalogue: Catalogue) -> str:
    """Readable form of pieces: titles quoted, vectors as `<user>`, `<item>`, `<relation>` and `<told>`."""
    shown = []
    for piece in pieces:
        if isinstance(piece, Title):
            shown.append(f'"{catalogue.labels[piece.item]}"')
        else:
            shown.append(f"<{piece.kind}>" if isinstance(piece, Entity) else piece)
    return "".join(shown)
