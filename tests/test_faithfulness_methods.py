import numpy as np
import torch

from recx.attribution.removal import value_function
from recx.data.demo import demo_catalogue
from recx.evaluation.faithfulness_methods import BASELINES, columns_of, explain_with_template, with_told
from recx.evaluation.methods import Method
from recx.evaluation.test_set import Pairs
from recx.explaining.measured import template_explanations
from recx.explaining.predicted_effects import predicted_evidence
from recx.recommenders.sasrec import SASRec
from recx.settings import TargetShape

CATALOGUE = demo_catalogue()


class Fixed:
    """An explainer that says the template's text and remembers the evidence that it is given."""

    def __init__(self, value, evidence=None, held=()):
        self.value, self.evidence, self.held = value, evidence, held

    def with_evidence(self, measure):
        return Fixed(self.value, measure, self.held)

    def with_held_quotes(self):
        return Fixed(self.value, self.evidence, (*self.held, "quotes"))

    def with_held_evidence(self):
        return Fixed(self.value, self.evidence, (*self.held, "evidence"))

    def explain(self, histories, items, show_progress=False):
        return template_explanations(self.value, CATALOGUE, histories, items)


def test_one_mode_is_told_the_causes_and_the_template_needs_no_model():
    torch.manual_seed(0)
    target = SASRec(len(CATALOGUE), TargetShape(width=8, length=6, dropout=0.0)).eval()
    histories = [np.array([1, 2, 3, 4]), np.array([5, 6, 7])]
    value = value_function(target, histories, 6)
    pairs = Pairs(histories, np.array([20, 30]), np.array([True, False]), np.array([0, 1]))
    methods = with_told({"hybrid": Method(Fixed(value), "aligned", "hybrid")}, Fixed(value), "hybrid", value)
    assert list(methods) == ["hybrid", "hybrid, told", "hybrid, told, held"]
    assert methods["hybrid, told"].label == "hybrid, told" and not methods["hybrid, told"].explainer.held
    assert methods["hybrid, told, held"].explainer.held == ("quotes", "evidence")
    evidence = methods["hybrid, told"].explainer.evidence(histories[0], 20)
    assert set(evidence.causes) <= set(histories[0].tolist()) and methods["hybrid"].explainer.evidence is None
    explained = explain_with_template(methods, value, CATALOGUE, pairs)
    assert list(explained) == ["hybrid", "hybrid, told", "hybrid, told, held", "template"]
    assert all(len(own) == 2 and own[0].citations for own in explained.values())
    related = with_told({}, Fixed(value), "relation", value)
    assert list(related) == ["relation, told", "relation, told, held", "relation, predicted, held"]
    read = related["relation, predicted, held"]
    assert read.explainer.held == ("quotes", "evidence") and read.columns["control"] == "predicted, held"
    assert read.explainer.evidence.func is predicted_evidence
    columns = columns_of([*explained, *BASELINES], methods)
    assert columns["hybrid, told"] == {"method": "aligned", "mode": "hybrid", "control": "told"}
    assert columns["template"] == {"method": "template", "mode": ""} == columns_of(["template"], {})["template"]
