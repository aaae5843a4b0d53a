"""What every drawing must hold: texts do not overlap, and nothing lies outside the figure."""

import itertools


def texts_of(axes):
    return [t for t in axes.texts if t.get_text().strip()]


def assert_readable(axes):
    figure = axes.figure
    figure.canvas.draw()
    boxes = [(t.get_text(), t.get_window_extent()) for t in texts_of(axes)]
    assert boxes
    for text, box in boxes:
        assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= figure.bbox.x1 and box.y1 <= figure.bbox.y1, text
    for (one, a), (other, b) in itertools.combinations(boxes, 2):
        inner = min(a.x1, b.x1) - max(a.x0, b.x0), min(a.y1, b.y1) - max(a.y0, b.y0)
        assert min(inner) < 1, f"{one!r} and {other!r} overlap by {inner}"
    for patch in axes.patches:
        box = patch.get_window_extent()
        assert box.x0 >= -1 and box.y0 >= -1 and box.x1 <= figure.bbox.x1 + 1 and box.y1 <= figure.bbox.y1 + 1, patch
