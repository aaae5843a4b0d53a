"""Every check of the kit that needs no target, for explanations by anyone."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from recx.errors import DataError
from recx.evaluation.bootstrap import Estimate, bootstrap, interval_text
from recx.evaluation.discrimination import discriminate_views
from recx.evaluation.explanation_checks import cited_in_history, stated_attributes_true
from recx.evaluation.foreign_texts import ForeignTexts
from recx.evaluation.judges import Rating, explanations_to_rate, scores
from recx.evaluation.llmxrec import attribute_accuracy, predicted_attribute, win_rates
from recx.evaluation.reference_judge import ReferenceJudge
from recx.evaluation.reference_table import scores_of
from recx.evaluation.related_work import reference_texts
from recx.evaluation.xrec import unique_ratio, users_with_text
from recx.settings import EvaluateSettings
from recx.storage.text_store import TextStore

NOT_MEASURED = (
    "Not measured: whether the decisions agree with the recommender's, and whether the texts name what moved it "
    "(faithfulness, simulatability). Both need the recommender itself."
)
TITLES, FACTS = "baseline: titles", "baseline: facts"
FEWEST_USERS = 20  # of whom a classifier is trained and tested
_CITED = 3  # titles in a text of the first baseline
_GRAM = 4  # words of a sequence that may be repeated
_Result = TypeVar("_Result")

MEANINGS = {
    "texts": "records with a text of this source",
    "words": "words per text",
    "repeated": f"share of a text's sequences of {_GRAM} words that have occurred earlier in the text",
    "unique_ratio": "share of distinct texts (XRec)",
    "cited": "titles cited per text, apart from that of the item itself",
    "cited_in_history": "share of a text's cited titles that are in the history",
    "stated": "attribute values stated per text",
    "stated_attributes_true": "share of a text's stated values that are true",
    "rating": "mean rating by the reference judge, from 1 to 3; the decision is not judged",
    "cites": "share of texts that cite at least one title, and none from outside the history",
    "facts": "share of texts that state at least one value, and none that is false",
    "taste": "share of texts that state a value which at least two items of the history share (any value if none do)",
    "consistent": "share of texts that state a value of the history which the item shares",
    "mean_win_rate": "how often a discriminator trained on the ratings prefers the source's texts to others' (LLMXRec)",
    "discriminator_accuracy": "accuracy of that discriminator where the judge rated two texts differently",
    "attribute_accuracy": "accuracy of predicting an item's attribute from the text, interval over items (LLMXRec)",
    "attribute_most_common": "the accuracy of always saying the most common value",
    "bert_precision": "BERTScore against the reference: how much of the text is also in the reference",
    "bert_recall": "the same: how much of the reference is also in the text",
    "bert_f1": "the harmonic mean of both",
    "word_overlap": "F1 of the words shared with the reference (ROUGE-1)",
    "gpt_score": "how much of the reference's meaning the text has, 0 to 100, by a chat model (XRec's GPTScore)",
}


@dataclass(frozen=True)
class JudgedTexts:
    """What was measured on the texts of one data set.

    Attributes:
        dataset: its name.
        records: number of pairs.
        users: number of users, over whom the intervals are.
        items: number of items that the records name.
        measures: `method, metric, value, low, high, n`, with a key of `MEANINGS` as metric and intervals over users
            (over items for `attribute_accuracy` and `attribute_most_common`). Two methods are baselines, made by rule:
            `TITLES` lists titles of the history, `FACTS` states true values.
        wins: `method, against, rate`; empty where no discriminator could be trained.
        sources: accuracy of telling sources apart by the whole text and without words of a verdict, one row per view.
        confusion: of the same, `true, predicted, count, share, view`.
        remarks: what was left out, and why.
    """

    dataset: str
    records: int
    users: int
    items: int
    measures: pd.DataFrame
    wins: pd.DataFrame
    sources: pd.DataFrame
    confusion: pd.DataFrame
    remarks: tuple[str, ...]


def judge_texts(
    given: ForeignTexts,
    settings: EvaluateSettings | None = None,
    show_progress: bool = False,
    store: TextStore | None = None,
) -> JudgedTexts:
    """Check, rate and compare the texts of one data set.

    Args:
        given: the texts and the pairs they are about.
        settings: discriminator, encoder (also of BERTScore), seed, and the `judge` that gives GPTScores, if any.
        show_progress: whether to print what is being done, and the chat model's estimated cost before it is asked.
        store: cache of the chat model's replies.

    Raises:
        ChatError: the chat endpoint cannot be used.
        DataError: a source has the name of a baseline.
    """
    settings, remarks = settings or EvaluateSettings(), []
    if taken := sorted({TITLES, FACTS} & set(given.texts)):
        raise DataError(
            f"{given.dataset or 'texts'}: the source {taken[0]!r} has the name of a baseline of the kit. Rename it."
        )
    pairs, users = given.pairs, given.pairs.users
    judge = ReferenceJudge(given.catalogue, decisions=False)
    measures: dict[str, dict[str, Estimate]] = {}
    rated: dict[str, np.ndarray] = {}
    longest = max(map(len, pairs.histories))
    written = {**given.texts, **baselines(given, settings.seed)}
    near = _beside_references(given, written, settings, remarks, store, show_progress)
    for method, texts in written.items():
        if show_progress:
            print(f"{given.dataset or 'texts'}: reading {method} ...", flush=True)
        known = np.array([bool(t.strip()) for t in texts])
        read = [judge.parser.parse(t, h, int(i)) for t, h, i in zip(texts, pairs.histories, pairs.items, strict=True)]
        questions = explanations_to_rate(texts, pairs, longest)
        ratings = [
            judge.rate_reading(r, q) if q.has_text else Rating(None) for r, q in zip(read, questions, strict=True)
        ]
        rated[method] = scores(ratings)
        values = {
            "words": [len(t.split()) for t in texts],
            "repeated": [repeated(t) for t in texts],
            "cited": [len(r.citations) for r in read],
            "cited_in_history": cited_in_history(read),
            "stated": [len(r.statements) for r in read],
            "stated_attributes_true": stated_attributes_true(read),
            "rating": rated[method],
        } | near.get(method, {})
        for point in next((r.points for r in ratings if r.points), {}):
            values[point] = [float(r.points.get(point, False)) for r in ratings]
        measures[method] = {"texts": _count(known.sum())} | {
            name: bootstrap(np.where(known, own, np.nan), users, seed=settings.seed) for name, own in values.items()
        }
        measures[method]["unique_ratio"] = Estimate(unique_ratio(texts), np.nan, np.nan, users_with_text(texts, users))
    wins, sources, confusion = _compared(given, rated, measures, settings, remarks)
    order = {name: n for n, name in enumerate(MEANINGS)}
    rows = [
        {"method": method, "metric": name} | asdict(own[name])
        for method, own in measures.items()
        for name in sorted(own, key=order.__getitem__)
    ]
    return JudgedTexts(
        given.dataset,
        len(pairs),
        len(set(users.tolist())),
        len(given.catalogue),
        pd.DataFrame(rows),
        wins,
        sources,
        confusion,
        tuple(remarks),
    )


def _beside_references(
    given: ForeignTexts,
    texts: Mapping[str, Sequence[str]],
    settings: EvaluateSettings,
    remarks: list[str],
    store: TextStore | None,
    show_progress: bool,
) -> dict[str, dict[str, np.ndarray]]:
    """Method -> metric -> (P,) nearness to the references; empty if there are none."""
    if not any(map(str.strip, given.references)):
        if settings.judge.address:
            remarks.append('GPTScore was left out: no record has a "reference" to compare the texts with.')
        return {}
    if settings.judge.address:
        remarks.append(
            f"GPTScores are given by {settings.judge.model}, which reads each text together with its reference."
        )
    return scores_of(texts, given.references, settings.encoder, settings.judge, store, show_progress)


def baselines(given: ForeignTexts, seed: int = 0) -> dict[str, list[str]]:
    """Write texts by rule: the latest titles of the history; and, with attributes, true values that support a yes."""
    labels, pairs = given.catalogue.labels, given.pairs
    others = [h[h != i] if (h != i).any() else h for h, i in zip(pairs.histories, pairs.items, strict=True)]
    latest = [list(dict.fromkeys(h[::-1].tolist()))[:_CITED] for h in others]
    texts = {TITLES: ["Because of " + ", ".join(f'"{labels[i]}"' for i in own) + "." for own in latest]}
    if given.catalogue.attributes:
        texts[FACTS] = reference_texts(replace(pairs, histories=others), given.catalogue, max(map(len, others)), seed)
    return texts


def repeated(text: str) -> float:
    """Share of a text's sequences of four words that occur in it before; 0 for a shorter text."""
    words = re.findall(r"\w+", text.casefold())
    grams = [tuple(words[n : n + _GRAM]) for n in range(len(words) - _GRAM + 1)]
    return 1 - len(set(grams)) / len(grams) if grams else 0.0


