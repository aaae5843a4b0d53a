"""Drawings of explanations as others read them: a discriminator that is asked for the source, a reader who checks."""

import re
import textwrap

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from recx.plots.fitted_text import text_box

# Background, edge and question of each kind of mark; edges differ too, so that colours are not the only cue.
KINDS = {
    "decision": ("#fbe3b8", "-", "decision: is it the target's?"),
    "citation": ("#cfe3f2", "-", "citation: is it in the history?"),
    "statement": ("#e8dcf0", "--", "statement: is it true?"),
}
_SIGNS = {"yes": " \u2713", "no": " \u2717", "unknown": " ?", "": ""}
_QUESTIONS = ("Which of all sources wrote it?", "What score did the target give? (a number)")
_PART = 40  # letters of a marked piece that stay together in a line
_SIZES = np.arange(10, 4.5, -0.5)
_LINE = 2.1  # distance of lines, in sizes of a letter


def sources_asked(frame: pd.DataFrame, axes: Axes) -> Axes:
    """Draw what a discriminator sees of the texts of several sources about one pair, and what it is asked.

    Args:
        frame: columns `source, view, text`, one row for each source and view.
        axes: the axes to draw on; its frame is removed.
    """
    sources, views = list(frame["source"].unique()), list(frame["view"].unique())
    names, width, rows = 1.2, 3.4, len(sources)
    axes.set(xlim=(0, names + width * len(views)), ylim=(-1.5, rows + 0.5))
    axes.axis("off")
    texts = frame.set_index(["source", "view"])["text"]
    half = width * len(views) / len(_QUESTIONS)
    for column, view in enumerate(views):
        left = names + width * column
        text_box(axes, (left, rows), (width, 0.45), f"sees the {view}", bold=True, edgecolor="none")
        for row, source in enumerate(reversed(sources)):
            text_box(axes, (left + 0.05, row + 0.06), (width - 0.1, 0.88), texts[source, view], 8, left=True)
        for place in range(len(_QUESTIONS)):
            end = names + half * (place + 0.5) + 0.15 * (column - place)
            axes.annotate("", (end, -0.5), (left + width / 2, 0.04), arrowprops={"arrowstyle": "-|>"})
    for row, source in enumerate(reversed(sources)):
        text_box(axes, (0, row + 0.06), (names, 0.88), source, bold=True, edgecolor="none")
    text_box(axes, (0, -1.4), (names, 0.9), "is asked", bold=True, edgecolor="none")
    for place, question in enumerate(_QUESTIONS):
        text_box(axes, (names + half * place + 0.05, -1.4), (half - 0.1, 0.9), question, facecolor="#fbe3b8")
    return axes


def marked_text(frame: pd.DataFrame, axes: Axes) -> Axes:
    """Draw an explanation with its marks: the decision, the titles it cites and what it states, each with a verdict.

    The letters are as large as the axes allow.

    Args:
        frame: columns `text, kind, holds`, the pieces of one text in order: `kind` is a key of `KINDS` or empty, and
            `holds` is "yes", "no", "unknown" or empty.
        axes: the axes to draw on; its frame is removed.
    """
    axes.set(xlim=(0, 1), ylim=(0, 1))
    axes.axis("off")
    box = axes.get_window_extent()
    dots = axes.get_figure(root=True).dpi / 72
    words = _words(frame)
    for size in _SIZES:
        line = _LINE * size * dots / box.height
        shown = [
            axes.text(0, 0, text, fontsize=size, va="center", parse_math=False, **_look(kind))
            for text, kind, _ in words
        ]
        x, y = 0.01, 1 - line / 2
        for one, (_, kind, after_space) in zip(shown, words, strict=True):
            width = one.get_window_extent().width / box.width
            letter = size * dots / box.width
            x += (0.35 * after_space + 0.25 * bool(kind)) * letter
            if after_space and x + width > 0.97:
                x, y = 0.01 + 0.25 * bool(kind) * letter, y - line
            one.set_position((x, y))
            x += 1.03 * width + 0.25 * bool(kind) * letter  # letters are rounded to other pixels when saved
        if y - line / 2 > 0.2 or size == _SIZES[-1]:
            break
        for one in shown:
            one.remove()
    for n, (colour, style, question) in enumerate(KINDS.values()):
        look = {"facecolor": colour, "linestyle": style}
        text_box(axes, (n / len(KINDS) + 0.01, 0.01), (1 / len(KINDS) - 0.02, 0.15), question, **look)
    return axes


def _words(frame: pd.DataFrame) -> list[tuple[str, str, bool]]:
    """Split pieces into what stays together in a line: text, kind, and whether a space precedes it."""
    words: list[tuple[str, str, bool]] = []
    space = False
    for row in frame.itertuples():
        if row.kind:
            parts = textwrap.wrap(row.text, _PART)
            parts[-1] += _SIGNS[row.holds]
            words += [(part, row.kind, space or n > 0) for n, part in enumerate(parts)]
            space = False
            continue
        for part in re.split(r"(\s+)", row.text):
            if part.strip():
                words.append((part, "", space))
            space = space if not part else not part.strip()
    return words


def _look(kind: str) -> dict[str, object]:
    """The box behind a marked piece."""
    if not kind:
        return {}
    colour, style, _ = KINDS[kind]
    return {"bbox": {"boxstyle": "square,pad=0.2", "facecolor": colour, "edgecolor": "#444444", "linestyle": style}}
