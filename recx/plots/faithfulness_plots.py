"""Figures of faithfulness: effects of cited titles, erasure curves and plausibility."""

from itertools import cycle

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from recx.plots.grouped_bars import grouped_bars, legend_above
from recx.plots.style import COLOURS, method_style, tidy

_VERDICTS = {"liked": ("#0072B2", ""), "disliked": ("#E69F00", "//")}
_BASELINES = ("random", "latest", "most alike")


def effect_bars(frame: pd.DataFrame, axes: Axes) -> Axes:
    """Draw the effect of the titles each method cites, from random sets (0) to the best set of the same size (1).

    Args:
        frame: columns `method, verdict, value, low, high`.
        axes: the axes to draw on.
    """
    if frame.empty:
        note = "the effect of cited titles was not\ncertified on this data set"
        axes.text(0.5, 0.5, note, ha="center", transform=axes.transAxes)
        axes.set_axis_off()
        return axes
    looks = [_VERDICTS[v] for v in frame["verdict"].unique()]
    grouped_bars(frame, "method", "verdict", looks, axes)
    axes.axhline(0, color="black", linewidth=0.8)
    axes.axhline(1, color="black", linewidth=0.8, linestyle=":")
    names = frame["method"].unique()
    axes.set_xticks(np.arange(len(names)), names, rotation=35, ha="right")
    axes.set_ylabel("effect of cited titles\n(0: random set, 1: best set)")
    legend_above(axes)
    return tidy(axes)


def erasure_curves(frame: pd.DataFrame, axes: Axes) -> Axes:
    """Draw how far the target moves from its decision as the top titles of each attribution are removed, in nats.

    Baselines that do not look at the target are grey, each with its own dashes.

    Args:
        frame: columns `method, share, value`.
        axes: the axes to draw on.
    """
    looks = {name: ((":", "-.", "--")[n], "#777777", "sDv"[n]) for n, name in enumerate(_BASELINES)}
    colours = cycle([(style, colour, "o") for style in ("-", "--") for colour in COLOURS if colour != "#999999"])
    for name, rows in frame.groupby("method", sort=False):
        style, colour, marker = looks.get(name) or next(colours)
        axes.plot(rows["share"], rows["value"], style, marker=marker, markersize=3, color=colour, label=name)
    axes.set_xlabel("share of the history removed, strongest titles first")
    axes.set_ylabel("move away from the target's decision\n(log-probability, in nats)")
    axes.legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return tidy(axes)


def plausibility(frame: pd.DataFrame, axes: Axes) -> Axes:
    """Draw faithfulness against plausibility, one point per method.

    Args:
        frame: columns `method, rating, effect`.
        axes: the axes to draw on.
    """
    markers = "osD^vPX*"
    for n, row in enumerate(frame.itertuples()):
        look = {"color": method_style(row.method)[0], "marker": markers[n % len(markers)], "edgecolor": "black"}
        axes.scatter(row.rating, row.effect, s=60, zorder=3, linewidth=0.5, label=row.method, **look)
    axes.legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))
    axes.axhline(0, color="black", linewidth=0.8)
    axes.set_xlim(0, 3.2)
    axes.margins(y=0.15)
    axes.set_xlabel("plausibility: mean rating by the reference judge (0 to 3)")
    axes.set_ylabel("effect of cited titles\n(0: random set, 1: best set)")
    return tidy(axes)
