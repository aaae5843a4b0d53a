"""Every figure of the kit by name: from the frame it shows to the whole picture, so that it can be drawn again."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from recx.errors import SettingsError
from recx.plots import alignment_bars as alignment
from recx.plots import case_panels as panels
from recx.plots import dataset_plots as data
from recx.plots import explanation_plots as quality
from recx.plots import training_curves as training
from recx.plots.style import save_figure
from recx.storage.run_folder import Run


def _dataset(frame: pd.DataFrame) -> Figure:
    figure, axes = plt.subplots(1, 2, figsize=(9, 3))
    data.length_histogram(frame.dropna(subset="length"), axes[0])
    data.popularity_curve(frame.dropna(subset="rank"), axes[1])
    return figure


def _target_curve(frame: pd.DataFrame) -> Figure:
    figure, axes = plt.subplots(figsize=(5.5, 3))
    training.target_curve(frame, axes)
    return figure


def _loss_curve(frame: pd.DataFrame) -> Figure:
    figure, axes = plt.subplots(figsize=(5.5, 3))
    training.loss_curve(frame, axes)
    return figure


def _loss_curves(frame: pd.DataFrame) -> Figure:
    modes = list(dict.fromkeys(frame["mode"]))
    figure, axes = plt.subplots(1, len(modes), figsize=(1 + 3 * len(modes), 2.8), sharey=True, squeeze=False)
    for ax, mode in zip(axes[0], modes, strict=True):
        training.loss_curve(frame[frame["mode"] == mode], ax).set_title(mode)
    return figure


def _alignment_effect(frame: pd.DataFrame) -> Figure:
    figure, axes = plt.subplots(1, 3, figsize=(12, 3.6))
    for ax, metric in zip(axes, ("hr@5", "ranking_ndcg@5", "accuracy"), strict=True):
        alignment.metric_bars(frame, metric, ax)
    return figure


def _explanations(frame: pd.DataFrame) -> Figure:
    figure, axes = plt.subplots(figsize=(7.5, 3.2))
    alignment.share_bars(frame, axes)
    return figure


def _ratings(frame: pd.DataFrame) -> Figure:
    judges = list(dict.fromkeys(frame["judge"]))
    methods = frame["method"].nunique()
    figure, axes = plt.subplots(
        len(judges), 1, figsize=(6.4, (1.3 + 0.3 * methods) * len(judges)), squeeze=False, layout="constrained"
    )
    for ax, judge in zip(axes[:, 0], judges, strict=True):
        quality.rating_shares(frame[frame["judge"] == judge], ax)
        if len(judges) > 1:
            ax.set_title(judge, loc="left", fontsize=9)
    return figure


def _confusion(frame: pd.DataFrame) -> Figure:
    views = list(dict.fromkeys(frame["view"]))
    side = 1.4 + 0.62 * frame["true"].nunique()
    figure, axes = plt.subplots(1, len(views), figsize=(side * len(views), side), squeeze=False, layout="constrained")
    for ax, view in zip(axes[0], views, strict=True):
        quality.confusion(frame[frame["view"] == view], ax).set_title(view, fontsize=9)
    return figure


def _score_prediction(frame: pd.DataFrame) -> Figure:
    figure, axes = plt.subplots(figsize=(6.4, 3))
    quality.score_errors(frame, axes)
    return figure


def _win_rates(frame: pd.DataFrame) -> Figure:
    side = 1.6 + 0.6 * frame["method"].nunique()
    figure, axes = plt.subplots(figsize=(side, side))
    quality.win_matrix(frame, axes)
    return figure


def _ablation(frame: pd.DataFrame) -> Figure:
    metrics = list(dict.fromkeys(frame["metric"]))
    figure, axes = plt.subplots(1, len(metrics), figsize=(1.6 + 2.6 * len(metrics), 2.8), sharey=True, squeeze=False)
    for ax, metric in zip(axes[0], metrics, strict=True):
        quality.ablation_bars(frame[frame["metric"] == metric], ax).set_title(metric.replace("_", " "), fontsize=9)
    return figure


FIGURES: dict[str, Callable[[pd.DataFrame], Figure]] = {
    "dataset": _dataset,
    "target_curve": _target_curve,
    "loss_curve": _loss_curve,
    "loss_curves": _loss_curves,
    "alignment_effect": _alignment_effect,
    "explanations": _explanations,
    "ratings": _ratings,
    "discrimination": _confusion,
    "score_prediction": _score_prediction,
    "win_rates": _win_rates,
    "cases": panels.cases_figure,
    "views": panels.cases_figure,
    "ablation": _ablation,
}


def draw(name: str, frame: pd.DataFrame) -> Figure:
    """The whole figure of that name.

    Args:
        name: a key of `FIGURES`.
        frame: what it shows, as saved beside it.

    Raises:
        SettingsError: there is no such figure.
    """
    if name not in FIGURES:
        raise SettingsError(f"No figure {name!r}. Known: {', '.join(FIGURES)}.")
    figure = FIGURES[name](frame)
    if figure.get_layout_engine() is None and name not in ("cases", "views"):
        figure.tight_layout()
    return figure


def draw_and_save(name: str, frame: pd.DataFrame, run: Run, folder: Path | None = None) -> Figure:
    """Draw a figure and save it with its numbers and provenance in the run's folder (or another one)."""
    figure = draw(name, frame)
    save_figure(figure, name, frame, run, folder)
    return figure