def _compared(
    given: ForeignTexts,
    rated: Mapping[str, np.ndarray],
    measures: dict[str, dict[str, Estimate]],
    settings: EvaluateSettings,
    remarks: list[str],
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Compare the sources by trained classifiers, and add to the measures."""
    texts, users = given.texts, given.pairs.users
    wins = sources = confusion = pd.DataFrame()
    if len(set(users.tolist())) < FEWEST_USERS:
        remarks.append(f"Classifiers were left out: they need the texts of at least {FEWEST_USERS} users.")
        return wins, sources, confusion
    attribute = predicted_attribute(given.catalogue)
    for method, own in texts.items() if attribute else ():
        found = _tried(
            remarks,
            f"Predicting {attribute} from {method}",
            lambda own=own: attribute_accuracy(own, given.pairs, given.catalogue, str(attribute), settings.seed),
        )
        if found:
            measures[method] |= dict(zip(("attribute_accuracy", "attribute_most_common"), found, strict=True))
    if len(texts) < 2:
        remarks.append("Win rates and the classification of sources were left out: there is only one source.")
        return wins, sources, confusion
    won = _tried(remarks, "Win rates", lambda: win_rates(texts, {m: rated[m] for m in texts}, users, settings.seed))
    if won:
        wins = won.frame
        for method in texts:
            measures[method] |= {"mean_win_rate": won.means[method], "discriminator_accuracy": won.accuracy}
    told = _tried(remarks, "Telling sources apart", lambda: discriminate_views(texts, users.tolist(), settings))
    if told:
        sources, confusion = told.table.reset_index(), told.frame
    return wins, sources, confusion


def _tried(remarks: list[str], what: str, measure: Callable[[], _Result]) -> _Result | None:
    """A measure, or None and a remark where the texts do not allow it (too few, all alike, no words)."""
    try:
        return measure()
    except (DataError, ValueError) as error:
        remarks.append(f"{what} could not be measured: {error}")
        return None


def _count(number: Any) -> Estimate:
    return Estimate(float(number), np.nan, np.nan, int(number))


def wide(measures: pd.DataFrame) -> pd.DataFrame:
    """Arrange measures as they are read: one row per metric, one column per method, "value [low, high]"."""
    cells = measures.assign(cell=[shown(r.value, r.low, r.high) for r in measures.itertuples()])
    table = cells.pivot(index="metric", columns="method", values="cell")
    rows = [name for name in MEANINGS if name in table.index]
    return table.loc[rows, list(dict.fromkeys(measures["method"]))].fillna("-")


def shown(value: float, low: float, high: float) -> str:
    """A value with its interval, if it has one; a dash where it could not be measured."""
    if np.isnan(value):
        return "-"
    digits = 0 if value >= 100 else 1 if value >= 10 else 3
    return f"{value:,.{digits}f}{interval_text(low, high, digits)}"
