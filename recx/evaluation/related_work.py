"""The metrics of related work (LLMXRec and XRec) on the same explanations, in one table."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from recx.data.catalogue import Catalogue
from recx.errors import DataError
from recx.evaluation.bootstrap import Estimate, bootstrap
from recx.evaluation.judges import explanations_to_rate, scores
from recx.evaluation.llmxrec import attribute_accuracy, predicted_attribute, win_rates
from recx.evaluation.methods import Method
from recx.evaluation.reference_judge import ReferenceJudge
from recx.evaluation.test_set import Pairs
from recx.evaluation.xrec import bert_score, unique_ratio, users_with_text
from recx.prompts.controls import Control
from recx.prompts.pieces import as_text
from recx.prompts.templates import templated_explanation
from recx.settings import EvaluateSettings


def related_measures(
    texts: Mapping[str, Sequence[str]], pairs: Pairs, catalogue: Catalogue, max_history: int, settings: EvaluateSettings
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Compute the metrics of LLMXRec and XRec for every method.

    Args:
        texts: method -> explanations of the pairs.
        pairs: users and items.
        catalogue: the items; attribute prediction is skipped if they have no attributes.
        max_history: how many of the latest items the judge is shown.
        settings: encoder for BERTScore (skipped without one) and seed.

    Returns:
        Win rates `method, against, rate` (empty if no discriminator could be trained), and a frame `method, metric,
        value, low, high, n` with intervals over users, but over items for the two `attribute` metrics; the metrics are
        `mean_win_rate`, `discriminator_accuracy`, `attribute_accuracy`, `attribute_most_common`, `unique_ratio`
        (without interval) and `bert_score`.
    """
    measures: dict[str, dict[str, Estimate]] = {method: {} for method in texts}
    frame = pd.DataFrame(columns=["method", "against", "rate"])
    judge = ReferenceJudge(catalogue)
    rated = {m: scores(judge.rate(explanations_to_rate(own, pairs, max_history))) for m, own in texts.items()}
    try:
        wins = win_rates(texts, rated, pairs.users, settings.seed)
    except DataError as error:
        print(f"Win rates were skipped: {error}")
    else:
        frame = wins.frame
        for method in texts:
            measures[method] |= {"mean_win_rate": wins.means[method], "discriminator_accuracy": wins.accuracy}
    attribute = predicted_attribute(catalogue)
    references = reference_texts(pairs, catalogue, max_history, settings.seed) if settings.encoder else []
    for method, own in texts.items():
        if attribute:
            try:
                accuracy, most_common = attribute_accuracy(own, pairs, catalogue, attribute, settings.seed)
                measures[method] |= {"attribute_accuracy": accuracy, "attribute_most_common": most_common}
            except DataError as error:
                print(f"Predicting {attribute} was skipped: {error}")
        measures[method]["unique_ratio"] = Estimate(
            unique_ratio(own), np.nan, np.nan, users_with_text(own, pairs.users)
        )
        if settings.encoder:
            f1 = bert_score(own, references, settings.encoder)[:, 2]
            measures[method]["bert_score"] = bootstrap(f1, pairs.users, seed=settings.seed)
    rows = [{"method": m, "metric": name} | asdict(e) for m, own in measures.items() for name, e in own.items()]
    return frame, pd.DataFrame(rows)


def reference_texts(pairs: Pairs, catalogue: Catalogue, max_history: int, seed: int = 0) -> list[str]:
    """Generate a reference text per pair by rule from the target's decision and true facts that support it."""
    rng = np.random.default_rng(seed)
    explanations = [
        templated_explanation(rng, catalogue, history[-max_history:].tolist(), int(item), bool(liked), Control())
        for history, item, liked in zip(pairs.histories, pairs.items, pairs.liked, strict=True)
    ]
    return [as_text(pieces, catalogue) for pieces in explanations]


def as_records(score_table: pd.DataFrame, related: pd.DataFrame, methods: Mapping[str, Method]) -> list[dict[str, Any]]:
    """Convert score prediction and related metrics to records; a metric's name includes the view of the text."""
    predicted = score_table.assign(metric=[f"score_{r.metric} ({r.view})" for r in score_table.itertuples()])
    rows = pd.concat([predicted, related], ignore_index=True)[["method", "metric", "value", "low", "high", "n"]]
    return [row | methods[row["method"]].columns for row in rows.to_dict("records")]
