"""Figures of explanations for groups: what changes as a group grows."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from recx.plots.style import method_style, tidy

_MARKERS = "os^vDPX*"


def by_size(frame: pd.DataFrame, axes: Axes) -> Axes:
    """Draw one line per method over the number of members; lines that coincide are moved a little apart.

    Args:
        frame: columns `method, size, value`.
        axes: the axes to draw on; the caller names what is measured.
    """
    names, sizes = frame["method"].unique(), np.sort(frame["size"].unique())
    for n, name in enumerate(names):
        rows = frame[frame["method"] == name].sort_values("size")
        aside = 0.12 * (n - (len(names) - 1) / 2)
        axes.plot(rows["size"] + aside, rows["value"], marker=_MARKERS[n % len(_MARKERS)], markersize=4.5,
                  linestyle=("-", "--", ":")[n % 3], color=method_style(name)[0], label=name)  # fmt: skip
    axes.set_xticks(sizes, [str(size) for size in sizes])
    axes.set_xlabel("members of the group")
    axes.set_ylim(bottom=min(0, axes.get_ylim()[0]))
    return tidy(axes)
