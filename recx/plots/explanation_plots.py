"""Figures of explanations: ratings, confusion of sources, score prediction, win rates and ablation."""

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes

from recx.plots.grouped_bars import grouped_bars, intervals, legend_above
from recx.plots.style import COLOURS, HATCHES, method_style, tidy

# From light (bad) to dark (good), so that the order is visible in greyscale too.
LEVEL_COLOURS = ("#f1eef6", "#bdc9e1", "#74a9cf", "#045a8d")
MARKERS = "os^DvPX*"


def rating_shares(frame: pd.DataFrame, axes: Axes) -> Axes:
    """Draw the share of each rating level per method as stacked bars, with the mean at the right (paper Figure 3).

    Args:
        frame: columns `method, level, share`, of one judge.
        axes: the axes to draw on.
    """
    wide = frame.pivot(index="method", columns="level", values="share").reindex(frame["method"].unique())[::-1]
    left = np.zeros(len(wide))
    for level in wide.columns:
        shares = wide[level].to_numpy()
        colour = LEVEL_COLOURS[int(level)]
        axes.barh(wide.index, shares, left=left, color=colour, edgecolor="#444444", linewidth=0.5, label=str(level))
        for place, (start, share) in enumerate(zip(left, shares, strict=True)):
            if share >= 0.07:
                ink = "white" if int(level) == 3 else "black"
                axes.text(start + share / 2, place, f"{100 * share:.0f}", ha="center", va="center", fontsize=7,
                          color=ink)  # fmt: skip
        left += shares
    means = (wide * wide.columns.to_numpy(dtype=float)).sum(axis=1)
    for place, mean in enumerate(means):
        axes.text(1.01, place, f"{mean:.2f}", va="center", fontsize=8)
    axes.set(xlim=(0, 1), xlabel="share of ratings (%), mean rating at the right", ylabel="")
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "25", "50", "75", "100"])
    legend_above(axes, title="rating", fontsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    return axes


def confusion(frame: pd.DataFrame, axes: Axes) -> Axes:
    """Draw a confusion matrix of sources with the share and count in each cell (paper Figure 4).

    Args:
        frame: columns `true, predicted, count, share`.
        axes: the axes to draw on.
    """
    names = list(dict.fromkeys(frame["true"]))
    shares = frame.pivot(index="true", columns="predicted", values="share").loc[names, names]
    counts = frame.pivot(index="true", columns="predicted", values="count").loc[names, names]
    words = [[f"{s:.2f}\n{c:.0f}" for s, c in zip(a, b, strict=True)]
             for a, b in zip(shares.to_numpy(), counts.to_numpy(), strict=True)]  # fmt: skip
    sns.heatmap(
        shares, annot=np.array(words), fmt="", cmap="Blues", vmin=0, vmax=1, square=True, cbar=False, ax=axes,
        annot_kws={"fontsize": 7}, linewidths=0.5, linecolor="white",
    )  # fmt: skip
    return _named_sides(axes, "predicted source", "true source")


def score_errors(frame: pd.DataFrame, axes: Axes) -> Axes:
    """Draw how well each view of a text predicts the target's score, by method (paper Table 3, normalised).

    Args:
        frame: columns `method, view, metric, value`, of which the metric `r2` is drawn.
        axes: the axes to draw on.
    """
    rows = frame[(frame["metric"] == "r2") & (frame["view"] != "mean")]  # the mean's is zero, the zero line
    looks = list(zip(COLOURS, HATCHES, strict=True))[: rows["view"].nunique()]
    grouped_bars(rows, "method", "view", looks, axes)
    methods = rows["method"].unique()
    axes.axhline(0, color="#333333", linewidth=0.8)
    axes.set_xticks(np.arange(len(methods)), methods, rotation=20, ha="right", rotation_mode="anchor", fontsize=8)
    axes.set(ylabel="variance of the score\nexplained ($R^2$)")
    legend_above(axes, fontsize=8)
    return tidy(axes)


def win_matrix(frame: pd.DataFrame, axes: Axes) -> Axes:
    """Draw how often the row's explanation is preferred to the column's.

    Args:
        frame: columns `method, against, rate`.
        axes: the axes to draw on.
    """
    names = list(dict.fromkeys(frame["method"]))
    rates = frame.pivot(index="method", columns="against", values="rate").loc[names, names]
    shown = rates.mask(np.eye(len(names), dtype=bool))
    sns.heatmap(shown, annot=True, fmt=".2f", cmap="PuOr", vmin=0, vmax=1, square=True, cbar=False, ax=axes,
                annot_kws={"fontsize": 7}, linewidths=0.5, linecolor="white")  # fmt: skip
    return _named_sides(axes, "compared with", "method (share of wins)")


def ablation_bars(frame: pd.DataFrame, axes: Axes) -> Axes:
    """Draw one metric of each variant: the mean as a bar, individual seeds as dots (paper Figure 7).

    Args:
        frame: columns `variant, seed, value`, of one metric.
        axes: the axes to draw on.
    """
    variants = list(dict.fromkeys(frame["variant"]))
    means = frame.groupby("variant", sort=False)["value"].mean().reindex(variants)
    for n, variant in enumerate(variants):
        colour, hatch = method_style("hybrid" if variant == "full" else "unaligned")
        axes.barh(n, means[variant], color=colour, hatch=hatch, edgecolor="white", height=0.7)
        own = frame[frame["variant"] == variant]["value"]
        axes.plot(own, np.full(len(own), n), "o", color="black", markersize=3)
        axes.annotate(f"{means[variant]:.2f}", (max(means[variant], own.max()), n), xytext=(5, 0),
                      textcoords="offset points", va="center", fontsize=7)  # fmt: skip
    axes.set_yticks(range(len(variants)), variants, fontsize=8)
    axes.set_ylim(len(variants) - 0.5, -0.5)  # not `invert_yaxis`, which would flip shared axes once per panel
    axes.margins(x=0.15)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="x", alpha=0.3, linewidth=0.6)
    axes.set_axisbelow(True)
    return axes


def group_points(frame: pd.DataFrame, axes: Axes) -> Axes:
    """Draw one metric of each method by group of users (XRec's Figure 4): points, as the axis does not begin at zero.

    Args:
        frame: columns `group, method, value, low, high`, and `metric` with the same name in all rows.
        axes: the axes to draw on.
    """
    methods, groups = frame["method"].unique(), frame["group"].unique()
    for n, method in enumerate(methods):
        rows = frame[frame["method"] == method].set_index("group").reindex(groups)
        places = np.arange(len(groups)) + 0.6 * ((n + 0.5) / len(methods) - 0.5)
        axes.plot(places, rows["value"], MARKERS[n % len(MARKERS)], color=COLOURS[n % len(COLOURS)], label=method)
        intervals(rows, places, axes)
    axes.set_xticks(np.arange(len(groups)), groups)
    axes.set(ylabel=frame["metric"].iloc[0].replace("_", " "))
    legend_above(axes, fontsize=8)
    return tidy(axes)


def _named_sides(axes: Axes, below: str, left: str) -> Axes:
    """Label the axes of a matrix and rotate the tick labels below it."""
    axes.set(xlabel=below, ylabel=left)
    axes.tick_params(axis="x", rotation=40)
    for label in axes.get_xticklabels():
        label.set_ha("right")
        label.set_rotation_mode("anchor")
    axes.tick_params(axis="y", rotation=0)
    return axes
