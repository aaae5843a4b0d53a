"""Texts beside references, as in XRec's tables: every metric of every method, by the sparsity of users too."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from recx.evaluation.bootstrap import bootstrap
from recx.evaluation.xrec import bert_score, distinct_n, gpt_score, unique_ratio, users_with_text, word_overlap
from recx.settings import ChatSettings
from recx.storage.text_store import TextStore

GROUPS = 5
UNSEEN = "unseen"
PER_TEXT = ("bert_precision", "bert_recall", "bert_f1", "word_overlap", "gpt_score")


def scores_of(
    texts: Mapping[str, Sequence[str]],
    references: Sequence[str],
    encoder: str = "",
    judge: ChatSettings | None = None,
    store: TextStore | None = None,
    show_progress: bool = False,
) -> dict[str, dict[str, np.ndarray]]:
    """Scores of each text against its reference.

    Args:
        texts: method -> N texts; empty ones are left out.
        references: N reference texts.
        encoder: hub id or folder of an encoder for BERTScore, which is left out without one.
        judge: a chat model for GPTScore, which is left out without one.
        store: cache of the judge's replies.
        show_progress: show the judge's estimated cost and a bar.

    Returns:
        method -> metric (of `PER_TEXT`) -> (N,) scores, NaN for an empty text.
    """
    scores: dict[str, dict[str, np.ndarray]] = {}
    # All methods at once: each reference is encoded once, and the judge's cost is estimated before the first question.
    every, beside = [t for own in texts.values() for t in own], [*references] * len(texts)
    near, rated = {}, {}
    if encoder:
        near = dict(zip(texts, np.split(bert_score(every, beside, encoder), len(texts)), strict=True))
    if judge is not None and judge.address:
        found = gpt_score(every, beside, judge, store, show_progress)
        rated = dict(zip(texts, np.split(found, len(texts)), strict=True))
    for method, own in texts.items():
        columns = {"word_overlap": word_overlap(own, references)}
        if encoder:
            columns |= dict(zip(PER_TEXT[:3], near[method].T, strict=True))
        if rated:
            columns["gpt_score"] = rated[method]
        scores[method] = {metric: columns[metric] for metric in PER_TEXT if metric in columns}
    return scores


def reference_table(
    texts: Mapping[str, Sequence[str]], scores: Mapping[str, Mapping[str, np.ndarray]], users: np.ndarray
) -> pd.DataFrame:
    """Means with intervals over users, and how varied the texts of a method are.

    Args:
        texts: method -> N texts.
        scores: as from `scores_of`.
        users: (N,) user of each pair.

    Returns:
        Columns `method, metric, value, low, high, std, n`; `std` is the standard deviation over texts, `n` the number
        of users. Besides the metrics of `scores`: `unique_ratio` (XRec's USR), `distinct_1`, `distinct_2` and `words`,
        the mean length.
    """
    rows: list[dict[str, Any]] = []
    for method, own in texts.items():
        there = np.array([bool(t.strip()) for t in own])
        words = np.where(there, [len(t.split()) for t in own], np.nan)
        for metric, values in (scores[method] | {"words": words}).items():
            e = bootstrap(values, users)
            interval = {"value": e.value, "low": e.low, "high": e.high, "n": e.n}
            rows.append({"method": method, "metric": metric, "std": _std(values)} | interval)
        varied = {"unique_ratio": unique_ratio(own), "distinct_1": distinct_n(own, 1), "distinct_2": distinct_n(own, 2)}
        nothing = {"low": np.nan, "high": np.nan, "std": np.nan, "n": users_with_text(own, users)}
        rows += [{"method": method, "metric": metric, "value": value} | nothing for metric, value in varied.items()]
    return pd.DataFrame(rows)[["method", "metric", "value", "low", "high", "std", "n"]]


def sparsity_groups(degrees: np.ndarray) -> np.ndarray:
    """Groups (N,) of pairs by the interactions (N,) that their users have in the graph, as in XRec's Figure 4.

    `tst1` holds the fifth of the pairs whose users have most, `tst5` the fifth with fewest, and `unseen` those whose
    users have none. Users with the same number share a group, so groups differ in size.
    """
    seen = degrees > 0
    groups = np.full(len(degrees), UNSEEN, dtype="<U6")
    if seen.any():
        edges = np.quantile(degrees[seen], np.arange(1, GROUPS) / GROUPS)
        number = GROUPS - np.searchsorted(edges, degrees[seen], side="left")
        groups[seen] = [f"tst{n}" for n in number]
    return groups


def group_table(
    scores: Mapping[str, Mapping[str, np.ndarray]], users: np.ndarray, groups: np.ndarray, metric: str
) -> pd.DataFrame:
    """One metric by method and sparsity group: columns `method, group, value, low, high, n`."""
    rows: list[dict[str, Any]] = []
    for method, columns in scores.items():
        for group in sorted(set(groups.tolist())):
            own = groups == group
            e = bootstrap(columns[metric][own], users[own])
            rows.append({"method": method, "group": group} | asdict(e))
    return pd.DataFrame(rows)


def differences(
    scores: Mapping[str, Mapping[str, np.ndarray]], users: np.ndarray, metric: str, base: str
) -> pd.DataFrame:
    """Mean difference of each method from `base` on the pairs that both have: `method, value, low, high, n`.

    An interval that excludes zero shows a difference.
    """
    rows = []
    for method, columns in scores.items():
        if method != base:
            e = bootstrap(columns[metric] - scores[base][metric], users)
            rows.append({"method": method} | asdict(e))
    return pd.DataFrame(rows)


def _std(values: np.ndarray) -> float:
    return float(np.nanstd(values)) if np.isfinite(values).any() else float("nan")
