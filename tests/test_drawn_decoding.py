import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from drawn import assert_readable
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.patches import Rectangle
from sklearn.metrics import cohen_kappa_score

from recx.evaluation.alignment_metrics import retrieval
from recx.plots.drawn_decoding import beam_figure, beam_tree, confusion_table, counted_hits

SEARCH = pd.DataFrame(
    [
        (1, 1, 0, " Wii", -0.2, True, ""),
        (1, 2, 0, "Okami", -2.5, True, "Okami (Wii)"),
        (1, 3, 0, "Mario", -2.9, True, ""),
        (1, 4, 0, "Just", -3.2, False, ""),
        (2, 5, 1, " Wheel", -1.2, True, "Wii Wheel"),
        (2, 6, 1, " ", -1.25, True, ""),
        (2, 7, 2, "", -2.5, True, "Okami (Wii)"),
        (2, 8, 3, " Party", -3.2, False, ""),
        (2, 9, 3, " Kart", -3.9, False, "Mario Kart"),
        (2, 10, 3, " Golf", -4.9, False, "Mario Golf"),
        (3, 11, 5, "", -1.2, True, "Wii Wheel"),
        (3, 12, 6, "$1", -1.25, True, "Wii $1 and a title that goes on for much longer than fits"),
        (3, 13, 7, "", -2.5, True, "Okami (Wii)"),
    ],
    columns=["step", "path", "parent", "text", "log_prob", "kept", "title"],
)


@pytest.mark.parametrize("step, boxes", [(1, 4), (2, 9), (3, 12), (None, 12)])
def test_beams_are_drawn_up_to_a_step(step, boxes):
    figure, axes = plt.subplots(figsize=(11, 3))
    assert beam_tree(SEARCH, axes, step) is axes
    assert_readable(figure)
    drawn = [p for p in axes.patches if isinstance(p, Rectangle)]
    assert len(drawn) == len(axes.lines) == boxes  # of those given up, the two best
    solid = [line for line in axes.lines if line.get_linestyle() == "-"]
    assert len(solid) == 3 * (step or 3)
    ends = [t.get_text() for t in axes.texts if t.get_text()[:2] == "0."]
    wanted = ["0.30  Wii Wheel", r"0.29  Wii \$1 and a title that goes on for m…", "0.08  Okami (Wii)"]
    assert ends == (wanted if step in (3, None) else [])
    plt.close(figure)


def test_a_path_starts_where_the_one_it_continues_ends():
    figure, axes = plt.subplots(figsize=(11, 3))
    beam_tree(SEARCH, axes)
    ends = {round(p.get_x() + p.get_width(), 6): p for p in axes.patches}
    for line in axes.lines[4:]:
        assert round(line.get_xdata()[0], 6) in ends
    wheel = axes.lines[4]
    wii = axes.patches[0]
    assert wheel.get_ydata()[0] == wii.get_y() + wii.get_height() / 2
    plt.close(figure)


def test_a_figure_for_the_slider_is_whole_and_not_shown_twice():
    before = plt.get_fignums()
    figure = beam_figure(2, SEARCH)
    FigureCanvasAgg(figure)
    assert_readable(figure)
    assert plt.get_fignums() == before


@pytest.mark.parametrize("place", [0, 2, 4, None])
def test_hits_are_counted_as_the_metrics_count_them(place):
    titles = [f"Title {n} of a series with a rather long name" for n in range(5)]
    wanted = "missing: another long title" if place is None else titles[place]
    figure, axes = plt.subplots(figsize=(10, 2.4))
    counted_hits(titles, wanted, axes)
    assert_readable(figure)
    index = 99 if place is None else place
    metrics = retrieval(np.arange(5)[None], np.array([index]))
    said = f"HR@5 = {metrics['hr@5'][0]:.0f},  NDCG@5 = {metrics['ndcg@5'][0]:.2f}"
    assert axes.get_title().startswith(said) and ("missing" in axes.get_title()) == (place is None)
    assert [bar.get_width() for bar in axes.patches] == pytest.approx([1 / np.log2(n + 2) for n in range(5)])
    marked = [n for n, bar in enumerate(axes.patches) if bar.get_linewidth() > 1 and bar.get_edgecolor()[3] > 0]
    assert marked == ([] if place is None else [place])
    plt.close(figure)


@pytest.mark.parametrize("levels, size", [(["no", "yes"], (4, 3)), ([0, 1, 2, 3], (5.5, 4.5))])
def test_the_table_holds_the_counts_and_kappa(levels, size):
    rng = np.random.default_rng(1)
    first = rng.choice(levels, 300)
    second = np.where(rng.random(300) < 0.6, first, rng.choice(levels, 300))
    figure, axes = plt.subplots(figsize=size)
    confusion_table(first, second, ("target", "explanation"), axes)
    assert_readable(figure)
    words = [t.get_text() for t in axes.texts]
    counts = [[str(((first == a) & (second == b)).sum()) for b in levels] for a in levels]
    assert [w for w in words if w.isdigit()] == sum(counts, [])
    assert rf"\kappa={cohen_kappa_score(first, second):.2f}$" in words[-1]
    plt.close(figure)


def test_kappa_of_raters_who_know_one_answer_only():
    figure, axes = plt.subplots(figsize=(4, 3))
    confusion_table(["yes"] * 9, ["yes"] * 9, ("a", "b"), axes)
    assert "undefined" in axes.texts[-1].get_text()
    assert_readable(figure)
    plt.close(figure)
