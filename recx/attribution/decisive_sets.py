"""Which titles of a history decide: the smallest sets that keep, undo or flip the target's decision about an item.

Sufficient and necessary reasons in the sense of Watson et al. (UAI 2021, "Local Explanations via Necessity and
Sufficiency"), with removal from the history as the only change. Sets are tried by size, all of each size, so what is
found is certified to be minimal.
"""

import itertools
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from recx.attribution.removal import players_of
from recx.recommenders.item_rank import ItemRank, item_ranks
from recx.recommenders.protocol import Scorer

MAX_ITEMS = 12  # distinct items; twelve make 4,095 histories
Places = tuple[int, ...]
_OPPOSITE = {"yes": "no", "no": "yes"}


class DecisiveSets(NamedTuple):
    """Smallest sets of the distinct items of a history, as places among them.

    Where several are equally small, the one that moves the item's rank furthest is taken, as in `find_counterfactual`.

    Attributes:
        sufficient: items that keep the decision on their own; at most the whole history.
        necessary: items whose removal changes the decision; None where no part of the history has another decision.
        flip: items whose removal turns the decision into its opposite, yes into no or no into yes; None where no
            removal does.
    """

    sufficient: Places
    necessary: Places | None
    flip: Places | None


def decisive_sets(target: Scorer, history: Sequence[int] | np.ndarray, item: int, length: int) -> DecisiveSets | None:
    """The smallest sufficient set, necessary set and flip of one decision.

    At least one item stays in the history, as no target reads an empty one.

    Args:
        target: read only.
        history: item indices of the complete history, oldest first; only the latest `length` are taken out.
        item: the item asked about.
        length: how many of the latest items the target reads.

    Returns:
        None where the history has no item, or more than `MAX_ITEMS` distinct ones.
    """
    whole = np.asarray(history, dtype=np.int64)
    older, history = whole[:-length], whole[-length:]
    players = players_of(history)
    everyone = frozenset(range(len(players)))
    if not 0 < len(everyone) <= MAX_ITEMS:
        return None
    known: dict[frozenset[int], ItemRank] = {}

    def ranks(sets: Iterable[frozenset[int]]) -> list[ItemRank]:
        """The item's rank when only these places are left, each asked for once."""
        wanted = list(sets)
        new = [s for s in dict.fromkeys(wanted) if s not in known]
        left = [history[np.isin(history, players[list(s)])] for s in new]
        known.update(zip(new, item_ranks(target, left, item, length, whole, older), strict=True))
        return [known[s] for s in wanted]

    before = ranks([everyone])[0].decision
    # Towards "yes" the first rank is the furthest, towards "no" the last.
    keeping = 1 if before == "yes" else -1
    sufficient = necessary = flip = None
    for size in range(1, len(everyone) + 1):
        sets = list(itertools.combinations(range(len(everyone)), size))
        if sufficient is None:
            sufficient = _furthest(sets, ranks(map(frozenset, sets)), {before}, keeping)
        if size < len(everyone) and (flip is None or necessary is None):
            without = ranks(everyone - set(s) for s in sets)
            necessary = necessary or _furthest(sets, without, {"yes", "between", "no"} - {before}, -keeping)
            flip = flip or _furthest(sets, without, {_OPPOSITE.get(before)}, -keeping)
        if None not in (sufficient, necessary, flip):
            break
    return DecisiveSets(sufficient, necessary, flip)


def _furthest(sets: Sequence[Places], ranks: Sequence[ItemRank], wanted: set[str | None], sign: int) -> Places | None:
    """The set whose rank has a wanted decision and lies furthest; of equals the first."""
    reached = [(sign * rank.rank, s) for s, rank in zip(sets, ranks, strict=True) if rank.decision in wanted]
    return min(reached)[1] if reached else None
