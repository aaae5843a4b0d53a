"""What would have to change: the smallest change of a history that turns the target's verdict on an item."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from recx.errors import DataError
from recx.recommenders.protocol import Scorer
from recx.recommenders.standing import Standing, standings

Kind = Literal["remove", "add"]
Change = tuple[Kind, int]
BEAM = 40
EXHAUSTIVE = 20_000  # so many histories are tried one and all before the search looks at the most promising only


@dataclass(frozen=True)
class Flip:
    """What a search found.

    Attributes:
        wanted: the verdict looked for.
        before: where the item stood.
        changes: the smallest set of changes found, added items at the end of the history; empty if none was found.
        after: where it stands then; of the closest history tried where none turned the verdict.
        smallest: every smaller set of changes was tried, so that there is none.
        tried: histories scored.
        stopped: the search was ended before its time.
    """

    wanted: Literal["yes", "no"]
    before: Standing
    changes: tuple[Change, ...]
    after: Standing
    smallest: bool
    tried: int
    stopped: bool = False


def flip(
    target: Scorer,
    history: np.ndarray,
    item: int,
    length: int,
    items: int,
    wanted: Literal["yes", "no"],
    kinds: Sequence[Kind] = ("remove",),
    largest: int = 4,
    stopped: Callable[[], bool] = lambda: False,
) -> Flip:
    """Search for the smallest change of a history that makes the target say `wanted` of an item.

    Sets of one change are all tried, then sets of two, and so on; a level with more than `EXHAUSTIVE` sets is searched
    from the `BEAM` most promising ones of the level before. Of sets equally small the one that moves the rank furthest
    is taken.

    Args:
        target: read only.
        history: oldest first, whole: where a late item goes, the target reads an older one instead.
        item: the item asked about, which is never added.
        length: items the target reads.
        items: N.
        wanted: verdict to reach.
        kinds: which changes are allowed.
        largest: most changes.
        stopped: asked between batches; what was found until then is returned.

    Raises:
        DataError: the item already has the verdict, or the history is empty.
    """
    if not len(history):
        raise DataError("The history is empty, so there is nothing to change.")
    before = standings(target, [history], item, length)[0]
    if before.verdict == wanted:
        raise DataError(f"The target already says {wanted}.")
    singles: list[Change] = [("remove", int(i)) for i in dict.fromkeys(history.tolist())] if "remove" in kinds else []
    if "add" in kinds:
        taken = {*history.tolist(), item}
        singles += [("add", n) for n in range(1, items + 1) if n not in taken]
    # Ranks rise towards "no": the last place is the furthest, and towards "yes" the first.
    sign = -1 if wanted == "no" else 1
    closest, tried, complete = before, 0, True
    front: list[frozenset[Change]] = [frozenset()]
    for size in range(1, largest + 1):
        sets, whole = _level(singles, size, front)
        scored: list[tuple[int, tuple[Change, ...], Standing]] = []
        for part in _parts(sets, 2048):
            if stopped():
                return Flip(wanted, before, (), closest, False, tried, stopped=True)
            possible = [(s, changed(history, s)) for s in part]
            possible = [(s, h) for s, h in possible if len(h)]  # no target reads an empty history
            found = standings(target, [h for _, h in possible], item, length)
            tried += len(possible)
            scored += [(sign * f.rank, tuple(sorted(s)), f) for (s, _), f in zip(possible, found, strict=True)]
        scored.sort(key=lambda row: row[:2])
        turned = [row for row in scored if row[2].verdict == wanted]
        if turned:
            return Flip(wanted, before, turned[0][1], turned[0][2], complete, tried)
        complete = complete and whole
        if scored and (scored[0][0] < sign * closest.rank):
            closest = scored[0][2]
        front = [frozenset(row[1]) for row in scored[:BEAM]]
        if not front:
            break
    return Flip(wanted, before, (), closest, False, tried)


def changed(history: np.ndarray, changes: Sequence[Change] | frozenset[Change]) -> np.ndarray:
    """A history with items removed wherever they stand, and others added at its end in the order of their index."""
    gone = {item for kind, item in changes if kind == "remove"}
    added = sorted(item for kind, item in changes if kind == "add")
    return np.array([*(i for i in history.tolist() if i not in gone), *added], dtype=np.int64)


def _level(
    singles: Sequence[Change], size: int, front: Sequence[frozenset[Change]]
) -> tuple[Iterator[frozenset[Change]], bool]:
    """Sets of so many changes to try, and whether these are all there are."""
    count = 1
    for n in range(size):
        count = count * (len(singles) - n) // (n + 1)
    if count <= EXHAUSTIVE or size == 1:
        return (frozenset(s) for s in itertools.combinations(singles, size)), True
    return _grown(front, singles), False


def _grown(front: Sequence[frozenset[Change]], singles: Sequence[Change]) -> Iterator[frozenset[Change]]:
    seen: set[frozenset[Change]] = set()
    for one in front:
        for single in singles:
            larger = one | {single}
            if len(larger) > len(one) and larger not in seen:
                seen.add(larger)
                yield larger


def _parts(sets: Iterator[frozenset[Change]], size: int) -> Iterator[list[frozenset[Change]]]:
    while part := list(itertools.islice(sets, size)):
        yield part
