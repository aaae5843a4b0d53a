"""Drawings of data: the split, what a metric counts, and the way from a history to labels.

Each is drawn from the numbers of a real run, and its texts fit the axes whatever their size.
"""

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle

from recx.plots.fitted_text import fit_text, text_box
from recx.plots.style import COLOURS, tidy

BLUE, ORANGE = COLOURS[:2]
PALE = {"train": "#cfe3f1", "validation": "#fbe3b4", "test": "#f3c3a0"}  # light enough for black text
_HATCHES = {"train": "", "validation": "///", "test": "xxx"}
_STAR = "\u2605"


def split_of_user(titles: Sequence[str], axes: Axes) -> Axes:
    """Draw the leave-one-out split of one user: choices downwards, and one column for each history that is read.

    Args:
        titles: the user's n >= 3 choices, oldest first.
        axes: the axes to draw on; its frame is removed.
    """
    n = len(titles)
    parts = ["train"] * (n - 2) + ["validation", "test"]
    wide = 0.55 * n + 4  # of the column of titles, in cells
    axes.set(xlim=(-wide - 0.1, n), ylim=(n, -0.9))
    axes.axis("off")
    for row, (title, part) in enumerate(zip(titles, parts, strict=True)):
        look = {"facecolor": PALE[part], "edgecolor": "#777777", "linewidth": 0.6}
        text_box(axes, (-wide, row), (wide - 0.3, 0.9), f"{row + 1}. {title}", 8, left=True, **look)
        # A column holds what is read in the colour of its use; the star is what is to be found.
        for column in range(n):
            if row < column or (row == column < n - 2):
                axes.add_patch(_cell(column, row, parts[column]))
            elif row == column:
                axes.text(column + 0.45, row + 0.45, _STAR, ha="center", va="center", fontsize=11)
    for left, right, word in ((0, n - 2, "training"), (n - 2, n - 1, "valid."), (n - 1, n, "test")):
        axes.text((left + right - 0.1) / 2, -0.25, word, ha="center", fontsize=8)
    axes.text(-wide, -0.25, "choices of one user, oldest first", fontsize=8)
    handles = [Patch(facecolor=PALE[p], hatch=_HATCHES[p], edgecolor="black", label=p) for p in PALE]
    star = Line2D([], [], color="black", marker="*", linestyle="", label="to be found")
    axes.legend(
        handles=[*handles, star], loc="upper center", bbox_to_anchor=(0.5, -0.02), ncols=4, frameon=False, fontsize=8
    )
    return axes


def hits_and_gains(frame: pd.DataFrame, axes: Axes, k: int = 10) -> Axes:
    """Draw what HR@k and NDCG@k count: where the sought item stands in each user's list, and what that place is worth.

    Args:
        frame: columns `user` and `rank` (from 1), a row per user.
        axes: the axes to draw on; its frame is removed.
        k: length of the list.
    """
    axes.set(xlim=(-3.2, k + 5.2), ylim=(len(frame) + 0.7, -1.2))
    axes.axis("off")
    for place in range(1, k + 1):
        axes.text(place - 0.5, -0.6, str(place), ha="center", fontsize=8)
        axes.text(place - 0.5, len(frame) + 0.4, f"{gain(place, k):.2f}", ha="center", fontsize=8)
    for row, (user, rank) in enumerate(zip(frame["user"], frame["rank"], strict=True)):
        text_box(axes, (-3.2, row - 0.45), (3.1, 0.9), str(user), 8, edgecolor="none")
        for place in range(1, k + 1):
            look = {"facecolor": BLUE} if place == rank else {"facecolor": "white"}
            axes.add_patch(Rectangle((place - 0.95, row - 0.35), 0.9, 0.7, edgecolor="#777777", **look))
        if rank <= k:
            axes.text(rank - 0.5, row - 0.02, _STAR, color="white", ha="center", va="center", fontsize=9)
        texts = ("" if rank <= k else f"place {rank:,}", f"{int(rank <= k)}", f"{gain(rank, k):.2f}")
        for column, text in zip((k + 1.1, k + 2.9, k + 4.3), texts, strict=True):
            axes.text(column, row, text, ha="center", va="center", fontsize=8)
    for column, text in ((k + 1.1, f"beyond {k}"), (k + 2.9, f"HR@{k}"), (k + 4.3, f"NDCG@{k}")):
        axes.text(column, -0.6, text, ha="center", fontsize=8)
    means = (np.mean(frame["rank"] <= k), np.mean([gain(r, k) for r in frame["rank"]]))
    for column, mean in zip((k + 2.9, k + 4.3), means, strict=True):
        axes.text(column, len(frame) + 0.4, f"{mean:.2f}", ha="center", fontsize=8, fontweight="bold")
    axes.text(k + 1.1, len(frame) + 0.4, "mean", ha="center", fontsize=8, fontweight="bold")
    axes.text(-0.2, -0.6, "place in the list", ha="right", fontsize=8)
    axes.text(-0.2, len(frame) + 0.4, "gain of the place", ha="right", fontsize=8)
    return axes


