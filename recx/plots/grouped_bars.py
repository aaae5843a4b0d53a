"""Grouped bars with intervals and a legend."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes


def grouped_bars(frame: pd.DataFrame, group: str, series: str, looks: Sequence[tuple[str, str]], axes: Axes) -> Axes:
    """Draw one bar per series in every group, in the order of the frame.

    Args:
        frame: the column `value`, the columns named by `group` and `series`, and for intervals `low` and `high`; at
            most one row per group and series.
        group: column whose values are spread along the axis.
        series: column whose values are side by side and in the legend.
        looks: colour and hatch of each series.
        axes: the axes to draw on; the caller sets the tick labels of the groups.
    """
    groups, names = frame[group].unique(), frame[series].unique()
    width = 0.8 / len(names)
    for n, (name, (colour, hatch)) in enumerate(zip(names, looks, strict=True)):
        rows = frame[frame[series] == name].set_index(group).reindex(groups)
        places = np.arange(len(groups)) + (n - (len(names) - 1) / 2) * width
        axes.bar(places, rows["value"], width * 0.95, color=colour, hatch=hatch, edgecolor="white", label=name)
        if "low" in rows:
            intervals(rows, places, axes)
    return axes


def intervals(rows: pd.DataFrame, places: np.ndarray, axes: Axes) -> None:
    """Draw vertical error bars from `low` to `high` around `value` at the given places."""
    spread = np.abs(np.array([rows["value"] - rows["low"], rows["high"] - rows["value"]], dtype=float))
    axes.errorbar(places, rows["value"], yerr=spread, fmt="none", ecolor="#333333", capsize=2, linewidth=1)


def legend_above(axes: Axes, **options: Any) -> None:
    """Put a frameless legend in one line above the axes."""
    columns = len(axes.get_legend_handles_labels()[0])
    axes.legend(frameon=False, ncols=columns, loc="lower center", bbox_to_anchor=(0.5, 1.0), **options)
