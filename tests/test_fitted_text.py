import math

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import pytest
from drawn import assert_readable

from recx.plots.fitted_text import SMALLEST, largest_size, letter_width, text_box


@pytest.fixture
def axes():
    figure, ax = plt.subplots(figsize=(4, 2))
    ax.set(xlim=(0, 4), ylim=(0, 2))
    yield ax
    plt.close(figure)


@pytest.mark.parametrize(
    "text", ["Doom", "The Legend of Zelda: Majora's Mask", "Incomprehensibilities of $x$", "word " * 90]
)
@pytest.mark.parametrize("left", [False, True])
def test_a_text_stays_in_its_box(axes, text, left):
    box, shown = text_box(axes, (0.2, 0.3), (1.2, 0.8), text, left=left)
    axes.figure.canvas.draw()
    outer, inner = box.get_window_extent(), shown.get_window_extent()
    assert outer.x0 <= inner.x0 and inner.x1 <= outer.x1 and outer.y0 <= inner.y0 and inner.y1 <= outer.y1
    assert shown.get_fontsize() >= SMALLEST
    whole = " ".join(shown.get_text().split()) == " ".join(text.split())
    assert whole or shown.get_text().endswith("…")
    assert_readable(axes)


def test_words_are_kept_whole_where_smaller_letters_allow_it(axes):
    _, shown = text_box(axes, (0, 0), (0.9, 0.6), "6 reconstruction")
    assert shown.get_text().split() == ["6", "reconstruction"] and shown.get_fontsize() < 9
    assert text_box(axes, (1, 0), (3, 1), "Doom")[1].get_fontsize() == 9


@pytest.mark.parametrize("letters, size", [(50, (8, 2)), (900, (8, 2)), (5000, (8, 2)), (900, (3, 2))])
def test_words_of_one_size_are_as_large_as_fits(letters, size):
    figure, axes = plt.subplots(figsize=size)

    def lines(columns):
        return math.ceil(letters / columns)

    columns, height, points = largest_size(axes, lines, least=20)
    box = axes.get_window_extent()
    assert columns * letter_width(points, figure.dpi) == pytest.approx(box.width * 72 / figure.dpi)
    assert height * points == pytest.approx(box.height * 72 / figure.dpi)
    assert lines(columns) <= height and columns >= 20
    if points < 9:
        larger = points + 0.25
        wide = columns * letter_width(points, figure.dpi) / letter_width(larger, figure.dpi)
        high = height * points / larger
        assert lines(wide) > high or wide < 20
    plt.close(figure)


def test_letters_are_no_wider_than_said():
    figure, axes = plt.subplots(figsize=(8, 2))
    for size in (4, 6.25, 7, 8, 9, 10):
        text = axes.text(0, 0.5, "m" * 60, fontfamily="DejaVu Sans Mono", fontsize=size)
        figure.canvas.draw()
        assert text.get_window_extent().width * 72 / figure.dpi <= 60 * letter_width(size, figure.dpi) + 1e-9
    plt.close(figure)
