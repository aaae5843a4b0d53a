"""Figures of hard questions: what is corrected and what is confirmed, and what changes as a group grows."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from recx.plots.grouped_bars import grouped_bars, legend_above
from recx.plots.style import COLOURS, method_style, tidy

_LOOKS = (("#0072B2", ""), ("#E69F00", "//"))
_MARKERS = "os^vDPX*"


def leading_bars(frame: pd.DataFrame, axes: Axes) -> Axes:
    """Draw two shares per method side by side, with 95 % intervals.

    Args:
        frame: columns `label, metric, value, low, high`, with two metrics.
        axes: the axes to draw on.
    """
    grouped_bars(frame, "label", "metric", _LOOKS, axes)
    names = frame["label"].unique()
    axes.set_xticks(np.arange(len(names)), names, rotation=30, ha="right", rotation_mode="anchor")
    axes.set(ylim=(0, 1.05), ylabel="share of the questions")
    legend_above(axes)
    return tidy(axes)


def by_size(frame: pd.DataFrame, axes: Axes) -> Axes:
    """Draw one line per method over the number of members; lines are moved a little apart, as some coincide.

    Args:
        frame: columns `method, size, value`; a method has its usual colour, also when it is told.
        axes: the axes to draw on; the caller names what is measured.
    """
    names, sizes = frame["method"].unique(), np.sort(frame["size"].unique())
    templates = [name for name in names if name.startswith("template")]
    for n, name in enumerate(names):
        rows = frame[frame["method"] == name].sort_values("size")
        base = name if name in templates else name.removesuffix(", told")
        axes.plot(
            rows["size"] + 0.1 * (n - (len(names) - 1) / 2),
            rows["value"],
            "-" if name == base else "--",
            marker=_MARKERS[n % len(_MARKERS)],
            markersize=4.5,
            color=COLOURS[templates.index(name)] if name in templates else method_style(base)[0],
            label=name,
        )
    axes.set_xticks(sizes, [str(size) for size in sizes])
    axes.set_xlabel("members of the group")
    axes.set_ylim(bottom=min(0, axes.get_ylim()[0]))
    return tidy(axes)
