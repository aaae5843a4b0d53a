import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from drawn import assert_readable, texts_of

from recx.plots.drawn_relations import relation_tokens

TITLES = ["Fez", "The Legend of Zelda: Majora's Mask", "Braid", "Ori and the Will of the Wisps", "Doom"]
ROLES = ["first cause", "", "other way", "second cause", ""]
PREDICTED, MEASURED = np.array([0.4, -0.05, -0.2, 0.3, 0.0]), np.array([0.5, 0.02, -0.3, 0.1, 0.0])


def words(axes):
    return [" ".join(t.get_text().split()) for t in texts_of(axes)]


@pytest.mark.parametrize("count", [2, 5])
def test_each_token_shows_its_role_and_both_effects(count):
    frame = pd.DataFrame({"title": TITLES, "predicted": PREDICTED, "measured": MEASURED, "role": ROLES})[:count]
    frame.attrs = {"item": "Costs $5 or $6", "liked": True}
    figure, ax = plt.subplots(figsize=(10, 3.2))
    relation_tokens(frame, ax)
    largest = max(np.abs(PREDICTED[:count]).max(), np.abs(MEASURED[:count]).max())
    bars = [bar.get_height() for bar in (bar for group in ax.containers for bar in group)]
    assert bars == pytest.approx(PREDICTED[:count] / largest)
    zero, *circles = (float(line.get_ydata()[0]) for line in ax.lines)
    assert np.array(circles) - zero == pytest.approx(MEASURED[:count] / largest)
    shown = words(ax)
    assert ax.get_title() == "In question: Costs $5 or $6 (liked by the target)"
    assert [w for w in shown if w in (*ROLES, "no role") and w] == [r or "no role" for r in ROLES[:count]]
    assert set(TITLES[:count]) <= set(shown)
    assert_readable(ax)
    plt.close(figure)


def test_no_effect_at_all_is_drawn_too():
    figure, ax = plt.subplots(figsize=(10, 3.2))
    frame = pd.DataFrame({"title": ["Fez"], "predicted": [0.0], "measured": [0.0], "role": [""]})
    frame.attrs = {"item": "Doom", "liked": False}
    relation_tokens(frame, ax)
    assert_readable(ax)
    plt.close(figure)
