"""Every figure of the kit by name, drawn from its data frame so that it can be redrawn later."""

from collections.abc import Callable

import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from recx.errors import SettingsError
from recx.plots.alignment_bars import metric_bars, share_bars
from recx.plots.case_panels import cases_figure
from recx.plots.dataset_plots import length_histogram, popularity_curve
from recx.plots.drawn_removal import effect_row
from recx.plots.explanation_plots import (
    ablation_bars,
    confusion,
    group_points,
    rating_shares,
    score_errors,
    win_matrix,
)
from recx.plots.faithfulness_plots import effect_bars, erasure_curves, plausibility
from recx.plots.question_plots import by_size, leading_bars
from recx.plots.reward_plots import metric_changes, reward_curves
from recx.plots.training_curves import instruction_curve, loss_curve, target_curve


def _on_one_axes(plot: Callable[[pd.DataFrame, Axes], Axes], size: tuple[float, float]) -> Callable:
    """Make a figure function of a single plot; the size is width and height in inches."""

    def figure_of(frame: pd.DataFrame) -> Figure:
        figure, axes = plt.subplots(figsize=size)
        plot(frame, axes)
        return figure

    return figure_of


def _by_value(frame: pd.DataFrame, column: str) -> dict[str, pd.DataFrame]:
    """Group rows by a column in the order of the frame; each group is one panel."""
    return dict(iter(frame.groupby(column, sort=False)))


def _dataset(frame: pd.DataFrame) -> Figure:
    figure, axes = plt.subplots(1, 2, figsize=(9, 3))
    length_histogram(frame.dropna(subset="length"), axes[0])
    popularity_curve(frame.dropna(subset="rank"), axes[1])
    return figure


def _loss_curves(frame: pd.DataFrame) -> Figure:
    modes = _by_value(frame, "mode")
    figure, axes = plt.subplots(1, len(modes), figsize=(1 + 3 * len(modes), 2.8), sharey=True, squeeze=False)
    for ax, (mode, rows) in zip(axes[0], modes.items(), strict=True):
        loss_curve(rows, ax).set_title(mode)
        ax.label_outer()
    return figure


def _alignment_effect(frame: pd.DataFrame) -> Figure:
    figure, axes = plt.subplots(1, 3, figsize=(12, 3.6))
    for ax, metric in zip(axes, ("hr@5", "ranking_ndcg@5", "accuracy"), strict=True):
        metric_bars(frame, metric, ax)
    return figure


def _ratings(frame: pd.DataFrame) -> Figure:
    judges = _by_value(frame, "judge")
    size = (6.4, (1.3 + 0.3 * frame["method"].nunique()) * len(judges))
    figure, axes = plt.subplots(len(judges), 1, figsize=size, squeeze=False, layout="constrained")
    for ax, (judge, rows) in zip(axes[:, 0], judges.items(), strict=True):
        rating_shares(rows, ax)
        if len(judges) > 1:
            ax.set_title(judge, loc="left", fontsize=9)
    return figure


def _confusion(frame: pd.DataFrame) -> Figure:
    views = _by_value(frame, "view")
    side = 1.4 + 0.62 * frame["true"].nunique()
    figure, axes = plt.subplots(1, len(views), figsize=(side * len(views), side), squeeze=False, layout="constrained")
    for ax, (view, rows) in zip(axes[0], views.items(), strict=True):
        confusion(rows, ax).set_title(view, fontsize=9)
        ax.label_outer()
    return figure


def _win_rates(frame: pd.DataFrame) -> Figure:
    side = 1.6 + 0.6 * frame["method"].nunique()
    return _on_one_axes(win_matrix, (side, side))(frame)


def _ablation(frame: pd.DataFrame) -> Figure:
    metrics = _by_value(frame, "metric")
    figure, axes = plt.subplots(1, len(metrics), figsize=(1.6 + 2.6 * len(metrics), 2.8), sharey=True, squeeze=False)
    for ax, (metric, rows) in zip(axes[0], metrics.items(), strict=True):
        ablation_bars(rows, ax).set_title(metric.replace("_", " "), fontsize=9)
    return figure


def _group_rules(frame: pd.DataFrame) -> Figure:
    measures = _by_value(frame, "measure")
    figure, axes = plt.subplots(1, len(measures), figsize=(1.8 + 3.4 * len(measures), 3), squeeze=False)
    for ax, (measure, rows) in zip(axes[0], measures.items(), strict=True):
        by_size(rows, ax).set_ylabel(measure)
    axes[0, -1].legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure


def _reward_curves(frame: pd.DataFrame) -> Figure:
    rewards = _by_value(frame, "reward_name")
    figure, axes = plt.subplots(1, len(rewards), figsize=(1 + 3 * len(rewards), 2.8), squeeze=False)
    for ax, (name, rows) in zip(axes[0], rewards.items(), strict=True):
        reward_curves(rows, ax).set_title(name)
    return figure


FIGURES: dict[str, Callable[[pd.DataFrame], Figure]] = {
    "dataset": _dataset,
    "target_curve": _on_one_axes(target_curve, (5.5, 3)),
    "loss_curve": _on_one_axes(loss_curve, (5.5, 3)),
    "loss_curves": _loss_curves,
    "alignment_effect": _alignment_effect,
    "explanations": _on_one_axes(share_bars, (7.5, 3.2)),
    "ratings": _ratings,
    "discrimination": _confusion,
    "score_prediction": _on_one_axes(score_errors, (6.4, 3)),
    "win_rates": _win_rates,
    "cases": cases_figure,
    "views": cases_figure,
    "ablation": _ablation,
    "faithfulness": _on_one_axes(effect_bars, (9, 3.6)),
    "erasure_curves": _on_one_axes(erasure_curves, (7.5, 3.4)),
    "case_effects": _on_one_axes(effect_row, (9, 3)),
    "plausibility": _on_one_axes(plausibility, (6.4, 3.6)),
    "instruction_curve": _on_one_axes(instruction_curve, (7.5, 3.2)),
    "leading_questions": _on_one_axes(leading_bars, (7.5, 3.4)),
    "group_rules": _group_rules,
    "reward_curves": _reward_curves,
    "metric_changes": _on_one_axes(metric_changes, (8, 4.4)),
    "sparsity_groups": _on_one_axes(group_points, (9, 3.4)),
}


def draw(name: str, frame: pd.DataFrame) -> Figure:
    """Draw the figure with the given name.

    Args:
        name: a key of `FIGURES`.
        frame: the data it shows, as saved next to the figure.

    Raises:
        SettingsError: there is no such figure.
    """
    if name not in FIGURES:
        raise SettingsError(f"No figure {name!r}. Known: {', '.join(FIGURES)}.")
    figure = FIGURES[name](frame)
    if figure.get_layout_engine() is None and FIGURES[name] is not cases_figure:  # fills the figure to the edges
        figure.tight_layout()
    return figure
