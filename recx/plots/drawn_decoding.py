"""Drawings of decoding and of what its metrics count: beams on a trie, hits of one user, two raters' agreement."""

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from recx.plots.fitted_text import largest_size
from recx.plots.style import COLOURS

_OPEN, _CERTAIN, _GIVEN_UP = "#f4f4f4", "#bfe6d8", "white"
_LONGEST = 38  # characters of a title shown
_GAP = 4.0  # between columns, in characters


def beam_tree(frame: pd.DataFrame, axes: Axes, step: int | None = None, given_up: int = 2) -> Axes:
    """Draw a beam search from left to right: the beams after each step from the most probable down, and the best paths
    given up, dashed. A path is green once only one title is left, which is written at the right with its probability.

    Args:
        frame: result of `recx.explaining.beam_trace.trace_beams`.
        axes: the axes to draw on, in their final size.
        step: the last step shown; by default all.
        given_up: how many of the paths given up at each step are shown.
    """
    shown = [_shown(rows, given_up) for _, rows in frame.groupby("step")]
    widths = [max(len(_word(path)) for path in paths) + 2.0 for paths in shown]
    lefts = np.cumsum([_GAP + 5.6, *(width + _GAP for width in widths)])
    ends = [_ending(path) for path in shown[-1] if path["kept"]]
    depth = max(map(len, shown))
    columns, lines, size = largest_size(
        axes, lambda _: 2.0 * depth + 2, float(lefts[-1]) + max(map(len, ends)) + 1.0, most=10.0
    )
    axes.set(xlim=(0, columns), ylim=(lines, 0))
    axes.axis("off")
    letters: dict[str, Any] = {"va": "center", "fontfamily": "DejaVu Sans Mono", "fontsize": size}
    places = {0: (5.6, 2.0 + depth)}
    axes.text(0.3, 2.0 + depth, "start", **letters)
    for n, paths in enumerate(shown[:step]):
        axes.text(lefts[n], 0.7, f"step {n + 1}", color="#555555", **letters)
        for rank, path in enumerate(paths):
            height, start = 3.0 + 2.0 * rank, places[path["parent"]]
            places[path["path"]] = (lefts[n] + widths[n], height)
            line, colour = ("-", "black") if path["kept"] else ("--", "#777777")
            axes.plot([start[0], lefts[n]], [start[1], height], line, color=colour, linewidth=0.5 + 2 * path["share"])
            _token(path, lefts[n], widths[n], height, letters, axes)
    if step is None or step >= len(shown):
        for rank, text in enumerate(ends):
            axes.text(lefts[-1] - _GAP + 1, 3.0 + 2.0 * rank, text, **letters)
    return axes


def beam_figure(step: int, frame: pd.DataFrame) -> Figure:
    """Draw a beam search up to a step on a figure of its own, for a slider."""
    figure = Figure(figsize=(11, 2.6))
    beam_tree(frame, figure.add_axes((0, 0, 1, 1)), step)
    return figure


def _shown(rows: pd.DataFrame, given_up: int) -> list[dict[str, Any]]:
    rows = rows.sort_values("log_prob", ascending=False, kind="stable")
    rows = pd.concat([rows[rows["kept"]], rows[~rows["kept"]][:given_up]])
    return rows.assign(share=np.exp(rows["log_prob"])).to_dict("records")


def _word(path: dict[str, Any]) -> str:
    return " ".join(path["text"].split()) or ("\u2423" if path["text"] else "\u2500")  # white space, or carried over


def _ending(path: dict[str, Any]) -> str:
    return f"{path['share']:.2f}  " + _short(path["title"] or "\u2026")


def _token(path: dict[str, Any], left: float, width: float, height: float, letters: dict[str, Any], axes: Axes) -> None:
    face = _GIVEN_UP if not path["kept"] else _CERTAIN if path["title"] else _OPEN
    ink = "black" if path["kept"] else "#777777"
    axes.add_patch(Rectangle((left, height - 0.75), width, 1.5, facecolor=face, edgecolor=ink, linewidth=0.8, zorder=2))
    axes.text(left + width / 2, height, _word(path).replace("$", r"\$"), color=ink, ha="center", zorder=3, **letters)


