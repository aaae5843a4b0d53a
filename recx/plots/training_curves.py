"""Figures about training."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from recx.plots.style import COLOURS, tidy


def target_curve(frame: pd.DataFrame, axes: Axes) -> Axes:
    """Validation NDCG@10 of the target and the share of its most common first item, by epoch.

    Args:
        frame: columns `epoch`, `ndcg@10`, `top1_share`.
        axes: to draw on.
    """
    epochs, common = frame["epoch"], "share of the most common first item"
    axes.plot(epochs, frame["ndcg@10"], color=COLOURS[0], marker="o", markersize=3, label="NDCG@10 (validation)")
    axes.plot(epochs, frame["top1_share"], color=COLOURS[5], linestyle="--", label=common)
    axes.set(xlabel="epoch", ylabel="share", ylim=(0, None))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))  # there are no half epochs
    axes.legend(frameon=False, fontsize="small")
    return tidy(axes)


def loss_curve(frame: pd.DataFrame, axes: Axes) -> Axes:
    """Training loss on answer tokens.

    Args:
        frame: columns `step` and `loss`.
        axes: to draw on.
    """
    sharing = axes.get_shared_y_axes().get_siblings(axes)
    drawn = [y for other in sharing for line in other.lines for y in line.get_ydata()]
    axes.plot(frame["step"], frame["loss"], color=COLOURS[0], linewidth=1.6)
    # A limit that is set stays: where axes are shared it must hold the curves drawn before as well.
    axes.set(xlabel="step", ylabel="loss per answer token", ylim=(0, 1.05 * max([*drawn, frame["loss"].max()])))
    return tidy(axes)