def gain(rank: int, k: int) -> float:
    """NDCG@k of one user with one sought item: 1 / log2(1 + rank), and 0 beyond the k-th place."""
    return 1 / math.log2(1 + rank) if rank <= k else 0.0


def labels_of_ranking(frame: pd.DataFrame, history: Sequence[str], axes: Axes) -> Axes:
    """Draw where the labels of tasks 1 to 3 come from: the target's scores of all unseen items, best first.

    Args:
        frame: columns `title`, `score` and `ranked` (whether the item is one of the five of task 2), best first.
        history: titles that the target has read, oldest first.
        axes: the axes to draw on.
    """
    n, places = len(frame), np.arange(1, len(frame) + 1)
    axes.plot(places, frame["score"], color="black", linewidth=1.4)
    for left, right, part, word in (
        (0, 0.2 * n, "train", "task 3: liked"),
        (0.2 * n, 0.5 * n, "", "not asked about"),
        (0.5 * n, n, "test", "task 3: disliked"),
    ):
        if part:
            axes.axvspan(left, right, facecolor=PALE[part], edgecolor="none", zorder=0)
        axes.text((left + right) / 2, 1.02, word, transform=axes.get_xaxis_transform(), ha="center", fontsize=8)
    five = np.flatnonzero(frame["ranked"])
    axes.scatter(places[five], frame["score"].iloc[five], s=36, color=ORANGE, edgecolor="black", zorder=3)
    for number, place in enumerate(five, 1):
        at = (places[place], frame["score"].iloc[place])
        above = 6 if number % 2 else -14  # neighbours in the ranking do not write over each other
        axes.annotate(str(number), at, (0, above), textcoords="offset points", ha="center", fontsize=8)
    axes.scatter([1], frame["score"].iloc[:1], s=90, marker="*", color=BLUE, edgecolor="black", zorder=4)
    box, line = axes.get_window_extent(), 12 * axes.get_figure(root=True).dpi / 72
    read = axes.set_title("", loc="left", pad=18)
    fit_text(read, "History: " + "; ".join(history), np.array([box.width, 5 * line]), 8)
    star = Line2D([], [], color=BLUE, marker="*", markeredgecolor="black", markersize=9, linestyle="")
    dot = Line2D([], [], color=ORANGE, marker="o", markeredgecolor="black", linestyle="")
    words = ["task 1: the best", "task 2: five items, in this order"]
    legend = axes.legend([star, dot], words, frameon=False, fontsize=8, loc=1)
    best = legend.get_texts()[0]
    fit_text(best, f"task 1: {frame['title'].iloc[0]}", np.array([0.6 * box.width, 3 * line]), 8)
    spread = float(frame["score"].max() - frame["score"].min()) or 1.0
    axes.set(xlim=(-0.01 * n, n), ylim=(frame["score"].min() - 0.05 * spread, frame["score"].max() + 0.2 * spread))
    axes.set(xlabel="unseen items, best first by the target", ylabel="score")
    return tidy(axes)


def _cell(x: float, y: float, part: str) -> Rectangle:
    look = {"facecolor": PALE[part], "hatch": _HATCHES[part], "edgecolor": "#777777", "linewidth": 0.6}
    return Rectangle((x, y), 0.9, 0.9, **look)
