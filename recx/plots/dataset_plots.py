"""Figures of a data set."""

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from recx.plots.style import COLOURS, tidy


def length_histogram(frame: pd.DataFrame, axes: Axes) -> Axes:
    """Draw a histogram of the lengths of histories.

    Args:
        frame: column `length`, one row per user.
        axes: the axes to draw on.
    """
    sns.histplot(frame, x="length", discrete=frame["length"].max() < 60, color=COLOURS[0], ax=axes)
    axes.set(xlabel="interactions per user", ylabel="number of users")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    return tidy(axes)


def popularity_curve(frame: pd.DataFrame, axes: Axes) -> Axes:
    """Draw the number of interactions per item, most popular items first.

    Args:
        frame: columns `rank` (from 1) and `count`.
        axes: the axes to draw on.
    """
    axes.plot(frame["rank"], frame["count"], color=COLOURS[0], linewidth=1.6)
    axes.set(xlabel="items by popularity rank", ylabel="interactions per item", ylim=(0, None))
    return tidy(axes)
