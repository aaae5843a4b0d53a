"""Text that fits its room: broken between words, and set smaller where the room is small."""

import math
import textwrap
from collections.abc import Callable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from matplotlib.text import Text

SMALLEST = 5.0
_STEP = 0.5
_MARGIN = 3  # points between the text and the edge of its box


def text_box(
    axes: Axes,
    corner: tuple[float, float],
    size: tuple[float, float],
    text: str,
    fontsize: float = 9.0,
    ink: str = "black",
    bold: bool = False,
    left: bool = False,
    **look: object,
) -> tuple[Rectangle, Text]:
    """Draw a box and in it a text that fits: in smaller letters if need be, and in the smallest cut with an ellipsis.

    The limits and the size of the axes must be set before.

    Args:
        axes: the axes to draw on.
        corner: lower left corner, in data units.
        size: width and height, in data units.
        text: shown as it is, also where it holds a dollar sign.
        fontsize: the largest size, in points.
        ink: colour of the text.
        bold: whether it is bold.
        left: whether it starts at the left edge instead of in the middle.
        **look: of the box, e.g. `facecolor`, `edgecolor`, `hatch`, `linestyle`.
    """
    box = Rectangle(corner, *size, **{"facecolor": "white", "edgecolor": "#444444", "linewidth": 0.8} | look)
    axes.add_patch(box)
    dots = axes.get_figure(root=True).dpi / 72
    margin = _MARGIN * dots / abs(axes.transData.transform((1, 0))[0] - axes.transData.transform((0, 0))[0])
    shown = axes.text(
        corner[0] + (margin if left else size[0] / 2),
        corner[1] + size[1] / 2,
        "",
        ha="left" if left else "center",
        va="center",
        color=ink,
        fontweight="bold" if bold else "normal",
    )
    room = np.abs(np.diff(axes.transData.transform([corner, np.add(corner, size)]), axis=0))[0]
    fit_text(shown, text, room, fontsize)
    return box, shown


def fit_text(shown: Text, text: str, room: np.ndarray, fontsize: float) -> None:
    """Set a text so that it fits into `room`, its (2,) width and height in pixels, with a margin of three points.

    Dollar signs are shown as they are. The smallest letters have 5 points; what still does not fit is cut.
    """
    shown.set_parse_math(False)
    dots = shown.get_figure(root=True).dpi / 72
    width, height = room - 2 * _MARGIN * dots
    for size in np.arange(fontsize, SMALLEST - _STEP, -_STEP):
        shown.set_fontsize(size)
        lines = _lines(shown, text, width, size <= SMALLEST)
        extent = shown.get_window_extent()
        if extent.width <= width and extent.height <= height:
            return
    while len(lines) > 1 and shown.get_window_extent().height > height:
        lines = lines[:-1]
        shown.set_text("\n".join([*lines[:-1], lines[-1][: max(1, len(lines[-1]) - 2)].rstrip() + "…"]))


def largest_size(
    axes: Axes, lines: Callable[[float], float], least: float = 1.0, most: float = 9.0
) -> tuple[float, float, float]:
    """The largest font size at which boxes of monospaced words, which share one size, fit their axes.

    Args:
        axes: the axes in their final size.
        lines: height of the boxes, in lines, if they are broken at so many columns.
        least: columns that the widest of them needs.
        most: largest size, in points.

    Returns:
        Columns and lines of the axes, and the size in points.
    """
    box = axes.get_window_extent()
    width, height = (side * 72 / axes.figure.dpi for side in (box.width, box.height))
    size = most
    while True:
        columns = width / letter_width(size, axes.figure.dpi)
        if size <= 1 or (columns >= least and height / size >= lines(columns)):
            return columns, height / size, size
        size -= 0.25


def letter_width(size: float, dpi: float) -> float:
    """Largest width in points of a letter of DejaVu Sans Mono: 0.602 of its size, rounded up to whole pixels.

    It is at least 0.66 of the size, so that figures can be saved at another resolution than they are drawn at.
    """
    return max(0.66 * size, math.ceil(0.602 * size * dpi / 72) * 72 / dpi)


def _lines(shown: Text, text: str, width: float, break_words: bool) -> list[str]:
    """Break a text between words, or also within them, into lines of at most `width` pixels if that is possible."""
    shown.set_text(text)
    letters = int(len(text) * width / max(shown.get_window_extent().width, 1))
    longest = 1 if break_words else max(map(len, text.split()), default=1)
    for count in range(max(longest, min(len(text), letters + 4)), longest - 1, -1):
        lines = textwrap.wrap(text, count, break_on_hyphens=False) or [""]
        shown.set_text("\n".join(lines))
        if shown.get_window_extent().width <= width:
            break
    return lines
