"""Whose texts are measured for faithfulness: all methods, a mode that is told the causes, and a plain template."""

from collections.abc import Iterable, Mapping
from functools import partial

from recx.attribution.removal import ValueFunction
from recx.data.catalogue import Catalogue
from recx.evaluation.methods import Method, explain_all
from recx.evaluation.test_set import Pairs
from recx.explaining.aligned import AlignedExplainer
from recx.explaining.measured import measure_evidence, template_explanations
from recx.explaining.predicted_effects import predicted_evidence
from recx.explaining.records import Explanation
from recx.prompts.modes import MODE_SPECS

BASELINES = ("random", "latest", "most alike", "Shapley")


def with_told(
    methods: Mapping[str, Method], explainer: AlignedExplainer, mode: str, value: ValueFunction
) -> dict[str, Method]:
    """All methods, and one mode twice more with the measured causes in its prompt: "<mode>, told" as the model writes,
    and "<mode>, told, held" with sentences that contradict them revised (`Reviser`).

    A mode with relation tokens is also added as "<mode>, predicted, held": it is told, and held to, the effects that
    these tokens predict from the target's vectors instead of the measured ones.

    Args:
        methods: by label.
        explainer: the one that is told.
        mode: its mode.
        value: what the causes are measured by.
    """
    told = explainer.with_evidence(partial(measure_evidence, value))
    held = told.with_held_quotes().with_held_evidence()
    out = {
        **methods,
        f"{mode}, told": Method(told, "aligned", mode, control="told"),
        f"{mode}, told, held": Method(held, "aligned", mode, control="told, held"),
    }
    if MODE_SPECS[mode].reads_relations:
        read = held.with_evidence(partial(predicted_evidence, explainer, value))
        out[f"{mode}, predicted, held"] = Method(read, "aligned", mode, control="predicted, held")
    return out


def explain_with_template(
    methods: Mapping[str, Method], value: ValueFunction, catalogue: Catalogue, pairs: Pairs
) -> dict[str, list[Explanation]]:
    """Explanations of all pairs by all methods, see `explain_all`, and by the `template` without a language model."""
    template = template_explanations(value, catalogue, pairs.histories, pairs.items.tolist())
    return {**explain_all(methods, pairs), "template": template}


def columns_of(names: Iterable[str], methods: Mapping[str, Method]) -> dict[str, dict[str, str]]:
    """The fields `method`, `mode` and `control` of each name's records; one that is not a method has only its name."""
    return {name: methods[name].columns if name in methods else {"method": name, "mode": ""} for name in names}
