"""Figures about a data set."""

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes

from recx.plots.style import COLOURS, tidy


def length_histogram(frame: pd.DataFrame, axes: Axes) -> Axes:
    """How long histories are.

    Args:
        frame: column `length`, one row per user.
        axes: to draw on.
    """
    sns.histplot(frame, x="length", discrete=frame["length"].max() < 60, color=COLOURS[0], ax=axes)
    axes.set(xlabel="interactions of a user", ylabel="users")
    return tidy(axes)


def popularity_curve(frame: pd.DataFrame, axes: Axes) -> Axes:
    """How often items are chosen, the most popular first.

    Args:
        frame: columns `rank` (from 1) and `count`.
        axes: to draw on.
    """
    axes.plot(frame["rank"], frame["count"], color=COLOURS[0], linewidth=1.6)
    axes.set(xlabel="items, most chosen first", ylabel="interactions of an item", ylim=(0, None))
    return tidy(axes)
