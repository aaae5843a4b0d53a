"""One case of removal as tables: titles that join one after the other, and the target's answer without some of them."""

import itertools
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pandas as pd

from recx.data.catalogue import Catalogue
from recx.errors import DataError
from recx.evaluation.faithfulness import cited_places
from recx.evaluation.pair_effects import PairEffects
from recx.explaining.records import Explanation
from recx.recommenders.item_rank import IN_WORDS, item_ranks
from recx.recommenders.protocol import Scorer

MAX_JOINING = 6  # titles; six have 720 orders


def joining_orders(effects: PairEffects, catalogue: Catalogue, latest: int = 3) -> pd.DataFrame:
    """What each title adds when it joins, in every order of joining, for a history of the latest titles alone.

    Args:
        effects: of the pair.
        catalogue: titles.
        latest: how many of the latest items make the history.

    Returns:
        Columns `order, title, gain`. The mean gain of a title over all orders is its Shapley value in this history.

    Raises:
        DataError: the latest items have more than `MAX_JOINING` distinct titles.
    """
    effects = replace(effects, whole=effects.history[-latest:])
    n = len(effects.players)
    if n > MAX_JOINING:
        raise DataError(f"{n} titles have too many orders to list; at most {MAX_JOINING} are accepted.")
    rows = []
    for order, places in enumerate(itertools.permutations(range(n))):
        joined = np.argsort(places)[None] < np.arange(n + 1)[:, None]
        gains = np.diff(effects.values(joined))
        rows += [(order, catalogue.labels[effects.players[p]], gain) for p, gain in zip(places, gains, strict=True)]
    return pd.DataFrame(rows, columns=["order", "title", "gain"])


class Without(NamedTuple):
    """A history with some titles taken out, as `recx.plots.drawn_removal.change_of_rank` draws it.

    Attributes:
        frame: columns `title, out`, oldest first.
        before: rank of the item asked about and the target's decision in words, for the whole history.
        after: the same for what is left.
        unseen: how many items were ranked, before or after, where titles taken out may compete with it.
    """

    frame: pd.DataFrame
    before: tuple[int, str]
    after: tuple[int, str]
    unseen: int


def without(
    target: Scorer,
    history: np.ndarray,
    item: int,
    catalogue: Catalogue,
    length: int,
    gone: Collection[int],
    older: Sequence[int] | np.ndarray = (),
) -> Without:
    """What the target says of an item before and after some titles are taken out of a history.

    Args:
        target: read only.
        history: item indices, oldest first.
        item: the item asked about.
        catalogue: titles.
        length: how many of the latest items the target reads.
        gone: items to take out, at all their positions.
        older: items of the person that are not in `history` because they are too old for the target to read.

    Raises:
        DataError: nothing would be left, and no target reads an empty history.
    """
    out = np.isin(history, list(gone))
    if out.all():
        raise DataError("At least one title must stay in the history.")
    before, after = item_ranks(target, [history, history[~out]], item, length, history, older)
    frame = pd.DataFrame({"title": [catalogue.labels[i] for i in history], "out": out})
    said = [(rank.rank, IN_WORDS[rank.decision]) for rank in (before, after)]
    return Without(frame, *said, max(before.unseen, after.unseen))


def removal_orders(effects: PairEffects, explanation: Explanation) -> dict[str, tuple[int, ...]]:
    """Items of a history in three orders of being taken out, by name.

    What a text does not cite follows what it cites, from the latest.
    """
    latest = sorted(
        range(len(effects.players)), key=lambda p: -np.flatnonzero(effects.history == effects.players[p])[-1]
    )
    cited = cited_places(effects, explanation)
    places = {
        "as the text cites them": [*cited, *(p for p in latest if p not in cited)],
        "strongest effect first": np.argsort(-effects.shapley, kind="stable"),
        "latest first": latest,
    }
    return {name: tuple(effects.players[list(own)].tolist()) for name, own in places.items()}
