import itertools

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from drawn import assert_readable, texts_of
from matplotlib.patches import Rectangle

from recx.plots import drawn_removal

TITLES = [
    "Xbox One", "Assassin's Creed Syndicate", "The Legend of Zelda: Majora's Mask", "Fez", "Alien: Isolation",
    "Mortal Kombat 11", "Ori and the Will of the Wisps", "Donkey Kong Country: Tropical Freeze", "Doom", "Braid",
]  # fmt: skip


@pytest.fixture
def draw():
    figures = []

    def axes(width=9.0, height=3.0, **options):
        figure, ax = plt.subplots(figsize=(width, height), **options)
        figures.append(figure)
        return ax

    yield axes
    for figure in figures:
        plt.close(figure)


def words(axes):
    return [" ".join(t.get_text().split()) for t in texts_of(axes)]


@pytest.mark.parametrize("count", [1, 6, 10])
def test_effects_are_as_long_as_they_are_large(draw, count):
    effects = np.array([0.2, -0.31, 0.0, 0.5, -0.5, 0.1, 0.02, -0.004, 0.33, 0.4])[:count]
    frame = pd.DataFrame({"title": TITLES[:count], "effect": effects, "cited": effects > 0.3})
    ax = drawn_removal.effect_row(frame, draw())
    bars = np.array([bar.get_height() for bar in ax.containers for bar in bar])
    assert bars == pytest.approx(effects / np.abs(effects).max())
    boxes = [p for p in ax.patches if isinstance(p, Rectangle) and p.get_facecolor()[:3] == (1, 1, 1)]
    assert [b.get_linewidth() > 2 for b in boxes] == frame["cited"].tolist()
    shown = words(ax)
    assert set(frame["title"]) <= set(shown) and "+0.20" in shown and "-0.00" not in shown
    assert_readable(ax)


def test_no_effect_at_all_is_drawn_too(draw):
    assert_readable(
        drawn_removal.effect_row(pd.DataFrame({"title": ["Fez"], "effect": [0.0], "cited": [False]}), draw())
    )


def test_every_order_is_a_row_and_the_mean_stands_below(draw):
    gains = np.random.default_rng(0).normal(size=(6, 3)).round(2)
    rows = [
        (order, title, gain)
        for order, titles in enumerate(itertools.permutations(TITLES[1:4]))
        for title, gain in zip(titles, gains[order], strict=True)
    ]
    frame = pd.DataFrame(rows, columns=["order", "title", "gain"])
    ax = drawn_removal.joining_orders(frame, TITLES[2], draw(9, 3.4))
    own = frame.loc[frame["title"] == TITLES[2], "gain"]
    shown = words(ax)
    assert shown.count(rf"$\phi$ = {own.mean():+.2f}") == 1
    assert all(f"{gain:+.2f}" in shown and f"{TITLES[2]} {gain:+.2f}" in shown for gain in own)
    assert_readable(ax)


def test_the_cited_titles_stand_among_all_sets(draw):
    drops = np.random.default_rng(1).normal(size=45)
    ax = drawn_removal.drops_of_sets(drops, float(drops[7]), draw(layout="constrained"))
    assert sum(bar.get_height() for bar in ax.patches) == 45
    lines = [line.get_xdata()[0] for line in ax.lines]
    assert lines == pytest.approx([drops.mean(), drops[7], drops.max()])
    forward, back = ax.child_axes[0]._functions
    assert forward(drops.mean()) == pytest.approx(0) and forward(drops.max()) == pytest.approx(1)
    assert back(forward(0.3)) == pytest.approx(0.3)
    ax.figure.canvas.draw()
    legend = ax.get_legend().get_window_extent()
    assert legend.x1 <= ax.figure.bbox.x1 and legend.y0 >= 0


@pytest.mark.parametrize("ranks", [(1, 1), (1, 240), (3, 140), (240, 1), (120, 121)])
def test_ranks_stand_at_their_places(draw, ranks):
    frame = pd.DataFrame({"title": TITLES[:7], "out": [False, True] * 3 + [False]})
    ax = drawn_removal.change_of_rank(frame, (ranks[0], "yes"), (ranks[1], "no"), 240, draw(9, 2.6))
    scale, marks = None, []
    for line in ax.lines:
        if line.get_marker() in ("v", "^"):
            marks.append(float(line.get_xdata()[0]))
        elif np.ptp(line.get_ydata()) == 0:
            scale = line.get_xdata()
    assert [(x - scale[0]) / (scale[1] - scale[0]) for x in marks] == pytest.approx([(r - 1) / 239 for r in ranks])
    crossed = [line for line in ax.lines if len(line.get_ydata()) == 2 and np.ptp(line.get_ydata()) > 0]
    assert len(crossed) == 3 and f"without those crossed out: rank {ranks[1]}, no" in words(ax)
    assert_readable(ax)


def test_a_task_left_out_has_no_rows(draw):
    variants = ["full", "without tasks 1 and 2", "without task 3 and explanations"]
    tasks = ["retrieval", "preference", "item", "conversation", "reconstruction", "explanation"]
    rows = [(v, t, 0 if i * 2 == j else 1000 * j + i + 1) for i, v in enumerate(variants) for j, t in enumerate(tasks)]
    rows[0] = ("full", "retrieval", 12345)
    ax = drawn_removal.tasks_left_out(pd.DataFrame(rows, columns=["variant", "task", "rows"]), draw())
    shown = words(ax)
    assert shown.count("–") == 2 and "12,345" in shown and set(variants) | set(tasks) <= set(shown)
    assert_readable(ax)
