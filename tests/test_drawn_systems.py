import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from drawn import assert_readable, texts_of

from recx.plots.drawn_systems import drawn_preference, left_out_edges, rules_of_group, two_stages

TEXT = 'Yes. "Kirby\'s Return to Dream Land" is the main reason for it, and after that "Okami (Wii)". ' * 2


@pytest.fixture
def draw():
    figures = []

    def axes(width, height):
        figure, ax = plt.subplots(figsize=(width, height), layout="constrained")
        figures.append(figure)
        return ax

    yield axes
    for figure in figures:
        plt.close(figure)


def shown(ax):
    return [" ".join(t.get_text().split()) for t in texts_of(ax)]


def test_the_language_model_reads_words_and_not_the_recommender(draw):
    ax = two_stages("Halo 3; Okami (Wii)", "SASRec", "Halo: Reach", TEXT, TEXT, draw(9, 3))
    assert {"history: Halo 3; Okami (Wii)", "stage 1: the recommender SASRec", "item: Halo: Reach"} <= set(shown(ax))
    assert_readable(ax)


def test_every_edge_is_drawn_as_what_becomes_of_it(draw):
    rows = [("user 1", f"item {n}", "explained" if n == 2 else "kept") for n in range(4)]
    rows += [("user 2", f"item {n}", "unseen") for n in range(2, 6)]
    frame = pd.DataFrame(rows, columns=["user", "item", "kind"])
    ax = left_out_edges(frame, draw(9, 3))
    styles = [line.get_linestyle() for line in ax.lines]
    assert (styles.count("-"), styles.count("--"), styles.count(":")) == (3 + 1, 1 + 1, 4 + 1), "with the legend"
    assert {"user 1", "item 5", "of an unseen user: left out"} <= set(shown(ax))
    assert_readable(ax)
    assert not any("unseen" in t for t in shown(left_out_edges(frame[:4], draw(9, 3))))


def test_every_rule_has_a_row_and_one_chosen_item(draw):
    shares = np.array([[0.9, 0.7, 0.2], [0.1, 0.6, 1.0]])
    values = {"additive utilitarian": (shares.sum(0), 1), "least misery": (shares.min(0), 1)}
    values["most pleasure"] = (shares.max(0), 2)
    ax = rules_of_group(shares, ["Portal", TEXT, "Okami (Wii)"], values, draw(9, 4))
    bold = [t.get_text() for t in ax.texts if t.get_fontweight() == "bold" and t.get_text()[0].isdigit()]
    assert bold == ["1.30", "0.60", "1.00"]
    assert [round(p.get_height(), 2) for p in ax.patches if round(p.get_width(), 2) == 0.6] == [
        0.72, 0.56, 0.16, 0.08, 0.48, 0.8,
    ]  # fmt: skip
    assert_readable(ax)


@pytest.mark.parametrize("kind", ["drawn", "rewritten"])
def test_a_preference_is_drawn_with_the_rewards_of_its_texts(draw, kind):
    row = pd.Series({"best": 0.81, "mean": -0.2, "worst": -1.3, "kind": kind, "preferred": TEXT, "rejected": "No."})
    ax = drawn_preference(row, draw(9, 3))
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["worst: -1.30", "mean: -0.20", "best: +0.81"]
    assert any("rewritten" in t for t in shown(ax)) == (kind == "rewritten")
    assert_readable(ax)
