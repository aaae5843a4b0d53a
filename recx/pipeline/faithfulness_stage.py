"""What notebook 11 measures: pairs explained by everybody, what their titles do to the target, and five questions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from recx.attribution.decisive_sets import DecisiveSets
from recx.attribution.removal import ValueFunction, value_function
from recx.evaluation import faithfulness_records
from recx.evaluation.faithfulness_consistency import explained_again
from recx.evaluation.faithfulness_methods import explain_with_template, with_told
from recx.evaluation.faithfulness_sets import sets_of
from recx.evaluation.faithfulness_simulation import Edits, draw_edits
from recx.evaluation.methods import Method, all_methods
from recx.evaluation.pair_effects import PairEffects, effects_of
from recx.evaluation.test_set import Pairs, draw_test_set, pairs_of
from recx.evaluation.verdict_records import Columns, Records
from recx.explaining.records import Explanation
from recx.pipeline.finished import FinishedRun
from recx.settings import Settings
from recx.storage.run_folder import Run


@dataclass(frozen=True)
class MeasuredPairs:
    """Pairs, their explanations, and the target's answers to changed histories.

    Attributes:
        pairs: P pairs of a test user and an item.
        value: the target's log-probability of an item, given titles.
        effects: of the titles of each pair.
        sets: the smallest decisive sets of each pair; None where a history is too long to certify them.
        edits: histories with one title removed or replaced, and what the target says to them.
        methods: all methods, and the main mode again: told the measured causes, held to them, and (with relation
            tokens) held to what these predict, see `with_told`.
        explained: method -> P explanations; `template` is written without a language model.
    """

    pairs: Pairs
    value: ValueFunction
    effects: list[PairEffects]
    sets: list[DecisiveSets | None]
    edits: Edits
    methods: dict[str, Method]
    explained: dict[str, list[Explanation]]


def measure_pairs(opened: FinishedRun, settings: Settings, run: Run) -> MeasuredPairs:
    """Draw the pairs, measure the effects of their titles, and let every method explain them.

    Args:
        opened: target, split and explainers.
        settings: settings of the run.
        run: run of the stage, whose folder keeps texts.
    """
    target, split, catalogue = opened.target, opened.split, opened.data.catalogue
    pairs = pairs_of(draw_test_set(split, target, target.length, settings.evaluate), settings.evaluate.pairs)
    value = value_function(target, split.train, target.length)
    effects = effects_of(value, pairs)
    methods = all_methods(opened.explainers, target, split, settings.evaluate, run.texts)
    best = settings.align.main_mode
    methods = with_told(methods, opened.explainers[best], best, value)
    explained = explain_with_template(methods, value, catalogue, pairs)
    edits = draw_edits(effects, pairs.users, catalogue)
    return MeasuredPairs(pairs, value, effects, sets_of(effects), edits, methods, explained)


def further_records(
    measured: MeasuredPairs,
    cited: Mapping[str, Sequence[Sequence[int]]],
    columns: Mapping[str, Columns],
    opened: FinishedRun,
    best: str,
) -> Records:
    """Records of what a faithful text should also do: name what flips the decision, predict it, and be consistent.

    Args:
        measured: from `measure_pairs`.
        cited: baseline -> places of the titles that it cites for each pair.
        columns: name -> `method`, `mode` and `control` of its records.
        opened: whose explainers are asked how sure they are.
        best: the mode that explains the pairs a second time, from another view.
    """
    pairs, effects, explained = measured.pairs, measured.effects, measured.explained
    foreseen = faithfulness_records.foreseen_records(
        explained, cited, columns, effects, pairs, measured.sets, measured.edits
    )
    again = explained_again(measured.methods[best].explainer, pairs)
    consistent = faithfulness_records.consistency_records(columns[best], explained[best], again, effects, pairs)
    return foreseen + consistent + faithfulness_records.calibration_records(opened.explainers, columns, pairs)
