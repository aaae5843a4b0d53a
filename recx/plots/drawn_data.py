"""Drawings for the notebooks on data: the split, what a metric counts, and the way from a history to labels and tokens.

Each is drawn from the numbers of a real run, and its texts fit the axes whatever their size.
"""

import math
import textwrap
from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import FancyBboxPatch, Patch, Rectangle

from recx.plots.style import COLOURS, tidy

BLUE, ORANGE, GREEN = COLOURS[:3]
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
    letters = int(wide / (wide + n) * letters_across(axes, 8)) - 4
    for row, (title, part) in enumerate(zip(titles, parts, strict=True)):
        axes.add_patch(_cell(-wide, row, wide - 0.3, part, hatched=False))
        axes.text(-wide + 0.15, row + 0.5, f"{row + 1:>2} {shorten(title, letters)}", **_mono(8), va="center")
        # A column holds what is read in the colour of its use; the star is what is to be found.
        for column in range(n):
            if row < column or (row == column < n - 2):
                axes.add_patch(_cell(column, row, 0.9, parts[column]))
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
    axes.set(xlim=(-wide - 0.1, n), ylim=(n, -0.9))
    axes.axis("off")
    return axes


def hits_and_gains(frame: pd.DataFrame, axes: Axes, k: int = 10) -> Axes:
    """Draw what HR@k and NDCG@k count: where the sought item stands in each user's list, and what that place is worth.

    Args:
        frame: columns `user` and `rank` (from 1), a row per user.
        axes: the axes to draw on; its frame is removed.
        k: length of the list.
    """
    for place in range(1, k + 1):
        axes.text(place - 0.5, -0.6, str(place), ha="center", fontsize=8)
        axes.text(place - 0.5, len(frame) + 0.4, f"{gain(place, k):.2f}", ha="center", fontsize=8)
    for row, (user, rank) in enumerate(zip(frame["user"], frame["rank"], strict=True)):
        axes.text(-0.2, row, shorten(str(user), 16), ha="right", va="center", fontsize=8)
        for place in range(1, k + 1):
            look = {"facecolor": BLUE} if place == rank else {"facecolor": "white"}
            axes.add_patch(Rectangle((place - 0.95, row - 0.35), 0.9, 0.7, edgecolor="#777777", **look))
        if rank <= k:
            axes.text(rank - 0.5, row - 0.02, _STAR, color="white", ha="center", va="center", fontsize=9)
        texts = ("" if rank <= k else f"place {rank:,}", f"{int(rank <= k)}", f"{gain(rank, k):.2f}")
        for column, text in zip((k + 1.1, k + 2.9, k + 4.3), texts, strict=True):
            axes.text(column, row, text, ha="center", va="center", fontsize=8)
    for column, text in ((k + 1.1, "beyond"), (k + 2.9, f"HR@{k}"), (k + 4.3, f"NDCG@{k}")):
        axes.text(column, -0.6, text, ha="center", fontsize=8)
    means = (np.mean(frame["rank"] <= k), np.mean([gain(r, k) for r in frame["rank"]]))
    for column, mean in zip((k + 2.9, k + 4.3), means, strict=True):
        axes.text(column, len(frame) + 0.4, f"{mean:.2f}", ha="center", fontsize=8, fontweight="bold")
    axes.text(k + 1.1, len(frame) + 0.4, "mean", ha="center", fontsize=8, fontweight="bold")
    axes.text(-0.2, -0.6, "place in the list", ha="right", fontsize=8)
    axes.text(-0.2, len(frame) + 0.4, "gain of the place", ha="right", fontsize=8)
    axes.set(xlim=(-3.2, k + 5.2), ylim=(len(frame) + 0.7, -1.2))
    axes.axis("off")
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
    letters = max(20, int(1.1 * letters_across(axes, 8)))
    lines = textwrap.wrap("History: " + "; ".join(history), letters)
    axes.set_title("\n".join(lines).replace("$", r"\$"), loc="left", fontsize=8, pad=18)
    first = shorten(str(frame["title"].iloc[0]), letters // 2)
    star = Line2D([], [], color=BLUE, marker="*", markeredgecolor="black", markersize=9, linestyle="")
    dot = Line2D([], [], color=ORANGE, marker="o", markeredgecolor="black", linestyle="")
    axes.legend(
        [star, dot], [f"task 1: {first}", "task 2: five items, in this order"], frameon=False, fontsize=8, loc=1
    )
    spread = float(frame["score"].max() - frame["score"].min()) or 1.0
    axes.set(xlim=(-0.01 * n, n), ylim=(frame["score"].min() - 0.05 * spread, frame["score"].max() + 0.2 * spread))
    axes.set(xlabel="unseen items, best first by the target", ylabel="score")
    return tidy(axes)


_KINDS = {"user": "user vector", "item": "item vector", "relation": "relation"}
_ENTITY = {"user": ORANGE, "item": COLOURS[4], "relation": COLOURS[3]}


def token_row(frame: pd.DataFrame, axes: Axes, size: float = 8) -> Axes:
    """Draw a row of tokens as boxes; a vector is one of them, and what the loss counts has a dark frame.

    Args:
        frame: from `recx.prompts.token_view.tokens_shown`: columns `text`, `kind` (text, user, item or relation) and
            `counted`.
        axes: the axes to draw on, alone in its figure, whose height is set to that of the lines.
        size: of the letters, in points.
    """
    room, x, line = int(letters_across(axes, size)) - 2, 0.0, 0
    for text, kind, counted in zip(frame["text"], frame["kind"], frame["counted"], strict=True):
        shown = kind if kind in _KINDS else shorten(text.replace("\n", "\u21b5"), room - 2)
        width = max(1, len(shown)) + 0.7
        if x + width > room:
            x, line = 0.0, line + 1
        colour = _ENTITY.get(kind, "#d9efe6" if counted else "white")
        look = {
            "facecolor": colour,
            "edgecolor": "black" if counted else "#aaaaaa",
            "linewidth": 1.4 if counted else 0.6,
        }
        box = "round,pad=0,rounding_size=0.3" if kind in _KINDS else "square,pad=0"
        axes.add_patch(FancyBboxPatch((x, line * 1.5), width - 0.25, 1.15, boxstyle=box, **look))
        axes.text(x + (width - 0.25) / 2, line * 1.5 + 0.58, shown.replace("$", r"\$"), **_mono(size), **_centre())
        x += width
    entities = [kind for kind in _KINDS if kind in set(frame["kind"])]
    handles = [Patch(facecolor="white", edgecolor="#aaaaaa", label="token of the prompt")]
    handles += [Patch(facecolor=_ENTITY[k], edgecolor="#aaaaaa", label=f"{_KINDS[k]}: one token") for k in entities]
    if frame["counted"].any():
        handles += [Patch(facecolor="#d9efe6", edgecolor="black", label="token of the answer: counted in the loss")]
    axes.legend(
        handles=handles, loc="upper center", bbox_to_anchor=(0.5, 0.0), ncols=len(handles), frameon=False, fontsize=8
    )
    axes.set(xlim=(-0.2, room + 0.2), ylim=(line * 1.5 + 1.4, -0.2))
    axes.axis("off")
    axes.figure.set_figheight(0.034 * size * (line + 1) + 0.5)
    return axes


def letters_across(axes: Axes, size: float) -> float:
    """How many letters of DejaVu Sans Mono, `size` points high, stand side by side across the axes."""
    inches = axes.get_window_extent().width / axes.figure.dpi
    return inches / (0.602 * size / 72)  # a letter is 0.602 times its size wide


def shorten(text: str, letters: int) -> str:
    """The text, cut where it is longer than so many letters; dollar signs do not start formulas."""
    cut = text if len(text) <= letters else text[: max(1, letters - 1)] + "\u2026"
    return cut.replace("$", r"\$")


def _mono(size: float) -> dict[str, object]:
    return {"fontfamily": "DejaVu Sans Mono", "fontsize": size}


def _centre() -> dict[str, str]:
    return {"ha": "center", "va": "center"}


def _cell(x: float, y: float, width: float, part: str, hatched: bool = True) -> Rectangle:
    hatch = _HATCHES[part] if hatched else ""
    return Rectangle((x, y), width, 0.9, facecolor=PALE[part], hatch=hatch, edgecolor="#777777", linewidth=0.6)
