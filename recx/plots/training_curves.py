"""Figures of training."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from recx.plots.style import COLOURS, tidy


def target_curve(frame: pd.DataFrame, axes: Axes) -> Axes:
    """Draw the target's validation NDCG@10 and the share of its most common first item by epoch.

    Args:
        frame: columns `epoch`, `ndcg@10`, `top1_share`.
        axes: the axes to draw on.
    """
    epochs, common = frame["epoch"], "users with the most common first item"
    axes.plot(epochs, frame["ndcg@10"], color=COLOURS[0], marker="o", markersize=3, label="NDCG@10 (validation)")
    axes.plot(epochs, frame["top1_share"], color=COLOURS[5], linestyle="--", label=common)
    axes.set(xlabel="epoch", ylabel="NDCG@10, share of users", ylim=(0, None))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))  # epochs are whole numbers
    axes.legend(frameon=False, fontsize="small")
    return tidy(axes)


def loss_curve(frame: pd.DataFrame, axes: Axes) -> Axes:
    """Draw the training loss per answer token.

    Args:
        frame: columns `step` and `loss`.
        axes: the axes to draw on.
    """
    sharing = axes.get_shared_y_axes().get_siblings(axes)
    drawn = [y for other in sharing for line in other.lines for y in line.get_ydata()]
    axes.plot(frame["step"], frame["loss"], color=COLOURS[0], linewidth=1.6)
    # Setting a limit turns autoscaling off, so with shared axes it must also fit the curves drawn before.
    axes.set(xlabel="step", ylabel="loss per answer token", ylim=(0, 1.05 * max([*drawn, frame["loss"].max()])))
    return tidy(axes)


def variance_spectra(frame: pd.DataFrame, axes: Axes) -> Axes:
    """Draw how the variance of vectors falls from direction to direction, on a logarithmic axis.

    Args:
        frame: one row per direction, the largest variance first, and one column for each kind of vectors.
        axes: the axes to draw on.
    """
    for n, (name, variances) in enumerate(frame.items()):
        relative = variances / variances.max()
        relative = relative[relative > 1e-6]  # some targets leave a direction without any variance
        colour, style = ((COLOURS[0], "-"), (COLOURS[5], "--"))[n % 2]
        axes.semilogy(range(1, len(relative) + 1), relative, style, color=colour, label=name)
    axes.set(xlabel="direction, by its variance", ylabel="variance\n(that of the first is 1)")
    axes.legend(frameon=False, fontsize="small")
    return tidy(axes)


def instruction_curve(frame: pd.DataFrame, axes: Axes) -> Axes:
    """Draw the win ratio of texts over the number of instructions that their model was tuned on.

    Args:
        frame: columns `curve, amount, value, low, high`.
        axes: the axes to draw on.
    """
    amounts = sorted(frame["amount"].unique())
    place = {amount: n for n, amount in enumerate(amounts)}  # evenly, as the amounts about double
    markers = ("o", "s", "^", "D", "v")
    for n, (name, own) in enumerate(frame.groupby("curve", sort=False)):
        look = {
            "color": COLOURS[n % len(COLOURS)],
            "marker": markers[n % len(markers)],
            "linestyle": ("-", "--", ":")[n % 3],
        }
        at = [place[a] + 0.06 * n for a in own["amount"]]
        reach = [(own["value"] - own["low"]).clip(lower=0), (own["high"] - own["value"]).clip(lower=0)]
        axes.errorbar(at, own["value"], yerr=reach, markersize=4, linewidth=1.4, capsize=2, label=name, **look)
    axes.axhline(0.5, color="#333333", linewidth=0.8)
    axes.set_xticks(range(len(amounts)), [str(a) for a in amounts])
    axes.set(xlabel="instructions", ylabel="win ratio", ylim=(0, 1.02))
    axes.legend(frameon=False, fontsize="small", loc="center left", bbox_to_anchor=(1.0, 0.5))
    return tidy(axes)
