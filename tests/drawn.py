"""What every drawing must hold: texts do not overlap, and nothing lies outside the figure."""

import itertools

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text


def texts_of(axes: Axes) -> list:
    """The visible texts drawn in one Axes: neither its titles nor its labels and legend."""
    return [t for t in axes.texts if t.get_text().strip() and t.get_visible()]


def _around(axes: Axes) -> list:
    """Its titles, the labels of its axes, and the words of its legend."""
    titles = [t for t in axes.get_children() if isinstance(t, Text) and t not in axes.texts]
    labels = [axes.xaxis.label, axes.yaxis.label] if axes.axison else []
    legend = axes.get_legend().get_texts() if axes.get_legend() else []
    return [t for t in (*titles, *labels, *legend) if t.get_text().strip()]


def assert_readable(drawn: Figure | Axes) -> None:
    """No text lies on another, and neither texts nor patches leave the figure."""
    figure = drawn.figure if isinstance(drawn, Axes) else drawn
    figure.canvas.draw()
    texts = [t for ax in figure.axes for t in (*texts_of(ax), *_around(ax))]
    boxes = [(t.get_text(), t.get_window_extent()) for t in texts]
    assert boxes
    boxes += [(str(patch), patch.get_window_extent()) for ax in figure.axes for patch in ax.patches]
    for what, box in boxes:
        inside = min(box.x0, box.y0) >= -1 and box.x1 <= figure.bbox.x1 + 1 and box.y1 <= figure.bbox.y1 + 1
        assert inside, f"{what!r} leaves the figure: {box}"
    for (one, a), (other, b) in itertools.combinations(boxes[: len(texts)], 2):
        inner = min(a.x1, b.x1) - max(a.x0, b.x0), min(a.y1, b.y1) - max(a.y0, b.y0)
        assert min(inner) < 1, f"{one!r} and {other!r} overlap by {inner}"
