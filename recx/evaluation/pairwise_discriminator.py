"""Discriminators that choose the better of two explanations, learnt from compared texts (LLMXRec, arXiv 2312.15661).

A discriminator that may see which text stands first can learn that judges name the second; its choices are therefore
averaged over both orders.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace

import numpy as np
import pandas as pd
from scipy.sparse import vstack
from sklearn.linear_model import LogisticRegression

from recx.alignment.instruction_tuning import InstructedModel
from recx.data.text_records import Comparison, TextRecord
from recx.errors import DataError
from recx.evaluation.bootstrap import bootstrap
from recx.evaluation.foreign_texts import foreign_texts
from recx.evaluation.judges import explanations_to_rate
from recx.evaluation.llm_judge import LLMJudge
from recx.evaluation.word_vectors import word_vectors
from recx.prompts.recommendation_prompts import MAX_HISTORY, comparison_prompt, situation
from recx.settings import ChatSettings
from recx.storage.text_store import TextStore

Preference = Callable[[Sequence[TextRecord], Sequence[str], Sequence[str]], np.ndarray]
"""Records, first and second texts about them -> the probability that the first is the better one."""
_WORDS = ("A", "B")


def prefer_by_words(judged: Sequence[Comparison]) -> Preference:
    """Learn a logistic regression on the difference of two texts' TF-IDF vectors; it knows neither person nor item.

    It has no intercept, so that its choice does not depend on the order.

    Raises:
        DataError: there are no comparisons.
    """
    if not judged:
        raise DataError("There are no comparisons to learn from.")
    vectors = word_vectors()
    vectors.fit([text for c in judged for text in (c.first, c.second)])
    gap = vectors.transform([c.first for c in judged]) - vectors.transform([c.second for c in judged])
    better = np.array([c.first_is_better for c in judged])
    # Each comparison in both orders, as all may name the same side.
    model = LogisticRegression(max_iter=1000, fit_intercept=False)
    model.fit(vstack([gap, -gap]), np.concatenate([better, ~better]))

    def prefer(records: Sequence[TextRecord], first: Sequence[str], second: Sequence[str]) -> np.ndarray:
        return model.predict_proba(vectors.transform(list(first)) - vectors.transform(list(second)))[:, 1]

    return prefer


def prefer_by_model(model: InstructedModel) -> Preference:
    """Ask a language model, best one tuned on `discriminator_rows`, with person and item before it."""

    def prefer(records: Sequence[TextRecord], first: Sequence[str], second: Sequence[str]) -> np.ndarray:
        rows = zip(map(situation, records), first, second, strict=True)
        return model.probability_of_first([comparison_prompt(*row) for row in rows], _WORDS)

    return prefer


def prefer_by_judge(settings: ChatSettings, store: TextStore | None = None) -> Preference:
    """Ask a chat model (`recx.evaluation.llm_judge`), which answers in both orders itself; NaN without an answer.

    Args:
        settings: settings of the chat endpoint.
        store: cache of replies.
    """

    def prefer(records: Sequence[TextRecord], first: Sequence[str], second: Sequence[str]) -> np.ndarray:
        (given,) = foreign_texts([replace(r, dataset="") for r in records])
        judge = LLMJudge(given.catalogue, settings, store, show_progress=True)
        asked = [explanations_to_rate(texts, given.pairs, MAX_HISTORY) for texts in (first, second)]
        return np.array([np.nan if c.winner is None else (1 + c.winner) / 2 for c in judge.compare(*asked)])

    return prefer


def discriminator_rows(judged: Sequence[Comparison]) -> list[tuple[str, str]]:
    """Questions with answers, A or B, to `tune` a discriminator on; every comparison in both orders."""
    rows = []
    for c in judged:
        told, right = situation(c.record), _WORDS if c.first_is_better else _WORDS[::-1]
        rows.append((comparison_prompt(told, c.first, c.second), right[0]))
        rows.append((comparison_prompt(told, c.second, c.first), right[1]))
    return rows


def in_both_orders(prefer: Preference) -> Preference:
    """The mean of what is said of a pair as it stands and with its texts swapped."""

    def mean(records: Sequence[TextRecord], first: Sequence[str], second: Sequence[str]) -> np.ndarray:
        return (prefer(records, first, second) + 1 - prefer(records, second, first)) / 2

    return mean


def accuracy(prefer: Preference, judged: Sequence[Comparison]) -> pd.DataFrame:
    """Accuracy of a discriminator on comparisons from which it has not learnt; see `accuracy_table`."""
    records = [c.record for c in judged]
    first, second = [c.first for c in judged], [c.second for c in judged]
    return accuracy_table(prefer(records, first, second), 1 - prefer(records, second, first), judged)


def accuracy_table(stands: np.ndarray, swapped: np.ndarray, judged: Sequence[Comparison]) -> pd.DataFrame:
    """Accuracy on comparisons, beside constant answers, with intervals over people; a tie counts one half.

    Args:
        stands: (C,) probability that the first text is better, asked as the pair stands.
        swapped: (C,) the same, asked with the texts swapped.
        judged: C comparisons.

    Returns:
        Columns `choice, value, low, high, n`.
    """
    better = np.array([c.first_is_better for c in judged])
    people = _numbers([c.record for c in judged])
    said = {
        "both orders averaged": (stands + swapped) / 2,
        "as the pair stands": stands,
        "with the texts swapped": swapped,
        "always the second": np.zeros(len(judged)),
        "always the first": np.ones(len(judged)),
    }
    rows = [{"choice": name} | asdict(bootstrap(_wins(p, better), people)) for name, p in said.items()]
    return pd.DataFrame(rows)


def preferences(
    prefer: Preference, recommended: Mapping[str, Sequence[TextRecord]], ours: Mapping[str, Sequence[str]]
) -> pd.DataFrame:
    """Compare our texts with all others about the same recommendation.

    Args:
        prefer: a discriminator.
        recommended: recommender -> records, with the texts to compare with by source.
        ours: recommender -> texts about its records; a prefix of them is enough, and empty ones are not compared.

    Returns:
        One row per comparison: `recommender, dataset, user, against, preference`.
    """
    asked = [
        (name, record, text, source, other)
        for name, own in ours.items()
        for record, text in zip(recommended[name], own, strict=False)
        for source, other in record.texts.items()
        if text.strip() and other.strip()
    ]
    records, first, second = ([row[n] for row in asked] for n in (1, 2, 4))
    preferred = prefer(records, first, second) if asked else np.zeros(0)
    return pd.DataFrame(
        {
            "recommender": [row[0] for row in asked],
            "dataset": [r.dataset for r in records],
            "user": [r.user for r in records],
            "against": [row[3] for row in asked],
            "preference": preferred,
        }
    )


def compared_by_amount(
    judges: Mapping[str, Preference],
    recommended: Mapping[str, Sequence[TextRecord]],
    texts: Mapping[int, Mapping[str, Sequence[str]]],
) -> pd.DataFrame:
    """`preferences` of several discriminators, in both orders, about the texts of several models.

    Args:
        judges: name -> discriminator.
        recommended: recommender -> records with the texts to compare with.
        texts: number of instructions -> recommender -> texts.

    Returns:
        The columns of `preferences` and `judge, amount`.
    """
    return pd.concat(
        [
            preferences(in_both_orders(prefer), recommended, own).assign(judge=judge, amount=amount)
            for judge, prefer in judges.items()
            for amount, own in texts.items()
        ],
        ignore_index=True,
    )


def win_ratios(compared: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """How often our text wins, with intervals over people; a tie counts one half.

    Args:
        compared: what `preferences` gives.
        by: columns that make a group, e.g. `["recommender", "against"]`.

    Returns:
        The columns `by` and `value, low, high, n`.
    """
    rows = []
    for key, own in compared.groupby(list(by), sort=False):
        won = bootstrap(_wins(own["preference"].to_numpy(), True), pd.factorize(own["user"])[0])
        rows.append(dict(zip(by, key, strict=True)) | asdict(won))
    return pd.DataFrame(rows, columns=[*by, "value", "low", "high", "n"])


def _wins(preference: np.ndarray, better: np.ndarray | bool) -> np.ndarray:
    """1 where the better text is preferred, one half for a tie."""
    gap = np.sign(np.round(preference - 0.5, 6))
    return (1 + np.where(better, gap, -gap)) / 2


def _numbers(records: Sequence[TextRecord]) -> np.ndarray:
    return pd.factorize(pd.Series([r.user for r in records]))[0]
