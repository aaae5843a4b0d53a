"""What is said in texts, as records: foreseeing edits, certified flips, order, repetition, consistency, calibration."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from recx.attribution.decisive_sets import DecisiveSets
from recx.data.catalogue import Catalogue
from recx.evaluation.bootstrap import Estimate
from recx.evaluation.certification import fit_metrics
from recx.evaluation.explanation_checks import contradicts_evidence, numbers_as_measured
from recx.evaluation.faithfulness import cited_places
from recx.evaluation.faithfulness_calibration import calibration, said_orders, strength_order
from recx.evaluation.faithfulness_consistency import chance_consistency, repeated_causes, self_consistency
from recx.evaluation.faithfulness_curves import CURVE_METHODS, CURVES, measure_curves
from recx.evaluation.faithfulness_report import phi_by_method
from recx.evaluation.faithfulness_sets import measure_sets
from recx.evaluation.faithfulness_simulation import Edits, Said, las_estimate, said_in, shuffled, simulate
from recx.evaluation.faithfulness_values import value_records
from recx.evaluation.pair_effects import PairEffects, decision_changes
from recx.evaluation.round_trip import round_trip
from recx.evaluation.test_set import Pairs
from recx.evaluation.verdict_records import Columns, Records, estimate_record, verdict_records
from recx.explaining.explainer import Explainer
from recx.explaining.measured import measure_evidence
from recx.explaining.records import Explanation, numbers_checked
from recx.prompts.evidence import tell


def curve_records(
    effects: Sequence[PairEffects], attributions: Mapping[str, Sequence[np.ndarray]], pairs: Pairs
) -> Records:
    """Records of the masking curves of those attribution methods of `CURVE_METHODS` that are there."""
    return [
        record
        for name in CURVE_METHODS
        if name in attributions
        for record in verdict_records({"method": name}, measure_curves(effects, attributions[name]), pairs, CURVES)
    ]


def citation_records(
    measured: Mapping[str, Mapping[str, np.ndarray]], columns: Mapping[str, Columns], pairs: Pairs
) -> Records:
    """Records of all that was measured of citations: method -> metric -> (P,)."""
    return [r for name, own in measured.items() for r in verdict_records(columns[name], own, pairs, list(own))]


def foreseen_records(
    explained: Mapping[str, Sequence[Explanation]],
    cited: Mapping[str, Sequence[Sequence[int]]],
    columns: Mapping[str, Columns],
    effects: Sequence[PairEffects],
    pairs: Pairs,
    sets: Sequence[DecisiveSets | None],
    edits: Edits,
) -> Records:
    """`text_records` of every method's texts, and `said_records` of those that cite without a text.

    Texts that were told evidence, measured or predicted, have records of `contradicts_evidence`, too: whether they
    contradict what was measured.

    Args:
        explained: method -> P explanations.
        cited: method -> places that it cites for each of P pairs.
        columns: method -> `method`, `mode` and `control` of its records.
        effects: of the pairs.
        pairs: P pairs.
        sets: the decisive sets of each.
        edits: of their histories.
    """
    about = (effects, pairs, sets, edits)
    records = [r for name, texts in explained.items() for r in text_records(columns[name], texts, *about)]
    evidence = [measure_evidence(e.value, e.whole, e.item) for e in effects]
    for name, texts in explained.items():
        if name == "template" or columns[name].get("control", "").startswith(("told", "predicted")):
            # Numbers of texts that were told predictions have so far been checked against these.
            checked = [numbers_checked(text, tell(own)) for text, own in zip(texts, evidence, strict=True)]
            wrong = {"contradicts_evidence": contradicts_evidence(checked, evidence)}
            records += verdict_records(columns[name], wrong, pairs, list(wrong))
    return records + [
        r for name, own in cited.items() for r in said_records(columns[name], [Said(places) for places in own], *about)
    ]


def said_records(
    columns: Columns,
    said: Sequence[Said | None],
    effects: Sequence[PairEffects],
    pairs: Pairs,
    sets: Sequence[DecisiveSets | None],
    edits: Edits,
) -> Records:
    """Records of `flip_named`, `flip_named_gain`, `said_order`, `simulatability_gain` and `las` of one method.

    Args:
        columns: `method`, `mode` and `control` of the records.
        said: what it says about each of P pairs.
        effects: of the pairs.
        pairs: P pairs.
        sets: the decisive sets of each.
        edits: of their histories.
    """
    cited = [list(own.causes) if own else [] for own in said]
    measured = measure_sets(effects, cited, sets) | said_orders(effects, said)
    records = verdict_records(columns, measured, pairs, list(measured))
    simulated = simulate(edits, said)
    records += verdict_records(columns, simulated, edits, ["simulatability_gain"])
    verdicts = {"liked": edits.liked == 1, "disliked": edits.liked == 0, "both": np.ones(len(edits), dtype=bool)}
    return records + [
        estimate_record(columns, "las", las_estimate(simulated, edits.users, chosen), verdict)
        for verdict, chosen in verdicts.items()
    ]


def text_records(
    columns: Columns,
    texts: Sequence[Explanation],
    effects: Sequence[PairEffects],
    pairs: Pairs,
    sets: Sequence[DecisiveSets | None],
    edits: Edits,
) -> Records:
    """`said_records` of one method's texts, with what only texts have.

    `simulatability_shuffled`: the gain from the text of another pair; `repeated_cause`; `strength_order`, for each
    verdict alone, as the verdict itself would be a correlation; `numbers_as_measured` of texts that state measured
    numbers (those of texts that were told predictions have been checked against these).
    """
    said = [said_in(one, text) for one, text in zip(effects, texts, strict=True)]
    records = said_records(columns, said, effects, pairs, sets, edits)
    other = simulate(edits, shuffled(effects, texts))["simulatability_gain"]
    records += verdict_records(columns, {"simulatability_shuffled": other}, edits, ["simulatability_shuffled"])
    records += verdict_records(columns, repeated_causes(texts), pairs, ["repeated_cause"])
    numbers = numbers_as_measured(texts)
    if not np.isnan(numbers).all() and not columns.get("control", "").startswith("predicted"):
        records += verdict_records(columns, {"numbers_as_measured": numbers}, pairs, ["numbers_as_measured"])
    return records + [
        estimate_record(columns, "strength_order", strength_order(texts, effects, pairs.users, liked), verdict)
        for verdict, liked in (("liked", True), ("disliked", False))
    ]


def consistency_records(
    columns: Columns,
    first: Sequence[Explanation],
    second: Sequence[Explanation],
    effects: Sequence[PairEffects],
    pairs: Pairs,
) -> Records:
    """Records of `self_consistency`, and of the chance of it as the control "random titles".

    Args:
        columns: `method`, `mode` and `control` of the records.
        first: explanations of P pairs.
        second: others of the first Q of them.
        effects: of the P pairs.
        pairs: P pairs.
    """
    count = len(second)
    own = Pairs(pairs.histories[:count], pairs.items[:count], pairs.liked[:count], pairs.users[:count])
    cited = [
        [cited_places(e, t) for e, t in zip(effects[:count], texts[:count], strict=True)] for texts in (first, second)
    ]
    chance = chance_consistency(*cited, [len(e.players) for e in effects[:count]])
    records = verdict_records(columns, {"self_consistency": self_consistency(*cited)}, own, ["self_consistency"])
    control = {**columns, "control": ", ".join(filter(None, [columns.get("control"), "random titles"]))}
    return records + verdict_records(control, {"self_consistency": chance}, own, ["self_consistency"])


def calibration_records(explainers: Mapping[str, Explainer], columns: Mapping[str, Columns], pairs: Pairs) -> Records:
    """Records of `ece` and `brier` of each model's P("Yes"), and of a constant one at the share of yes.

    For both verdicts together: of one alone there is nothing to be calibrated to.

    Args:
        explainers: who answers task 3, by name.
        columns: name -> `method` and `mode` of its records.
        pairs: P pairs.
    """
    said = {"constant": np.full(len(pairs), pairs.liked.mean())}
    for name, explainer in explainers.items():
        answers = explainer.predict(pairs.histories, pairs.items.tolist())
        said[name] = np.array([np.nan if a.like is None else a.probability for a in answers])
    return [
        estimate_record(columns.get(name, {"method": name}), metric, estimate, "both")
        for name, own in said.items()
        for metric, estimate in calibration(own, pairs.liked, pairs.users).items()
    ]


def cause_records(
    correlations: Mapping[str, Estimate],
    trips: Mapping[str, Mapping[str, np.ndarray]],
    columns: Mapping[str, Columns],
    pairs: Pairs,
) -> Records:
    """Records of `phi_cct` and of the round trip, for both verdicts together.

    Args:
        correlations: method -> estimate of `phi_estimate`.
        trips: method -> metric -> (P,), as `round_trip` gives them.
        columns: method -> `method`, `mode` and `control`; a method that is not among them has its own name only.
        pairs: P pairs.
    """
    own = {name: columns.get(name, {"method": name, "mode": ""}) for name in {**correlations, **trips}}
    records = [estimate_record(own[name], "phi_cct", e, "both") for name, e in correlations.items()]
    for name, measured in trips.items():
        records += [r for r in verdict_records(own[name], measured, pairs, list(measured)) if r["verdict"] == "both"]
    return records


def cause_and_trip_records(
    effects: Sequence[PairEffects],
    explained: Mapping[str, Sequence[Explanation]],
    columns: Mapping[str, Columns],
    pairs: Pairs,
    catalogue: Catalogue,
) -> Records:
    """Records of `phi_cct`, of the values named and of the round trip of every method's texts.

    The round trip has those of the histories' titles alone, too.

    Args:
        effects: of P pairs.
        explained: method -> P explanations.
        columns: method -> `method`, `mode` and `control` of its records.
        pairs: P pairs.
        catalogue: titles.
    """
    target, length = effects[0].value.target, effects[0].value.length
    changed = [decision_changes(one) for one in effects]
    written = {name: [text.text for text in texts] for name, texts in explained.items()}
    written["titles of the history"] = ["; ".join(catalogue.labels[i] for i in one.history) for one in effects]
    correlations = phi_by_method(effects, explained, changed, pairs.users)
    records = cause_records(correlations, round_trip(written, target, pairs, length), columns, pairs)
    return records + value_records(effects, explained, columns, pairs, catalogue)


def usable(records: Sequence[dict[str, Any]], certified: pd.DataFrame) -> Records:
    """Records without those of metrics that were found unfit for this data set.

    What is made from the simulated gain goes with it. `self_consistency` stays: it says how steady texts are, and is no
    metric of faithfulness (who always names the latest titles is as steady).

    Args:
        records: of any metrics; those that are not certified stay.
        certified: what `certification.certify` found.
    """
    unfit = set(certified["metric"]) - set(fit_metrics(certified)) - {"self_consistency"}
    if "simulatability_gain" in unfit:
        unfit |= {"las", "simulatability_shuffled"}
    return [r for r in records if r["metric"] not in unfit]
