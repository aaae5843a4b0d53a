"""Bars side by side in groups, with their intervals and legend."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes


def grouped_bars(frame: pd.DataFrame, group: str, series: str, looks: Sequence[tuple[str, str]], axes: Axes) -> Axes:
    """One bar per series at every group, in the order of the frame.

    Args:
        frame: columns `value`, `group` and `series` by their names, and where there are intervals `low` and `high`; at
            most one row for each pair of group and series.
        group: column whose values stand along the axis.
        series: column whose values stand side by side and in the legend.
        looks: colour and hatch of each series.
        axes: to draw on; the names of the groups are left to the caller.
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
    """Intervals from `low` to `high` around `value`, upright at the places given."""
    spread = np.abs(np.array([rows["value"] - rows["low"], rows["high"] - rows["value"]], dtype=float))
    axes.errorbar(places, rows["value"], yerr=spread, fmt="none", ecolor="#333333", capsize=2, linewidth=1)


def legend_above(axes: Axes, **options: Any) -> None:
    """A legend in one line above the axes, without a frame."""
    columns = len(axes.get_legend_handles_labels()[0])
    axes.legend(frameon=False, ncols=columns, loc="lower center", bbox_to_anchor=(0.5, 1.0), **options)
