"""Drawings of what an aligned model reads: a prompt token by token, and the way of a vector to a token."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch

from recx.plots.fitted_text import largest_size
from recx.plots.style import COLOURS

# Face, edge and words of the legend; a box is also told apart by its text, its edge or, if counted, its weight.
_LOOKS = {
    "text": ("#f4f4f4", "#9a9a9a", "prompt: read only"),
    "counted": ("#bfe6d8", COLOURS[2], "answer: counted in the loss"),
    "user": (COLOURS[1], "black", "user vector: one token"),
    "item": (COLOURS[4], "black", "item vector: one token"),
    "relation": (COLOURS[3], "black", "relation of a title to the item: one token"),
    "told": (COLOURS[3], "black", "measured role of a title: one token"),
}
_MODULE = {"boxstyle": "round,pad=0.3", "facecolor": "#f4f4f4", "edgecolor": "black", "linewidth": 0.8}
_HEIGHT = 2.0  # of a line of boxes, in heights of a letter


def prompt_tokens(frame: pd.DataFrame, axes: Axes) -> Axes:
    """Draw a prompt and its answer as boxes, one per token, in reading order, with a legend below.

    Args:
        frame: columns `text`, `kind` ("text", "user", "item", "relation" or "told") and `counted`, one row per token.
        axes: the axes to draw on, in their final size; the letters are as large as fits.
    """
    kinds = np.where(frame["counted"], "counted", frame["kind"])
    words = [" ".join(text.split()) or "\u2423" for text in frame["text"]]
    keys = [kind for kind in _LOOKS if kind in kinds]
    legend = [_LOOKS[kind][2] for kind in keys]

    def lines(columns: float) -> float:
        return _HEIGHT * (_placed(words, columns)[-1][1] + _placed(legend, columns)[-1][1] + 2.5)

    columns, rows, size = largest_size(axes, lines, max(map(len, (*words, *legend))) + 1.4)
    places, below = _placed(words, columns), _placed(legend, columns)
    axes.set(xlim=(0, columns), ylim=(rows, 0))
    axes.axis("off")
    for (column, line), word, kind in zip(places, words, kinds, strict=True):
        _box(column, line * _HEIGHT, word, str(kind), size, axes)
    first = places[-1][1] + 1.5
    for (column, line), words_of_kind, kind in zip(below, legend, keys, strict=True):
        _box(column, (first + line) * _HEIGHT, words_of_kind, kind, size, axes)
    return axes


def _placed(words: Sequence[str], columns: float) -> list[tuple[float, int]]:
    """Column and line of the boxes of words, broken into lines."""
    places, column, line = [], 0.0, 0
    for word in words:
        width = len(word) + 1.4
        if column and column + width > columns:
            column, line = 0.0, line + 1
        places.append((column, line))
        column += width
    return places


def _box(column: float, top: float, word: str, kind: str, size: float, axes: Axes) -> None:
    face, edge, _ = _LOOKS[kind]
    axes.add_patch(
        FancyBboxPatch(
            (column + 0.2, top + 0.2),
            len(word) + 1.0,
            _HEIGHT - 0.5,
            boxstyle="round,pad=0,rounding_size=0.3",
            facecolor=face,
            edgecolor=edge,
            linewidth=0.8 if kind == "text" else 1.5,
        )
    )
    axes.text(
        column + 0.7 + len(word) / 2,
        top + _HEIGHT / 2 - 0.05,
        word.replace("$", r"\$"),
        ha="center",
        va="center",
        fontfamily="DejaVu Sans Mono",
        fontsize=size,
        fontweight="normal" if kind == "text" else "bold",
    )


def vector_stages(stages: Sequence[tuple[str, Sequence[float]]], steps: Sequence[str], axes: Axes) -> Axes:
    """Draw vectors below each other, one cell per number, with what leads from each to the next.

    Each vector has its own scale: zero is light, its largest number in either direction is dark.

    Args:
        stages: name and numbers of each vector, from first to last.
        steps: what leads from each vector to the next; an empty text where nothing does.
        axes: the axes to draw on.
    """
    lengths = [len(numbers) for _, numbers in stages]
    longest = max(lengths)
    for n, (name, numbers) in enumerate(stages):
        values = np.asarray(numbers, dtype=float)[None]
        bound, top = float(np.abs(values).max()) or 1.0, 2.0 * n
        edges = np.arange(values.shape[1] + 1)
        axes.pcolormesh(edges, [top, top + 0.7], values, cmap="PuOr", vmin=-bound, vmax=bound)
        axes.plot(edges[[0, -1, -1, 0, 0]], [top, top, top + 0.7, top + 0.7, top], color="#555555", linewidth=0.8)
        axes.text(0, top - 0.12, f"{name}: {values.shape[1]} numbers", va="bottom", fontsize=9)
    for n, step in enumerate(steps):
        if step:
            place, start = 0.9 * min(lengths[n : n + 2]), 2.0 * n + 0.72
            axes.annotate("", (place, start + 0.8), (place, start), arrowprops={"arrowstyle": "-|>", "color": "black"})
            axes.text(place + longest * 0.02, start + 0.36, step, va="center", fontsize=9, bbox=_MODULE)
    axes.set(xlim=(-0.01 * longest, 1.01 * longest), ylim=(2.0 * len(stages) - 1.2, -0.8))
    axes.axis("off")
    return axes
