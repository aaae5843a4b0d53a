"""What related work measures on the same explanations, in one table."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from recx.data.catalogue import Catalogue
from recx.errors import DataError
from recx.evaluation.alignment_effect import Pairs
from recx.evaluation.bootstrap import bootstrap
from recx.evaluation.judges import Question, scores
from recx.evaluation.llmxrec import attribute_accuracy, win_rates
from recx.evaluation.reference_judge import ReferenceJudge
from recx.evaluation.xrec import bert_score, unique_ratio
from recx.prompts.controls import Control
from recx.prompts.templates import argue, columns_by_strength
from recx.prompts.training_tasks import as_text
from recx.prompts.wordings import MODES
from recx.settings import EvaluateSettings


def related_measures(
    texts: Mapping[str, Sequence[str]], pairs: Pairs, catalogue: Catalogue, longest: int, settings: EvaluateSettings
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """LLMXRec's and XRec's measures for every method.

    Args:
        texts: method -> explanations of the pairs.
        pairs: persons and items.
        catalogue: attributes; without any no attribute is predicted.
        longest: how much of a history the judge is shown.
        settings: encoder for BERTScore (left out without one) and seed.

    Returns:
        Win rates `method, against, rate` (empty where nothing could be learnt), and a row a method with
        `mean_win_rate, discriminator_accuracy, attribute_accuracy, attribute_most_common, unique_ratio, bert_score`.
    """
    table: dict[str, dict[str, float]] = {method: {} for method in texts}
    frame = pd.DataFrame(columns=["method", "against", "rate"])
    judge = ReferenceJudge(catalogue)
    rated = {m: scores(judge.rate(_questions(given, pairs, longest))) for m, given in texts.items()}
    try:
        wins = win_rates(texts, rated, pairs.users, settings.seed)
    except DataError as error:
        print(f"No win rates: {error}")
    else:
        frame = wins.rates.rename_axis("method").reset_index().melt("method", var_name="against", value_name="rate")
        for method in texts:
            others = wins.rates.loc[method].drop(method)
            table[method] |= {"mean_win_rate": others.mean(), "discriminator_accuracy": wins.accuracy.value}
    attribute = next((c for c in columns_by_strength(list(catalogue.attributes)) if c != "series"), None)
    references = reference_texts(pairs, catalogue, longest, settings.seed) if settings.encoder else []
    for method, given in texts.items():
        if attribute:
            try:
                found, most_common = attribute_accuracy(given, pairs.items, catalogue, attribute, settings.seed)
                told = {"attribute_accuracy": found.value, "attribute_most_common": most_common.value}
                table[method] |= told
            except DataError as error:
                print(f"No prediction of {attribute}: {error}")
        table[method]["unique_ratio"] = unique_ratio(given)
        if settings.encoder:
            table[method]["bert_score"] = bootstrap(bert_score(given, references, settings.encoder)).value
    return frame, pd.DataFrame.from_dict(table, orient="index").rename_axis("method")


def reference_texts(pairs: Pairs, catalogue: Catalogue, longest: int, seed: int = 0) -> list[str]:
    """A text for each pair, written by rule from the target's decision and true facts that support it."""
    rng = np.random.default_rng(seed)
    rows = zip(pairs.histories, pairs.items, pairs.liked, strict=True)
    return [
        as_text(argue(rng, catalogue, h[-longest:].tolist(), int(i), bool(liked), Control()), catalogue)
        for h, i, liked in rows
    ]


def as_records(score_table: pd.DataFrame, related: pd.DataFrame) -> list[dict[str, Any]]:
    """Score prediction and related measures as records; the view of a text is part of the metric's name."""
    records = []
    for r in score_table.to_dict("records"):
        told = {k: None if pd.isna(r[k]) else r[k] for k in ("value", "low", "high")} | {"n": int(r["n"])}
        records.append(_named(r["method"]) | {"metric": f"score_{r['metric']} ({r['view']})"} | told)
    for method, row in related.iterrows():
        records += [_named(str(method)) | {"metric": name, "value": float(v)} for name, v in row.items()]
    return records


def _named(method: str) -> dict[str, str]:
    aligned = method in MODES
    return {"mode": method, "method": "aligned"} if aligned else {"mode": "", "method": method}


def _questions(texts: Sequence[str], pairs: Pairs, longest: int) -> list[Question]:
    rows = zip(pairs.histories, pairs.items, pairs.liked, texts, strict=True)
    return [Question(tuple(map(int, h[-longest:])), int(i), bool(liked), text) for h, i, liked, text in rows]
