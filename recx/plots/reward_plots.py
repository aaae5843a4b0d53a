"""Figures of tuning on rewards: how the reward grew, and what changed besides."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import NullLocator

from recx.plots.style import COLOURS, tidy

_MARKERS = "os^D"


def reward_curves(frame: pd.DataFrame, axes: Axes) -> Axes:
    """Draw the mean reward over the steps of one training, with the distance from the start on a second axis.

    Args:
        frame: columns `step, reward, kl`.
        axes: the axes to draw on.
    """
    axes.plot(frame["step"], frame["reward"], color=COLOURS[0], marker="o", markersize=3)
    axes.set_xlabel("step")
    axes.set_ylabel("mean reward of the model's texts", color=COLOURS[0])
    other = axes.twinx()
    other.plot(frame["step"], frame["kl"], color=COLOURS[1], linestyle="--", marker="s", markersize=3)
    other.set_ylabel("KL, nats per token", color=COLOURS[1])
    other.set_ylim(bottom=0)
    tidy(axes)
    other.spines["top"].set_visible(False)
    return axes


def metric_changes(frame: pd.DataFrame, axes: Axes) -> Axes:
    """Draw how much each metric changed by each tuning, with 95 % intervals, rewarded metrics above a line.

    Args:
        frame: columns `method, metric, rewarded, value, low, high`; changes in standard deviations before the tuning.
        axes: the axes to draw on.
    """
    metrics, methods = list(frame["metric"].unique()), list(frame["method"].unique())
    for n, name in enumerate(methods):
        rows = frame[frame["method"] == name].set_index("metric").reindex(metrics)
        places = np.arange(len(metrics)) + 0.24 * (n - (len(methods) - 1) / 2)
        spread = np.abs(np.array([rows["value"] - rows["low"], rows["high"] - rows["value"]], dtype=float))
        axes.errorbar(
            rows["value"],
            places,
            xerr=spread,
            fmt=_MARKERS[n % len(_MARKERS)],
            color=COLOURS[n % len(COLOURS)],
            markersize=5,
            linewidth=1.2,
            label=name,
        )
    rewarded = frame.drop_duplicates("metric")["rewarded"].sum()
    axes.axhline(rewarded - 0.5, color="#888888", linewidth=0.8, linestyle=":")
    axes.axvline(0, color="#333333", linewidth=0.8)
    labels = [f"{m.replace('_', ' ')}{' (rewarded)' if n < rewarded else ''}" for n, m in enumerate(metrics)]
    axes.set_yticks(np.arange(len(metrics)), labels)
    axes.invert_yaxis()
    axes.set_xscale("symlog", linthresh=1)  # a change of perplexity may be many times larger than the others
    low, high = axes.get_xlim()
    axes.set_xticks([tick for tick in (-10, -3, -1, -0.5, 0, 0.5, 1, 3, 10, 30) if low <= tick <= high])
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel("change after tuning, in standard deviations of the untuned model")
    axes.legend(frameon=False, ncols=len(methods), loc="lower center", bbox_to_anchor=(0.5, 1.0))
    return tidy(axes)
