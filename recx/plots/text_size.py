"""The size of letters with which a text drawing fills its axes."""

from collections.abc import Callable

from matplotlib.axes import Axes

WIDTH = 0.66
"""Width of a character of DejaVu Sans Mono as a multiple of its size: 0.602, and what rounding to pixels may add."""


def largest_size(
    axes: Axes, lines: Callable[[float], float], least: float = 1.0, most: float = 9.0
) -> tuple[float, float, float]:
    """The largest font size at which a monospaced text fits its axes.

    Args:
        axes: the axes in their final size.
        lines: height of the text, in lines, if it is broken at so many columns.
        least: columns that its widest part needs.
        most: largest size, in points.

    Returns:
        Columns and lines of the axes, and the size in points.
    """
    box = axes.get_window_extent()
    width, height = (side * 72 / axes.figure.dpi for side in (box.width, box.height))
    size = most
    while size > 1 and (width / (WIDTH * size) < least or height / size < lines(width / (WIDTH * size))):
        size -= 0.25
    return width / (WIDTH * size), height / size, size
