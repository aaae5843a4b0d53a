"""Drawings of what notebooks 13 to 16 add: two stages, a graph with edges left out, rules of groups, a preference."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from recx.plots.fitted_text import text_box
from recx.plots.style import COLOURS

BLUE, ORANGE = COLOURS[0], COLOURS[5]
_ARROW = {"arrowstyle": "-|>", "color": "#444444"}
_RULE = {True: {"facecolor": "#cfe3f2", "linewidth": 2.4, "edgecolor": "black"}, False: {}}


def two_stages(history: str, recommender: str, item: str, prompt: str, answer: str, axes: Axes) -> Axes:
    """Draw who reads what in LLMXRec: a recommender chooses the item, and a language model reads words alone.

    Args:
        history: titles of the history.
        recommender: name of the recommender.
        item: title of the item that it recommends.
        prompt: beginning of the language model's prompt.
        answer: what it writes.
        axes: the axes to draw on; its frame is removed.
    """
    axes.set(xlim=(-0.05, 10.05), ylim=(0, 3.9))
    axes.axis("off")
    text_box(axes, (0, 2.3), (2.6, 1.5), f"history: {history}", 8)
    text_box(axes, (3.6, 2.3), (2.4, 1.5), f"stage 1: the recommender {recommender}", bold=True, facecolor="#cfe3f2")
    text_box(axes, (7, 2.3), (3, 1.5), f"item: {item}", 8)
    text_box(axes, (0, 0.1), (2.6, 1.5), prompt, 8, left=True)
    text_box(axes, (3.6, 0.1), (2.4, 1.5), "stage 2: a language model", bold=True, facecolor="#fbe3b8")
    text_box(axes, (7, 0.1), (3, 1.5), answer, 8, left=True)
    for start, end in (
        ((2.6, 3.05), (3.6, 3.05)), ((6, 3.05), (7, 3.05)),  # stage 1
        ((2.6, 0.85), (3.6, 0.85)), ((6, 0.85), (7, 0.85)),  # stage 2
        ((1.3, 2.3), (1.3, 1.6)), ((7.6, 2.3), (2.2, 1.6)),  # what the prompt is made from
    ):  # fmt: skip
        axes.annotate("", end, start, arrowprops=_ARROW)
    return axes


def left_out_edges(frame: pd.DataFrame, axes: Axes) -> Axes:
    """Draw a part of a graph of users and items: edges that stay, those of explained pairs, and those of unseen users.

    Args:
        frame: columns `user, item, kind`, one row per edge, where `kind` is "kept", "explained" or "unseen".
        axes: the axes to draw on; its frame is removed.
    """
    looks = {
        "kept": ("#444444", "-", "stays in the graph"),
        "explained": (ORANGE, "--", "an explained pair: left out"),
        "unseen": ("#999999", ":", "of an unseen user: left out"),
    }
    users, items = list(frame["user"].unique()), list(frame["item"].unique())
    axes.set(xlim=(0, 10), ylim=(-0.6, 3))
    axes.axis("off")
    widths = {"user": 10 / len(users), "item": 10 / len(items)}
    middle = {("user", u): (n + 0.5) * widths["user"] for n, u in enumerate(users)}
    middle |= {("item", i): (n + 0.5) * widths["item"] for n, i in enumerate(items)}
    for (side, name), x in middle.items():
        room = min(0.94 * widths[side], 2.2)
        text_box(axes, (x - room / 2, 2.45 if side == "user" else 0), (room, 0.5), name, 8)
    for row in frame.itertuples():
        colour, style, _ = looks[row.kind]
        ends = middle["user", row.user], middle["item", row.item]
        axes.plot(ends, (2.45, 0.5), color=colour, linestyle=style, linewidth=1.6)
    for n, kind in enumerate(k for k in looks if k in set(frame["kind"])):
        colour, style, said = looks[kind]
        axes.plot((3.4 * n + 0.1, 3.4 * n + 0.6), (-0.35, -0.35), color=colour, linestyle=style, linewidth=1.6)
        axes.text(3.4 * n + 0.75, -0.35, said, fontsize=8, va="center")
    return axes


def rules_of_group(
    shares: np.ndarray, titles: Sequence[str], values: Mapping[str, tuple[np.ndarray, int]], axes: Axes
) -> Axes:
    """Draw how content each member of a group is with some items, and the item that each rule chooses.

    Args:
        shares: (members, items) from 0 to 1.
        titles: of the items.
        values: rule -> value of each item (items,) by this rule, and the column of the item that it chooses.
        axes: the axes to draw on; its frame is removed.
    """
    members, items = shares.shape
    left, height = 2.4, 1.0
    axes.set(xlim=(0, left + 2 * items), ylim=(-len(values) * 0.75, members * height + 0.9))
    axes.axis("off")
    for column, title in enumerate(titles):
        text_box(axes, (left + 2 * column + 0.05, members * height + 0.15), (1.9, 0.7), title, 8)
    for row in range(members):
        bottom = (members - 1 - row) * height + 0.1
        text_box(axes, (0, bottom), (left - 0.1, 0.7), f"member {row + 1}", edgecolor="none")
        for column, share in enumerate(shares[row]):
            axes.bar(left + 2 * column + 0.7, 0.8 * share, 0.6, bottom=bottom, color=BLUE)
            axes.text(left + 2 * column + 1.45, bottom + 0.35, f"{share:.2f}", fontsize=8, ha="center", va="center")
    for place, (rule, (own, best)) in enumerate(values.items()):
        bottom = -0.75 * (place + 1) + 0.05
        text_box(axes, (0, bottom), (left - 0.1, 0.62), rule, 8, bold=True, edgecolor="none")
        for column, value in enumerate(own):
            chosen = column == best
            text_box(
                axes, (left + 2 * column + 0.3, bottom), (1.4, 0.62), f"{value:.2f}", 8, bold=chosen, **_RULE[chosen]
            )
    return axes


def drawn_preference(row: pd.Series, axes: Axes) -> Axes:
    """Draw the rewards of the texts that a model drew about one pair, and the two that become a preference.

    Args:
        row: `best, mean, worst`, the rewards of the texts; `kind, preferred, rejected`, the preference.
        axes: the axes to draw on.
    """
    low, high = min(-2.0, float(row["worst"])), 1.0
    axes.set(xlim=(low - 0.1, high + 0.1), ylim=(0, 3.6))
    axes.plot([row["worst"], row["best"]], [0.45, 0.45], color="#c8c8c8", linewidth=6, solid_capstyle="butt")
    for name, marker, colour in (("worst", "v", ORANGE), ("mean", "|", "black"), ("best", "^", BLUE)):
        axes.plot(row[name], 0.45, marker, color=colour, markersize=10, label=f"{name}: {row[name]:+.2f}")
    middle = (low + high) / 2
    text_box(
        axes, (low, 1.1), (middle - low - 0.05, 2.3), f"rejected: {row['rejected']}", 8, left=True, edgecolor=ORANGE
    )
    head = "preferred" if row["kind"] != "rewritten" else "preferred (rewritten with the measured causes)"
    text_box(axes, (middle + 0.05, 1.1), (high - middle - 0.05, 2.3), f"{head}: {row['preferred']}", 8, left=True,
             edgecolor=BLUE)  # fmt: skip
    axes.set_xlabel("reward of the texts that were drawn: 1 is the best set of titles with nothing false")
    axes.set_yticks([])
    for side in ("left", "right", "top"):
        axes.spines[side].set_visible(False)
    axes.legend(frameon=False, fontsize=8, ncols=3, loc="lower center", bbox_to_anchor=(0.5, 1.0))
    return axes
