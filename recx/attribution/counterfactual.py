"""Counterfactuals: the smallest change of a history that changes the target's decision about an item."""

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from recx.errors import DataError
from recx.recommenders.item_rank import ItemRank, item_ranks
from recx.recommenders.protocol import Scorer

Kind = Literal["remove", "add"]
Change = tuple[Kind, int]
BEAM_WIDTH = 40
MAX_CHANGES = 4  # items removed or added, by default
MAX_EXHAUSTIVE = 20_000  # levels with more sets of changes use beam search
BATCH = 2048  # histories scored between two checks of `should_stop`


@dataclass(frozen=True)
class Counterfactual:
    """The result of a search.

    Attributes:
        wanted: the desired decision.
        before: rank of the item for the original history.
        changes: the smallest set of changes found, with items added at the end of the history; empty if none was found.
        after: rank after the changes; if the decision was not reached, the closest rank found.
        smallest: whether every smaller set of changes was tried.
        tried: number of histories scored.
        stopped: whether the search was interrupted.
    """

    wanted: Literal["yes", "no"]
    before: ItemRank
    changes: tuple[Change, ...]
    after: ItemRank
    smallest: bool
    tried: int
    stopped: bool = False


def find_counterfactual(
    target: Scorer,
    history: np.ndarray,
    item: int,
    max_history: int,
    items: int,
    wanted: Literal["yes", "no"],
    kinds: Sequence[Kind] = ("remove",),
    max_changes: int = MAX_CHANGES,
    should_stop: Callable[[], bool] = lambda: False,
) -> Counterfactual:
    """Search for the smallest change of a history that makes the target decide `wanted` about an item.

    All single changes are tried, then pairs, and so on; a level with more than `MAX_EXHAUSTIVE` sets is searched from
    the `BEAM_WIDTH` most promising sets of the previous level. Among equally small sets, the one that moves the rank
    furthest is returned.

    Args:
        target: not modified.
        history: the complete history, oldest first: if a late item is removed, the target reads an older one instead.
        item: the item in question, which is never added.
        max_history: number of most recent items that the target reads.
        items: N.
        wanted: desired decision.
        kinds: allowed kinds of change.
        max_changes: size of the largest set tried.
        should_stop: called between batches; if true, the best change so far is returned, or else the closest rank.

    Raises:
        DataError: the target already decides so, or the history is empty.
    """
    if not len(history):
        raise DataError("The history is empty, so there is nothing to change.")
    before = item_ranks(target, [history], item, max_history)[0]
    if before.decision == wanted:
        raise DataError(f"The target already says {wanted}: the item has rank {before.rank} of {before.unseen}.")
    singles: list[Change] = [("remove", int(i)) for i in dict.fromkeys(history.tolist())] if "remove" in kinds else []
    if "add" in kinds:
        taken = {*history.tolist(), item}
        singles += [("add", n) for n in range(1, items + 1) if n not in taken]
    # Ranks increase towards "no": the last rank is the furthest; towards "yes" it is the first.
    sign = -1 if wanted == "no" else 1
    closest, tried, exhaustive = before, 0, True
    beam: list[frozenset[Change]] = [frozenset()]
    for size in range(1, max_changes + 1):
        sets, whole_level = _level(singles, size, beam)
        scored: list[tuple[int, tuple[Change, ...], ItemRank]] = []
        for batch in _batches(sets):
            if should_stop():
                best = min(scored, key=lambda row: row[:2], default=None)
                if best and best[2].decision == wanted:
                    return Counterfactual(wanted, before, best[1], best[2], False, tried, stopped=True)
                closer = best is not None and best[0] < sign * closest.rank
                return Counterfactual(wanted, before, (), best[2] if closer else closest, False, tried, stopped=True)
            possible = [(s, apply_changes(history, s)) for s in batch]
            possible = [(s, h) for s, h in possible if len(h)]  # no target reads an empty history
            ranks = item_ranks(target, [h for _, h in possible], item, max_history, changed_from=history)
            tried += len(possible)
            scored += [(sign * r.rank, tuple(sorted(s)), r) for (s, _), r in zip(possible, ranks, strict=True)]
        scored.sort(key=lambda row: row[:2])
        reached = [row for row in scored if row[2].decision == wanted]
        if reached:
            return Counterfactual(wanted, before, reached[0][1], reached[0][2], exhaustive, tried)
        exhaustive = exhaustive and whole_level
        if scored and (scored[0][0] < sign * closest.rank):
            closest = scored[0][2]
        beam = [frozenset(row[1]) for row in scored[:BEAM_WIDTH]]
        if not beam:
            break
    return Counterfactual(wanted, before, (), closest, False, tried)


def apply_changes(history: np.ndarray, changes: Sequence[Change] | frozenset[Change]) -> np.ndarray:
    """Remove items from a history at all their positions, and add others at its end in order of their index."""
    removed = {item for kind, item in changes if kind == "remove"}
    added = sorted(item for kind, item in changes if kind == "add")
    return np.array([*(i for i in history.tolist() if i not in removed), *added], dtype=np.int64)


def _level(
    singles: Sequence[Change], size: int, beam: Sequence[frozenset[Change]]
) -> tuple[Iterator[frozenset[Change]], bool]:
    """Sets of `size` changes to try, and whether these are all that exist."""
    if math.comb(len(singles), size) <= MAX_EXHAUSTIVE or size == 1:
        return (frozenset(s) for s in itertools.combinations(singles, size)), True
    return _extend(beam, singles), False


def _extend(beam: Sequence[frozenset[Change]], singles: Sequence[Change]) -> Iterator[frozenset[Change]]:
    seen: set[frozenset[Change]] = set()
    for one in beam:
        for single in singles:
            larger = one | {single}
            if len(larger) > len(one) and larger not in seen:
                seen.add(larger)
                yield larger


def _batches(sets: Iterator[frozenset[Change]]) -> Iterator[list[frozenset[Change]]]:
    while batch := list(itertools.islice(sets, BATCH)):
        yield batch
