"""The drawings of the notebooks on data and of the tour: legible at any size, and what they show equals the data."""

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from drawn import assert_readable
from matplotlib.colors import to_hex
from matplotlib.patches import FancyArrowPatch, Rectangle

from recx.plots.drawn_data import PALE, hits_and_gains, labels_of_ranking, split_of_user
from recx.plots.drawn_story import method_picture

LONG = "The Legend of Zelda: A Title of $99 That Has No End and Goes On and On"
TITLES = ["Halo 3", LONG, "Portal", "Braid", "Okami (Wii)", "Just Dance 3"]
SCORES = np.linspace(9, -7, 40)
RANKING = pd.DataFrame(
    {"title": [LONG, *map(str, range(39))], "score": SCORES, "ranked": np.isin(range(40), [0, 1, 2, 20, 39])}
)
VECTOR = [0.5, -1.0, 0.0, *np.linspace(-1, 1, 30)]
DRAWINGS = {
    "split": (lambda ax: split_of_user(TITLES, ax), (8, 3)),
    "split of the shortest": (lambda ax: split_of_user(TITLES[:3], ax), (6, 1.8)),
    "split of a long one": (lambda ax: split_of_user(TITLES * 3, ax), (9, 7)),
    "hits": (lambda ax: hits_and_gains(pd.DataFrame({"user": TITLES[:1] * 3, "rank": [1, 10, 1234]}), ax), (8.5, 2)),
    "labels": (lambda ax: labels_of_ranking(RANKING, TITLES, ax), (8.5, 3.2)),
    "method": (lambda ax: method_picture(TITLES, VECTOR, LONG, "place 1 of 508: yes", f'"{LONG}".' * 4, ax), (10, 5.2)),
}  # fmt: skip


@pytest.fixture
def drawn(request):
    draw, size = DRAWINGS[request.param]
    figure, axes = plt.subplots(figsize=size, layout="constrained")
    assert draw(axes) is axes
    figure.canvas.draw()
    yield figure, axes
    plt.close(figure)


@pytest.mark.parametrize("drawn", DRAWINGS, indirect=True)
def test_texts_are_apart_and_within_the_figure(drawn):
    figure, _ = drawn
    assert_readable(figure)


@pytest.mark.parametrize("drawn", ["method"], indirect=True)
def test_words_stay_in_their_boxes(drawn):
    _, axes = drawn
    boxes = [p.get_window_extent() for p in axes.patches]
    for text in axes.texts:
        own, name = text.get_window_extent(), text.get_text()
        inside = [b for b in boxes if b.x0 <= own.x0 + 1 and own.x1 <= b.x1 + 1 and b.y0 <= own.y0 and own.y1 <= b.y1]
        across = [b for b in boxes if b.x0 + 1 < own.x0 < b.x1 - 1 < own.x1 and b.y0 < own.y0 < b.y1]
        assert inside or not across, name


def cells(axes):
    return [(p.get_x(), p.get_y(), to_hex(p.get_facecolor())) for p in axes.patches if p.get_width() == 0.9]


@pytest.mark.parametrize("drawn", ["split"], indirect=True)
def test_the_split_reads_prefixes_and_hides_what_is_to_be_found(drawn):
    _, axes = drawn
    n, read = len(TITLES), {}
    for x, y, colour in cells(axes):
        read.setdefault(round(x), []).append((round(y), colour))
    parts = ["train"] * (n - 2) + ["validation", "test"]
    for column, part in enumerate(parts):
        last = column + 1 if part == "train" else column
        assert sorted(read[column]) == [(row, PALE[part]) for row in range(last)]
    stars = [
        (round(t.get_position()[0] - 0.45), round(t.get_position()[1] - 0.45))
        for t in axes.texts
        if "\u2605" in t.get_text()
    ]
    assert stars == [(n - 2, n - 2), (n - 1, n - 1)]
    numbered = [f"{n}. {title}" for n, title in enumerate(TITLES, 1)]
    shown = [" ".join(t.get_text().split()) for t in axes.texts if t.get_text()[:1].isdigit()]
    assert [t.rstrip("\u2026") for t in shown] == [
        w[: len(t.rstrip("\u2026"))] for t, w in zip(shown, numbered, strict=True)
    ]


@pytest.mark.parametrize("drawn", ["hits"], indirect=True)
def test_hits_and_gains_are_those_of_the_formulas(drawn):
    _, axes = drawn
    shown = [t.get_text() for t in axes.texts]
    assert shown.count("\u2605") == 2 and "place 1,234" in shown
    assert "0.67" in shown and f"{(1 + 1 / np.log2(11)) / 3:.2f}" in shown  # means of HR@10 and NDCG@10
    assert [f"{1 / np.log2(1 + place):.2f}" in shown for place in range(1, 11)] == [True] * 10


@pytest.mark.parametrize("drawn", ["labels"], indirect=True)
def test_labels_stand_where_the_ranking_puts_them(drawn):
    _, axes = drawn
    line, (five, first) = axes.lines[0], axes.collections[-2:]
    assert np.allclose(line.get_ydata(), SCORES)
    assert np.allclose(five.get_offsets()[:, 0], [1, 2, 3, 21, 40]) and np.allclose(first.get_offsets(), [[1, 9]])
    liked, disliked = (p.get_extents().transformed(axes.transData.inverted()) for p in axes.patches[:2])
    assert np.allclose([liked.x0, liked.x1, disliked.x0, disliked.x1], [0, 8, 20, 40])


@pytest.mark.parametrize("drawn", ["method"], indirect=True)
def test_the_method_shows_this_vector_and_this_decision(drawn):
    _, axes = drawn
    cells = [p for p in axes.patches if isinstance(p, Rectangle) and p.get_width() == pytest.approx(11 / 12)]
    shades = [cell.get_facecolor() for cell in cells]
    assert len(shades) == 12
    most = max(map(abs, VECTOR[:12]))
    assert np.allclose([shade[3] for shade in shades], np.abs(VECTOR[:12]) / most)
    assert any("place 1 of 508: yes" in " ".join(t.get_text().split()) for t in axes.texts)
    arrows = [p.get_window_extent() for p in axes.patches if isinstance(p, FancyArrowPatch)]
    assert len(arrows) == 8
    for text in axes.texts:
        assert not any(text.get_window_extent().overlaps(arrow) for arrow in arrows), text.get_text()
