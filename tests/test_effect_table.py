import numpy as np

from recx.attribution.effect_labels import EffectLabels
from recx.data.demo import demo_catalogue
from recx.prompts.effect_table import effect_table

CATALOGUE = demo_catalogue()


def labels(effects):
    shown = np.array([[0, 0, 5, 6], [0, 3, 2, 9]])
    below = np.array([0.9, 0.2])
    return EffectLabels(np.array([0, 1]), shown, np.array([7, 8]), np.array([True, False]), np.array(effects), below,
                        np.full(shown.shape, 0.5))  # fmt: skip


def test_the_longest_history_is_shown_with_roles_by_its_predicted_effects():
    predicted = labels([[0, 0, 0.5, 0.1], [0, -0.4, 0.3, -0.2]])
    measured = labels([[0, 0, 0.6, 0.2], [0, -0.1, 0.2, -0.5]])
    table = effect_table(CATALOGUE, measured, predicted)
    assert table["title"].tolist() == [CATALOGUE.labels[i] for i in (3, 2, 9)]
    assert table["predicted"].tolist() == [-0.4, 0.3, -0.2] and table["measured"].tolist() == [-0.1, 0.2, -0.5]
    assert table["role"].tolist() == ["first cause", "other way", "second cause"]  # the target dislikes the item
    assert table.attrs == {"item": CATALOGUE.labels[8], "liked": False}
