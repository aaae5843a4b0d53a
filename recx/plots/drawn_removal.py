"""Drawings of what is taken away to learn what it was worth: titles of a history, and tasks of a training."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from recx.plots.fitted_text import text_box
from recx.plots.style import COLOURS, tidy

BLUE, ORANGE = COLOURS[0], COLOURS[5]
_GONE = {"facecolor": "#eeeeee", "edgecolor": "#999999", "linestyle": "--"}
_LIGHT = ("#cfe3f2", "#fbe3b8", "#c9e9df", "#f0d9e6", "#dddddd")
_GAP = 0.08
_BASE = 2.75  # height of the zero line above the boxes


def effect_row(frame: pd.DataFrame, axes: Axes) -> Axes:
    """Draw one history as a row of boxes, with the effect of each title as a bar above its box.

    The titles that a text cites have a thick frame.

    Args:
        frame: columns `title, effect, cited`, oldest first.
        axes: the axes to draw on; its frame is removed.
    """
    largest = max(frame["effect"].abs().max(), 1e-9)
    axes.set(xlim=(0, len(frame)), ylim=(-0.5, 4.2))
    axes.axis("off")
    axes.plot([_GAP, len(frame) - _GAP], [_BASE, _BASE], color="black", linewidth=0.8)
    for place, row in enumerate(frame.itertuples()):
        look = {"linewidth": 2.4, "edgecolor": "black"} if row.cited else {}
        text_box(axes, (place + _GAP, 0), (1 - 2 * _GAP, 1.1), row.title, bold=row.cited, **look)
        height = row.effect / largest
        colour, hatch = (BLUE, "") if height >= 0 else (ORANGE, "//")
        axes.bar(place + 0.5, height, 0.5, bottom=_BASE, color=colour, hatch=hatch, edgecolor="white")
        axes.annotate(_signed(row.effect), (place + 0.5, _BASE + height), xytext=(0, 2 if height >= 0 else -2),
                      textcoords="offset points", ha="center", va="bottom" if height >= 0 else "top",
                      fontsize=8)  # fmt: skip
    for place, text, side in (
        (_GAP, "oldest", "left"),
        (len(frame) / 2, "thick frame: cited by the text", "center"),
        (len(frame) - _GAP, "latest", "right"),
    ):
        axes.text(place, -0.3, text, fontsize=8, color="#444444", ha=side, va="center")
    return axes


def joining_orders(frame: pd.DataFrame, title: str, axes: Axes) -> Axes:
    """Draw what a Shapley value averages: every order in which the titles can join, with what each adds on joining.

    Args:
        frame: columns `order, title, gain`; the rows of an order from the title that joins first.
        title: the one whose gains are averaged at the right.
        axes: the axes to draw on; its frame is removed.
    """
    orders = dict(iter(frame.groupby("order", sort=False)))
    count = frame["title"].nunique()
    colours = {name: _LIGHT[n % len(_LIGHT)] for n, name in enumerate(frame["title"].unique())}
    axes.set(xlim=(0, count + 1), ylim=(-1, len(orders) + 0.6))
    axes.axis("off")
    for row, own in zip(range(len(orders) - 1, -1, -1), orders.values(), strict=True):
        for place, one in enumerate(own.itertuples()):
            look = {"edgecolor": "black", "linewidth": 2.4} if one.title == title else {}
            text_box(axes, (place + _GAP / 2, row + _GAP), (1 - _GAP, 1 - 2 * _GAP), f"{one.title} {_signed(one.gain)}",
                     fontsize=8, bold=one.title == title, facecolor=colours[one.title], **look)  # fmt: skip
        axes.text(count + 0.5, row + 0.5, _signed(own.set_index("title")["gain"][title]), ha="center", va="center")
    mean = frame.loc[frame["title"] == title, "gain"].mean()
    axes.plot([count + 0.15, count + 0.85], [-0.05, -0.05], color="black", linewidth=0.8)
    axes.text(count + 0.5, -0.5, rf"$\phi$ = {_signed(mean)}", ha="center", va="center", fontweight="bold")
    axes.text(0.04, -0.5, "each row is one order of joining; the mean over all orders:", fontsize=8, va="center")
    axes.text(count + 0.5, len(orders) + 0.3, "gain of the framed title", fontsize=8, ha="center", va="center")
    for place in range(count):
        axes.text(place + 0.5, len(orders) + 0.3, f"joins as number {place + 1}", fontsize=8, ha="center", va="center")
    return axes


def drops_of_sets(drops: np.ndarray, cited: float, axes: Axes) -> Axes:
    """Draw how far the target moves from its decision without the cited titles, among all sets of as many titles.

    The scale below is in log-probability, the one above is the normalised effect: 0 for the mean, 1 for the best set.

    Args:
        drops: (S,) move away from the decision without each set, in nats.
        cited: that without the cited titles.
        axes: the axes to draw on.
    """
    mean, best = float(drops.mean()), float(drops.max())
    span = max(best - mean, 1e-9)
    axes.hist(drops, bins=min(24, max(6, len(drops) // 3)), color="#c8c8c8", edgecolor="white")
    for place, name, colour, style in (
        (mean, "a random set, on average", "black", ":"),
        (cited, "the cited titles", ORANGE, "-"),
        (best, "the best set", BLUE, "--"),
    ):
        axes.axvline(place, color=colour, linestyle=style, linewidth=2, label=f"{name}: {place:+.2f}")
    axes.set_xlabel("move away from the target's decision without the set (log-probability, in nats)")
    axes.set_ylabel(f"number of sets\n({len(drops)} in all)")
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.margins(x=0.08)
    above = axes.secondary_xaxis("top", functions=(lambda x: (x - mean) / span, lambda y: mean + y * span))
    above.set_xlabel("normalised effect")
    axes.legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1.02, 0.5))
    return tidy(axes)


def change_of_rank(
    frame: pd.DataFrame, before: tuple[int, str], after: tuple[int, str], unseen: int, axes: Axes
) -> Axes:
    """Draw a history with some titles taken out, and where the item asked about stands before and after that.

    Args:
        frame: columns `title, out`, oldest first.
        before: rank of the item (1 is the best) and the target's decision for the whole history.
        after: the same for what is left.
        unseen: how many items are ranked.
        axes: the axes to draw on; its frame is removed.
    """
    axes.set(xlim=(0, len(frame)), ylim=(0, 4))
    axes.axis("off")
    for place, row in enumerate(frame.itertuples()):
        corner, size = (place + _GAP, 2.6), (1 - 2 * _GAP, 1.3)
        text_box(axes, corner, size, row.title, ink="#777777" if row.out else "black", **_GONE if row.out else {})
        if row.out:
            right, top = np.add(corner, size)
            axes.plot([corner[0], right], [corner[1], top], color=ORANGE, linewidth=1.5)
    left, right = 0.1 * len(frame), 0.9 * len(frame)
    axes.plot([left, right], [1.2, 1.2], color="black", linewidth=1)
    axes.text(left, 0.95, "rank 1", fontsize=8, ha="center", va="top")
    axes.text(right, 0.95, f"rank {unseen}", fontsize=8, ha="center", va="top")
    for (rank, decision), name, colour, marker, height in (
        (before, "whole history", BLUE, "v", 1.95),
        (after, "without those crossed out", ORANGE, "^", 0.2),
    ):
        place = left + (right - left) * (rank - 1) / max(1, unseen - 1)
        axes.plot(place, 1.2, marker, color=colour, markersize=10, markeredgecolor="black", clip_on=False)
        side = "left" if rank < unseen / 3 else "right" if rank > 2 * unseen / 3 else "center"
        axes.text(place, height, f"{name}: rank {rank}, {decision}", fontsize=9, color="black", ha=side, va="center")
    return axes


def rank_figure(frame: pd.DataFrame, before: tuple[int, str], after: tuple[int, str], unseen: int) -> Figure:
    """Draw `change_of_rank` on a figure of its own, for a slider."""
    figure = Figure(figsize=(9, 2.6))
    change_of_rank(frame, before, after, unseen, figure.add_axes((0, 0, 1, 1)))
    return figure


def tasks_left_out(frame: pd.DataFrame, axes: Axes) -> Axes:
    """Draw which tasks each variant of a training is trained on, and with how many rows.

    Args:
        frame: columns `variant, task, rows`; no rows where the task is left out.
        axes: the axes to draw on; its frame is removed.
    """
    variants, tasks = frame["variant"].unique(), frame["task"].unique()
    axes.set(xlim=(-2.4, len(tasks)), ylim=(-0.05, len(variants) + 1))
    axes.axis("off")
    for column, task in enumerate(tasks):
        text_box(axes, (column, len(variants)), (1, 0.9), task, fontsize=8, edgecolor="none")
    for row, variant in enumerate(reversed(variants)):
        text_box(axes, (-2.4, row), (2.3, 0.9), variant, fontsize=9, left=True, edgecolor="none")
        rows = frame[frame["variant"] == variant].set_index("task")["rows"]
        for column, task in enumerate(tasks):
            look = {"facecolor": "#cfe3f2"} if rows[task] else _GONE
            text_box(axes, (column + 0.05, row), (0.9, 0.9), f"{rows[task]:,}" if rows[task] else "–", 8, **look)
    return axes


def _signed(number: float) -> str:
    """Two digits with a sign, and no negative zero."""
    return f"{round(float(number), 2) + 0.0:+.2f}"
