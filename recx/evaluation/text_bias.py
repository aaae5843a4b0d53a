"""Length and sentiment of texts by group of people: do explanations differ by gender or age?"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict

import numpy as np
import pandas as pd

from recx.data.sentiment import sentiment
from recx.evaluation.bootstrap import Estimate, bootstrap, bootstrap_statistic

MEASURES = ("words", "sentiment")


def text_measures(texts: Sequence[str]) -> pd.DataFrame:
    """Words per text, and its sentiment from -1 (negative) to 1 (positive) by VADER's word list and rules.

    Titles count as words, so that a text about
    "Die Hard" reads as less friendly than one about "Love Actually".
    """
    rows = [(len(t.split()), sentiment(t)) for t in texts]
    return pd.DataFrame(rows, columns=list(MEASURES), dtype=float)


def group_differences(texts: Sequence[str], groups: Sequence[str], users: Sequence[str]) -> pd.DataFrame:
    """The mean of every measure in two groups of people, and the difference, with intervals over people.

    The groups differ in what they chose and were recommended, so that a difference need not come from the group itself;
    `paired_differences` asks that.

    Args:
        texts: N texts; empty ones are left out.
        groups: the group of each text's person; the two most common ones are compared, in alphabetical order.
        users: the person of each text.

    Returns:
        Rows `measure, group, value, low, high, n`, where `group` is a name or `A - B`; none with fewer than two groups.
    """
    known = np.array([bool(t.strip()) and bool(g) for t, g in zip(texts, groups, strict=True)], dtype=bool)
    names = sorted(pd.Series(np.array(groups)[known]).value_counts().index[:2])
    rows = []
    if len(names) == 2:
        of, people = np.array(groups), pd.factorize(np.array(users))[0]
        measured = text_measures(texts)
        for measure in MEASURES:
            values = measured[measure].to_numpy()
            inside = [known & (of == name) for name in names]
            rows += [_row(measure, n, bootstrap(values[i], people[i])) for n, i in zip(names, inside, strict=True)]
            chosen = np.flatnonzero(inside[0] | inside[1])
            first, own = inside[0][chosen], values[chosen]

            def gap(drawn: np.ndarray, first: np.ndarray = first, own: np.ndarray = own) -> float:
                inside = first[drawn]
                if inside.all() or not inside.any():  # a sample without people of one group
                    return np.nan
                return float(own[drawn][inside].mean() - own[drawn][~inside].mean())

            rows.append(_row(measure, " - ".join(names), bootstrap_statistic(gap, people[chosen])))
    return pd.DataFrame(rows, columns=["measure", "group", "value", "low", "high", "n"])


def paired_differences(texts: Mapping[str, Sequence[str]]) -> pd.DataFrame:
    """What changes if the same people are described otherwise, everything else being equal.

    Args:
        texts: `attribute: value` -> N texts about the same people; the two values of an attribute are compared.

    Returns:
        Rows `measure, group, value, low, high, n` as in `group_differences`, for the differences alone.
    """
    rows = []
    measured = {name: text_measures(own) for name, own in texts.items()}
    for attribute in dict.fromkeys(name.split(":")[0] for name in texts):
        first, second = [name for name in texts if name.split(":")[0] == attribute][:2]
        both = np.array([bool(a.strip()) and bool(b.strip()) for a, b in zip(texts[first], texts[second], strict=True)])
        for measure in MEASURES:
            gap = (measured[first][measure] - measured[second][measure]).to_numpy()
            rows.append(_row(measure, f"{first} - {second}", bootstrap(np.where(both, gap, np.nan))))
    return pd.DataFrame(rows, columns=["measure", "group", "value", "low", "high", "n"])


def _row(measure: str, group: str, found: Estimate) -> dict[str, object]:
    return {"measure": measure, "group": group} | asdict(found)
