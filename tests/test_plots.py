import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.container import BarContainer

from recx.plots.alignment_bars import metric_bars, share_bars
from recx.plots.dataset_plots import length_histogram, popularity_curve
from recx.plots.style import method_style
from recx.plots.training_curves import loss_curve, target_curve, variance_spectra

BARS = pd.DataFrame(
    [{"label": lab, "metric": m, "value": v, "low": v - 0.1, "high": v + 0.1}
     for lab, v in (("random", 0.2), ("hybrid", 0.8)) for m in ("hr@5", "accuracy")]
)  # fmt: skip
STEPS = pd.DataFrame(
    {"step": [1, 2], "loss": [2.0, 1.0], "epoch": [1, 2], "ndcg@10": [0.1, 0.2], "top1_share": [0.1, 0.1]}
)


@pytest.fixture
def axes():
    figure, ax = plt.subplots()
    yield ax
    plt.close(figure)


@pytest.mark.parametrize(
    "draw",
    [
        lambda ax: metric_bars(BARS, "hr@5", ax),
        lambda ax: share_bars(BARS, ax),
        lambda ax: length_histogram(pd.DataFrame({"length": [3, 4, 4]}), ax),
        lambda ax: popularity_curve(pd.DataFrame({"rank": [1, 2], "count": [9, 3]}), ax),
        lambda ax: target_curve(STEPS, ax),
        lambda ax: loss_curve(STEPS, ax),
    ],
)
def test_plots_return_the_axes_they_drew_on(axes, draw):
    assert draw(axes) is axes and axes.has_data()


@pytest.mark.parametrize("epochs", [2, 3, 18])
def test_ticks_of_epochs_are_whole(axes, epochs):
    frame = pd.DataFrame({"epoch": range(1, epochs + 1), "ndcg@10": 0.1, "top1_share": 0.2})
    ticks = target_curve(frame, axes).get_xticks()
    assert len(ticks) > 1 and all(tick == round(tick) for tick in ticks)


def test_lengths_of_histories_are_whole(axes):
    ticks = length_histogram(pd.DataFrame({"length": [5, 6, 6, 7, 9, 20]}), axes).get_xticks()
    assert len(ticks) > 1 and all(tick == round(tick) for tick in ticks)


def test_spectra_are_relative_and_leave_out_what_does_not_vary(axes):
    variance_spectra(pd.DataFrame({"raw": [4.0, 2.0, 0.0], "whitened": [2.0, 1.0, 0.5]}), axes)
    raw, whitened = (line.get_ydata().tolist() for line in axes.lines)
    assert raw == [1, 0.5] and whitened == [1, 0.5, 0.25]


def test_methods_of_one_figure_look_different():
    modes = ("relation", "relation, told", "relation, told, held", "relation, predicted, held", "behavior", "unaligned")
    assert len({method_style(name) for name in modes}) == len(modes)
    assert len({method_style(f"a method called {n}") for n in range(1000)}) == 64


def test_bars_have_the_values_and_a_method_keeps_its_colour(axes):
    metric_bars(BARS, "hr@5", axes)
    assert [b.get_height() for b in axes.patches] == [0.2, 0.8]
    assert [t.get_text() for t in axes.get_xticklabels()] == ["random", "hybrid"]
    alone = metric_bars(
        BARS[~((BARS["label"] == "random") & (BARS["metric"] == "accuracy"))], "accuracy", plt.figure().gca()
    )
    assert alone.patches[0].get_facecolor() == axes.patches[1].get_facecolor()


def test_shared_axes_hold_every_loss_curve():
    _, (left, right) = plt.subplots(1, 2, sharey=True)
    loss_curve(STEPS, left)
    loss_curve(STEPS.assign(loss=[0.5, 0.2]), right)
    assert right.get_ylim()[1] > 2.0


def test_grouped_bars_stand_at_their_group_whatever_is_missing(axes):
    frame = BARS.drop(BARS.index[1])  # random has no accuracy
    share_bars(frame, axes)
    random, hybrid = (c.patches for c in axes.containers if isinstance(c, BarContainer))
    assert [b.get_height() for b in hybrid] == [0.8, 0.8] and random[0].get_height() == 0.2
    assert np.isnan(random[1].get_height())
    for group, (left, right) in enumerate(zip(random, hybrid, strict=True)):
        assert left.get_x() < right.get_x() and abs(left.get_x() + right.get_x() + right.get_width() - 2 * group) < 1e-9
    assert [t.get_text() for t in axes.get_legend().get_texts()] == ["random", "hybrid"]