def counted_hits(titles: Sequence[str], wanted: str, axes: Axes) -> Axes:
    """Draw what HR@K and NDCG@K count for one user: the K titles, what each place is worth, and which one is wanted.

    Args:
        titles: K titles, best first.
        wanted: the one correct title.
        axes: the axes to draw on.
    """
    worth = 1 / np.log2(np.arange(2, len(titles) + 2))
    hits = [title == wanted for title in titles]
    for n, (title, value, hit) in enumerate(zip(titles, worth, hits, strict=True)):
        colour = COLOURS[2] if hit else "#dddddd"
        axes.barh(n, value, height=0.62, color=colour, edgecolor="black" if hit else "none", linewidth=1.5)
        axes.text(-0.03, n, f"{n + 1}.  {_short(title)}", ha="right", va="center", fontweight="bold" if hit else None)
        words = rf"$1/\log_2({n + 1}+1)={value:.2f}$" + ("   the target's first item" if hit else "")
        axes.text(value + 0.02, n, words, va="center")
    gain = float(worth[hits].sum())
    missing = "" if any(hits) else f" ({_short(wanted)} is missing)"
    axes.set_title(f"HR@{len(titles)} = {int(any(hits))},  NDCG@{len(titles)} = {gain:.2f}{missing}", fontsize=11)
    axes.set(xlim=(-1.4, 2.3), ylim=(len(titles) - 0.5, -0.5))
    axes.axis("off")
    return axes


def _short(title: str) -> str:
    return (title if len(title) <= _LONGEST else title[: _LONGEST - 1] + "\u2026").replace("$", r"\$")


def confusion_table(first: Sequence[Hashable], second: Sequence[Hashable], names: tuple[str, str], axes: Axes) -> Axes:
    """Draw how often two raters gave which answers, and Cohen's kappa, which counts their agreement beyond chance.

    Args:
        first: N answers of one rater, in the rows.
        second: N answers of the other to the same questions, in the columns.
        names: names of the two.
        axes: the axes to draw on.
    """
    levels = sorted({*first, *second}, key=str)
    counts = pd.crosstab(pd.Categorical(first, levels), pd.Categorical(second, levels), dropna=False).to_numpy()
    total, size = counts.sum(), len(levels)
    expected = np.outer(counts.sum(1), counts.sum(0)) / total
    for row in range(size):
        for column in range(size):
            same = row == column
            look = {"facecolor": "#bfe6d8" if same else "white", "edgecolor": "black" if same else "#999999"}
            axes.add_patch(Rectangle((column, row), 1, 1, linewidth=1.6 if same else 0.8, zorder=1 + same, **look))
            middle = {"ha": "center", "va": "center", "zorder": 3}
            axes.text(column + 0.5, row + 0.42, str(counts[row, column]), fontsize=11, **middle)
            axes.text(column + 0.5, row + 0.76, f"by chance {expected[row, column]:.0f}", fontsize=7, **middle)
    for n, level in enumerate(levels):
        axes.text(-0.1, n + 0.5, f"{level} ({counts[n].sum()})", ha="right", va="center")
        axes.text(n + 0.5, -0.1, f"{level} ({counts[:, n].sum()})", ha="center", va="bottom")
    axes.text(-0.1, -0.1, names[0], ha="right", va="bottom", fontweight="bold")
    axes.text(size / 2, -0.42, names[1], ha="center", va="bottom", fontweight="bold")
    observed, chance = counts.trace() / total, expected.trace() / total
    kappa = rf"{(observed - chance) / (1 - chance):.2f}" if chance < 1 else r"\mathrm{undefined}"
    axes.text(
        size / 2, size + 0.15, rf"$p_o={observed:.2f},\ p_e={chance:.2f},\ \kappa={kappa}$", ha="center", va="top"
    )
    axes.set(xlim=(-1.2, size + 0.2), ylim=(size + 0.5, -0.8))
    axes.axis("off")
    return axes
