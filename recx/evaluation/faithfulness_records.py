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
from recx.evaluation.faithfulness_curves import CURVE_METHODS, CURVES, LOWER, measure_curves
from recx.evaluation.faithfulness_report import phi_by_method
from recx.evaluation.faithfulness_sets import measure_sets
from recx.evaluation.faithfulness_simulation import Edits, Said, las_estimate, said_in, shuffled, simulate
from recx.evaluation.faithfulness_values import value_records
from recx.evaluation.metric_records import label_of
from recx.evaluation.pair_effects import PairEffects, decision_changes
from recx.evaluation.round_trip import round_trip
from recx.evaluation.summary_tables import labelled
from recx.evaluation.test_set import Pairs
from recx.evaluation.verdict_records import Columns, Records, estimate_record, verdict_records
from recx.explaining.explainer import Explainer
from recx.explaining.measured import measure_evidence
from recx.explaining.records import Explanation, numbers_checked
from recx.prompts.evidence import tell

LOWER_IS_BETTER = LOWER | {"repeated_cause", "contradicts_evidence", "ece", "brier"}

# The further questions of notebook 11 in their order, each with the metrics that answer it.
QUESTIONS = (
    ("flip_named", "flip_named_gain"),
    ("simulatability_gain", "las", "simulatability_shuffled"),
    ("said_order", "strength_order", "repeated_cause", "numbers_as_measured", "contradicts_evidence"),
    ("self_consistency",),
    ("ece", "brier"),
)


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


def verdict_table(records: Sequence[dict[str, Any]]) -> pd.DataFrame:
    """Records as a table: a row for each method, a column for each metric and verdict.

    The number of users follows in brackets where it is smaller than another method's in the same column; a metric that
    could not be measured is a dash.
    """
    frame = labelled(records)
    if frame.empty:
        return frame
    fewer = frame["n"] < frame.groupby(["metric", "verdict"])["n"].transform("max")
    shown = [
        "-" if value != value else f"{value:.2f}" + (f" ({n})" if less else "")
        for value, n, less in zip(frame["value"], frame["n"], fewer, strict=True)
    ]
    table = frame.assign(shown=shown).pivot_table(
        index="label", columns=["metric", "verdict"], values="shown", aggfunc="first", sort=False
    )
    return table.fillna("").rename_axis(index="method")


def question_tables(records: Sequence[dict[str, Any]]) -> list[pd.DataFrame]:
    """`verdict_table` of the records that answer each of `QUESTIONS`; none for a question without records."""
    by_question = [[r for r in records if r["metric"] in metrics] for metrics in QUESTIONS]
    return [verdict_table(own) for own in by_question if own]


def caption(records: Sequence[Mapping[str, Any]], baselines: Sequence[str], left_out: Sequence[str] = ()) -> str:
    """What a table must not hide: where a baseline is at least as good as the best of the others, one per line.

    A method of whose texts fewer than half have a value (of the most that any has) is nobody's best.

    Args:
        records: of baselines and others. Where a metric has records for both verdicts together, those count alone.
        baselines: labels of those that use no language model.
        left_out: labels that are neither, e.g. the truth.
    """
    together = {r["metric"] for r in records if r["verdict"] == "both"}
    most: dict[tuple[str, str], int] = {}
    for r in records:
        most[r["metric"], r["verdict"]] = max(most.get((r["metric"], r["verdict"]), 0), r["n"])
    records = [r for r in records if 2 * r["n"] >= most[r["metric"], r["verdict"]]]
    rows: dict[str, dict[str, float]] = {}
    for r in records:
        label = label_of(dict(r))
        if r["value"] == r["value"] and label not in left_out and (r["verdict"] == "both") == (r["metric"] in together):
            name = r["metric"] if r["verdict"] == "both" else f"{r['metric']} ({r['verdict']})"
            rows.setdefault(name, {})[label] = -r["value"] if r["metric"] in LOWER_IS_BETTER else r["value"]
    ahead = []
    for name, values in rows.items():
        baseline, others = ({k: v for k, v in values.items() if (k in baselines) == own} for own in (True, False))
        if baseline and others and max(baseline.values()) >= max(others.values()):
            first, best = max(baseline, key=baseline.__getitem__), max(others, key=others.__getitem__)
            sign = -1 if name.split(" (")[0] in LOWER_IS_BETTER else 1
            ahead.append(f"{name}: {first} {sign * baseline[first]:.2f} (best other: {best} {sign * others[best]:.2f})")
    if not ahead:
        return "By none of these metrics is a baseline as good as the best of the other methods."
    return "\n  ".join(["By these metrics, a baseline is at least as good as all other methods:", *ahead])
