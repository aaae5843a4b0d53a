import math

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import pytest

from recx.plots.text_size import WIDTH, largest_size


@pytest.mark.parametrize("letters, size", [(50, (8, 2)), (900, (8, 2)), (5000, (8, 2)), (900, (3, 2))])
def test_a_text_is_as_large_as_fits(letters, size):
    figure, axes = plt.subplots(figsize=size)

    def lines(columns):
        return math.ceil(letters / columns)

    columns, height, points = largest_size(axes, lines, least=20)
    box = axes.get_window_extent()
    assert columns * WIDTH * points == pytest.approx(box.width * 72 / figure.dpi)
    assert height * points == pytest.approx(box.height * 72 / figure.dpi)
    assert lines(columns) <= height and columns >= 20
    if points < 9:
        larger = points + 0.25
        wide, high = columns * points / larger, height * points / larger
        assert lines(wide) > high or wide < 20
    plt.close(figure)


def test_letters_are_no_wider_than_said():
    figure, axes = plt.subplots(figsize=(8, 2))
    for size in (4, 6.25, 7, 8, 9, 10):
        text = axes.text(0, 0.5, "m" * 60, fontfamily="DejaVu Sans Mono", fontsize=size)
        figure.canvas.draw()
        assert text.get_window_extent().width * 72 / figure.dpi <= 60 * WIDTH * size
    plt.close(figure)
