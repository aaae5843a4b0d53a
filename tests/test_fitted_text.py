import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import pytest
from drawn import assert_readable

from recx.plots.fitted_text import SMALLEST, text_box


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
