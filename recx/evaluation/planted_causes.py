"""Planted causes: choices whose true reason is known, as in the demo data set. For evaluation only.

A choice is caused either by an item of the history (it continues a series) or by an attribute that items of the history
share. It is first measured whether the target itself relies on these causes, because only then can a text be faulted
for not naming them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from recx.attribution.removal import ValueFunction
from recx.data.dataset import Dataset
from recx.data.split import Split
from recx.evaluation.faithfulness import cited_places
from recx.evaluation.methods import Method, explain_all
from recx.evaluation.metric_records import metric_record
from recx.evaluation.pair_effects import PairEffects, effects_of
from recx.evaluation.test_set import Pairs
from recx.explaining.measured import is_liked
from recx.explaining.records import Explanation
from recx.settings import EvaluateSettings


@dataclass(frozen=True)
class PlantedCauses:
    """Test choices with a known cause.

    Attributes:
        histories: P test histories.
        items: (P,) the item chosen next.
        users: (P,) index of the user.
        causes: for each choice, the items of the shown history that caused it.
    """

    histories: list[np.ndarray]
    items: np.ndarray
    users: np.ndarray
    causes: list[frozenset[int]]

    def __len__(self) -> int:
        return len(self.items)

    def pairs(self) -> Pairs:
        """Return the choices as pairs to explain; each counts as liked."""
        return Pairs(self.histories, self.items, np.ones(len(self), dtype=bool), self.users)

    def liked_by(self, value: ValueFunction) -> "PlantedCauses":
        """Only the choices that the target likes: of the others, a text rightly says what speaks against them."""
        rows = zip(self.histories, self.items, self.users, self.causes, strict=True)
        kept = [row for row in rows if is_liked(value, row[0], int(row[1]))]
        histories, items, users, causes = zip(*kept, strict=True) if kept else ((),) * 4
        return PlantedCauses(list(histories), np.array(items, dtype=int), np.array(users, dtype=int), list(causes))


def planted_records(
    planted: PlantedCauses,
    effects: Sequence[PairEffects],
    explained: Mapping[str, Sequence[Explanation]],
    columns: Mapping[str, Mapping[str, str]],
) -> list[dict[str, Any]]:
    """Compute `planted_reliance` of the target, and `planted_precision` and `planted_recall` of each method's texts.

    If there are columns for `random`, its records have the values that two random titles reach on average.

    Args:
        planted: choices with their causes.
        effects: effects of the histories' items on the same choices.
        explained: method -> explanations of the same choices.
        columns: method -> `method`, `mode` and `control` of its records.
    """
    reliance = [relied_on(one, causes) for one, causes in zip(effects, planted.causes, strict=True)]
    records = [metric_record("target", "planted_reliance", np.array(reliance), users=planted.users)]
    found: dict[str, list[tuple[float, float]]] = {}
    if "random" in columns:
        found["random"] = [of_random(one, causes) for one, causes in zip(effects, planted.causes, strict=True)]
    for name, texts in explained.items():
        found[name] = [
            precision_recall(one, cited_places(one, text), causes) if text.text.strip() else (np.nan, np.nan)
            for one, text, causes in zip(effects, texts, planted.causes, strict=True)
        ]
    for name, pairs in found.items():
        for metric, values in zip(("planted_precision", "planted_recall"), np.array(pairs).T, strict=True):
            records.append(metric_record(**columns[name], metric=metric, values=values, users=planted.users))
    return records


def measure_planted(
    data: Dataset,
    split: Split,
    value: ValueFunction,
    methods: Mapping[str, Method],
    columns: Mapping[str, Mapping[str, str]],
    settings: EvaluateSettings,
) -> list[dict[str, Any]]:
    """`planted_records` of all methods' texts about choices with a known cause that the target likes.

    There are none where causes are not known, or where the target likes no such choice.

    Args:
        data: a data set, with `reasons` if they are known.
        split: leave-one-out split; a user's last item is the choice.
        value: of what is left of a history.
        methods: whose texts are measured.
        columns: method -> `method`, `mode` and `control` of its records.
        settings: half as many choices as its `pairs` are drawn, with its seed.
    """
    planted = planted_causes(data, split, value.length, settings.pairs // 2, settings.seed)
    planted = planted.liked_by(value) if planted else None
    if not planted:
        return []
    pairs = planted.pairs()
    return planted_records(planted, effects_of(value, pairs), explain_all(methods, pairs), columns)


def planted_causes(data: Dataset, split: Split, length: int, count: int, seed: int = 0) -> PlantedCauses | None:
    """Draw test choices caused by some, but not all, of the latest `length` items; None if there are none.

    Args:
        data: a data set, with `reasons` if they are known.
        split: leave-one-out split; a user's last item is the choice.
        length: how many of the latest items a prompt shows.
        count: largest number of choices.
        seed: random seed of the order of users.
    """
    if data.reasons is None or count < 1:
        return None
    because = {(u, i): b for u, i, b in data.reasons.select("user_id", "item_id", "because").iter_rows()}
    index = {item: n for n, item in enumerate(data.catalogue.item_ids)}
    rows: list[tuple[np.ndarray, int, int, frozenset[int]]] = []
    for user in np.random.default_rng(seed).permutation(len(split.test_histories)).tolist():
        item = int(split.test[user])
        cause = because.get((data.user_ids[user], data.catalogue.item_ids[item]))
        shown = split.test_histories[user][-length:]
        holders = frozenset(int(i) for i in shown if cause and _is_cause(data, int(i), cause, index))
        if holders and holders != set(map(int, shown)):
            rows.append((split.test_histories[user], item, user, holders))
        if len(rows) == count:
            break
    if not rows:
        return None
    histories, items, users, causes = zip(*rows, strict=True)
    return PlantedCauses(list(histories), np.array(items), np.array(users), list(causes))


def _is_cause(data: Dataset, item: int, cause: str, index: dict[str, int]) -> bool:
    if cause in index:
        return index[cause] == item
    return any(cause in column[item] for column in data.catalogue.attributes.values())


def relied_on(effects: PairEffects, causes: frozenset[int]) -> float:
    """Whether the item with the largest Shapley value is a planted cause, minus the probability for a random item."""
    planted = np.isin(effects.players, list(causes))
    return float(planted[effects.shapley.argmax()]) - float(planted.mean())


def of_random(effects: PairEffects, causes: frozenset[int], count: int = 2) -> tuple[float, float]:
    """The expected `precision_recall` of as many random titles as `count` (at most all)."""
    players = effects.players
    return float(np.isin(players, list(causes)).mean()), min(count, len(players)) / len(players)


def precision_recall(effects: PairEffects, cited: list[int], causes: frozenset[int]) -> tuple[float, float]:
    """Compute the share of cited titles that are planted causes, and the share of planted causes that are cited.

    The first is NaN if nothing is cited.
    """
    planted = np.isin(effects.players, list(causes))
    hits = planted[cited].sum() if cited else 0
    return float(hits / len(cited)) if cited else np.nan, float(hits / planted.sum())
