"""Figures about the alignment effect."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from recx.plots.style import look_of, tidy


def metric_bars(frame: pd.DataFrame, metric: str, axes: Axes) -> Axes:
    """One metric of several methods as bars with 95 % intervals, the value written above each.

    Args:
        frame: columns `label, metric, value, low, high`, in the order to show.
        metric: which rows to show.
        axes: to draw on.
    """
    rows = frame[frame["metric"] == metric]
    looks = [look_of(label) for label in rows["label"]]
    places = np.arange(len(rows))
    spread = np.abs(np.array([rows["value"] - rows["low"], rows["high"] - rows["value"]], dtype=float))
    bars = axes.bar(places, rows["value"], 0.75, color=[colour for colour, _ in looks], edgecolor="white")
    for bar, (_, hatch) in zip(bars, looks, strict=True):
        bar.set_hatch(hatch)
    axes.errorbar(places, rows["value"], yerr=spread, fmt="none", ecolor="#333333", capsize=2, linewidth=1)
    for place, value, high in zip(places, rows["value"], rows["high"], strict=True):
        axes.annotate(
            f"{value:.2f}",
            (place, max(value, high)),
            xytext=(0, 3),
            textcoords="offset points",
            ha="center",
            fontsize=7,
        )
    axes.set_xticks(places, rows["label"], rotation=40, ha="right", rotation_mode="anchor", fontsize=8)
    axes.set(title=metric, ylim=(0, 1.12), ylabel="")
    return tidy(axes)


def share_bars(frame: pd.DataFrame, axes: Axes) -> Axes:
    """Several shares of several methods side by side.

    Args:
        frame: columns `label, metric, value, low, high`.
        axes: to draw on.
    """
    labels, metrics = list(dict.fromkeys(frame["label"])), list(dict.fromkeys(frame["metric"]))
    width = 0.8 / len(labels)
    for n, label in enumerate(labels):
        rows = frame[frame["label"] == label].set_index("metric").reindex(metrics)
        places = np.arange(len(metrics)) + (n - (len(labels) - 1) / 2) * width
        colour, hatch = look_of(label)
        axes.bar(places, rows["value"], width * 0.95, color=colour, hatch=hatch, edgecolor="white", label=label)
        spread = np.abs(np.array([rows["value"] - rows["low"], rows["high"] - rows["value"]], dtype=float))
        axes.errorbar(places, rows["value"], yerr=spread, fmt="none", ecolor="#333333", capsize=2, linewidth=1)
    axes.set_xticks(np.arange(len(metrics)), [m.replace("_", " ") for m in metrics])
    axes.set(ylim=(0, 1.05), ylabel="share")
    axes.legend(frameon=False, fontsize="small", ncols=len(labels), loc="lower center", bbox_to_anchor=(0.5, 1.0))
    return tidy(axes)
