"""Figures of the alignment effect."""

import textwrap

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from recx.plots.grouped_bars import grouped_bars, intervals, legend_above
from recx.plots.style import method_style, tidy


def metric_bars(frame: pd.DataFrame, metric: str, axes: Axes) -> Axes:
    """Draw one metric of several methods as bars with 95 % intervals, annotated with the values.

    Args:
        frame: columns `label, metric, value, low, high`, in display order.
        metric: the metric to show.
        axes: the axes to draw on.
    """
    rows = frame[frame["metric"] == metric]
    looks = [method_style(label) for label in rows["label"]]
    places = np.arange(len(rows))
    colours, hatches = [colour for colour, _ in looks], [hatch for _, hatch in looks]
    axes.bar(places, rows["value"], 0.75, color=colours, hatch=hatches, edgecolor="white")
    intervals(rows, places, axes)
    for place, value, high in zip(places, rows["value"], rows["high"], strict=True):
        axes.annotate(f"{value:.2f}", (place, max(value, high)), xytext=(0, 3), textcoords="offset points",
                      ha="center", fontsize=7)  # fmt: skip
    axes.set_xticks(places, rows["label"], rotation=40, ha="right", rotation_mode="anchor", fontsize=8)
    axes.set(title=metric.replace("_", " "), ylim=(0, 1.12), ylabel="")
    return tidy(axes)


def share_bars(frame: pd.DataFrame, axes: Axes) -> Axes:
    """Draw several metrics that are shares as grouped bars per method, with 95 % intervals.

    Args:
        frame: columns `label, metric, value, low, high`.
        axes: the axes to draw on.
    """
    grouped_bars(frame, "metric", "label", [method_style(label) for label in frame["label"].unique()], axes)
    metrics = frame["metric"].unique()
    axes.set_xticks(np.arange(len(metrics)), [textwrap.fill(m.replace("_", " "), 16) for m in metrics])
    axes.set(ylim=(0, 1.05), ylabel="share")
    legend_above(axes, fontsize="small")
    return tidy(axes)
