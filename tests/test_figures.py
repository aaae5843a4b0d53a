"""Every figure by name: drawn from a frame, legible, saved with its numbers and provenance, and redrawn."""

import json

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.patches import Rectangle
from matplotlib.text import Text
from PIL import Image

from recx import paths
from recx.errors import CheckpointError, SettingsError
from recx.pipeline.saved_figures import FORMATS, draw_and_save, redraw
from recx.plots.explanation_plots import LEVEL_COLOURS
from recx.plots.figures import FIGURES, draw
from recx.storage.run_folder import Run

METHODS = ["unaligned", "unaligned ICL", "behavior", "intention", "hybrid", "relation"]
BARS = pd.DataFrame(
    [(lab, m, v, v - 0.05, v + 0.05)
     for n, lab in enumerate(["random", "popularity", "constant", "distilled", *METHODS])
     for m, v in (("hr@5", 0.1 + 0.09 * n), ("ranking_ndcg@5", 0.7), ("accuracy", 0.5 + 0.05 * n))],
    columns=["label", "metric", "value", "low", "high"],
)  # fmt: skip
CASE = pd.DataFrame(
    [("Typical", "Halo\nPortal", "Braid", True, m, 2.0, t, h, "why") for m in METHODS
     for t, h in (("Yes. ", ""), ('"Halo"', "yes"), (" is a ", ""), ("Racing", "no"), (" title.", ""))],
    columns=["case", "history", "item", "decision", "method", "rating", "text", "holds", "why"],
)  # fmt: skip
STEPS = pd.DataFrame({"step": [1, 2, 3], "loss": [3.0, 2.0, 1.5]})
FRAMES = {
    "dataset": pd.DataFrame({"length": [3.0, 4, 4, 9], "rank": [1, 2, 3, np.nan], "count": [9.0, 4, 1, np.nan]}),
    "target_curve": pd.DataFrame({"epoch": [1, 2], "ndcg@10": [0.1, 0.2], "top1_share": [0.1, 0.05]}),
    "loss_curve": STEPS,
    "loss_curves": pd.concat([STEPS.assign(mode=m) for m in ("behavior", "intention", "hybrid")]),
    "alignment_effect": BARS,
    "explanations": pd.DataFrame(
        [
            (lab, m, 0.8, 0.7, 0.9)
            for lab in METHODS
            for m in ("decision_agreement", "cited_in_history", "stated_attributes_true")
        ],
        columns=["label", "metric", "value", "low", "high"],
    ),  # fmt: skip
    "ratings": pd.DataFrame(
        [
            (j, m, level, s, 100)
            for j in ("reference", "person ann")
            for m in METHODS
            for level, s in enumerate((0.1, 0.2, 0.3, 0.4))
        ],
        columns=["judge", "method", "level", "share", "n"],
    ),  # fmt: skip
    "discrimination": pd.DataFrame(
        [
            (v, a, b, 160 if a == b else 10, 0.8 if a == b else 0.05)
            for v in ("whole text", "decision masked")
            for a in METHODS
            for b in METHODS
        ],
        columns=["view", "true", "predicted", "count", "share"],
    ),  # fmt: skip
    "score_prediction": pd.DataFrame(
        [
            (m, v, "r2", r)
            for m in METHODS
            for v, r in (("text", 0.5), ("masked", 0.1), ("verdict", 0.4), ("mean", -0.01))
        ],
        columns=["method", "view", "metric", "value"],
    ),  # fmt: skip
    "win_rates": pd.DataFrame([(a, b, 0.5) for a in METHODS for b in METHODS], columns=["method", "against", "rate"]),
    "faithfulness": pd.DataFrame(
        [
            (m, v, 0.1 * n - 0.2, 0.1 * n - 0.3, 0.1 * n)
            for n, m in enumerate([*METHODS, "relation, told", "template", "random", "latest", "most alike", "Shapley"])
            for v in ("liked", "disliked")
        ],
        columns=["method", "verdict", "value", "low", "high"],
    ),  # fmt: skip
    "erasure_curves": pd.DataFrame(
        [
            (m, s, s * n)
            for n, m in enumerate(["random", "latest", "integrated gradients", "Shapley"])
            for s in (0, 0.5, 1)
        ],
        columns=["method", "share", "value"],
    ),
    "leading_questions": pd.DataFrame(
        [
            (lab, m, v, v - 0.05, v + 0.05)
            for n, lab in enumerate(["always agree", "always contradict", "template", *METHODS])
            for m, v in (("corrected", 0.1 * n), ("confirmed", 0.9 - 0.05 * n))
        ],
        columns=["label", "metric", "value", "low", "high"],
    ),
    "group_rules": pd.DataFrame(
        [
            (m, k, size, (0.2 * n) if k == "right" else 10.0 * size)
            for n, m in enumerate(["template, guesses", "template, told", "unaligned", "hybrid, told"])
            for k in ("right", "words")
            for size in (2, 4, 8)
        ],
        columns=["method", "measure", "size", "value"],
    ),
    "reward_curves": pd.DataFrame(
        [(n, s, 0.2 + s / 90, 0.002 * s) for n in ("effect", "ranking", "summary") for s in range(5, 51, 5)],
        columns=["reward_name", "step", "reward", "kl"],
    ),
    "metric_changes": pd.DataFrame(
        [
            (m, metric, rewarded, 0.1 * n - 0.3, 0.1 * n - 0.4, 0.1 * n - 0.2)
            for m in ("DPO", "GRPO")
            for n, (metric, rewarded) in enumerate(
                [("reward", True), ("all_true", True), ("sufficiency_normalised", False), ("perplexity", False)]
            )
        ],
        columns=["method", "metric", "rewarded", "value", "low", "high"],
    ),
    "case_effects": pd.DataFrame(
        {"title": ["Halo", "The Legend of Zelda: Skyward Sword"], "effect": [1.0, -0.4], "cited": [True, False]}
    ),
    "plausibility": pd.DataFrame(
        {"method": METHODS, "rating": [1.4, 0.6, 1.45, 1.9, 2.3, 2.2], "effect": [0, 0, 0, 0, 0, 0.7]}
    ),
    "sparsity_groups": pd.DataFrame(
        [
            (g, m, "bert_f1", 0.6 + 0.01 * n, 0.58 + 0.01 * n, 0.62 + 0.01 * n)
            for g in ("tst1", "tst2", "tst3", "tst4", "tst5", "unseen")
            for n, m in enumerate(("XRec", "XRec without profiles", "XRec without injection", "XRec, pairs left in"))
        ],
        columns=["group", "method", "metric", "value", "low", "high"],
    ),
    "cases": CASE,
    "views": CASE,
    "ablation": pd.DataFrame(
        [
            (v, s, m, 0.5 + s / 10)
            for v in ("full", "without tasks 1 and 2", "without task 3 and explanations")
            for s in range(3)
            for m in ("rating", "accuracy")
        ],
        columns=["variant", "seed", "metric", "value"],
    ),  # fmt: skip
    "instruction_curve": pd.DataFrame(
        [
            (c, a, 0.1 + n / 10, 0.05 + n / 10, 0.15 + n / 10)
            for c in ("by words", "by a tuned model", "published, LLaMA2 7B")
            for n, a in enumerate((0, 10, 20, 100, 240))
        ],
        columns=["curve", "amount", "value", "low", "high"],
    ),  # fmt: skip
}


def test_every_figure_has_a_frame_here():
    assert FRAMES.keys() == FIGURES.keys()
    with pytest.raises(SettingsError, match="No figure"):
        draw("x", STEPS)


def test_the_full_training_stands_first_in_every_panel():
    figure = draw("ablation", FRAMES["ablation"])
    assert len(figure.axes) == 2
    for axes in figure.axes:
        assert axes.yaxis_inverted()
    assert [t.get_text() for t in figure.axes[0].get_yticklabels()][0] == "full"


@pytest.mark.parametrize("name", FIGURES)
def test_nothing_lies_over_another(name):
    figure = draw(name, FRAMES[name])
    figure.canvas.draw()
    for axes in figure.axes:
        assert axes.has_data() or axes.texts
        for ticks in (axes.get_xticklabels(), axes.get_yticklabels()):
            boxes = [
                t.get_window_extent() for t in ticks if t.get_text() and t.get_visible() and not t.get_rotation() % 90
            ]
            for a, b in zip(boxes, boxes[1:], strict=False):
                assert not a.overlaps(b) or min(a.x1 - b.x0, b.x1 - a.x0, a.y1 - b.y0, b.y1 - a.y0) < 1.5, name
    for title, legend in titles_and_legends(figure):
        assert not title.get_window_extent().overlaps(legend.get_window_extent())
    plt.close(figure)


def titles_and_legends(figure):
    for axes in figure.axes:
        words = {axes.get_title(place) for place in ("left", "center", "right")} - {""}
        titles = axes.findobj(lambda t, words=words: isinstance(t, Text) and t.get_text() in words)
        yield from ((title, axes.get_legend()) for title in titles if axes.get_legend())


def test_titles_are_seen_wherever_they_stand():
    assert len(list(titles_and_legends(draw("ratings", FRAMES["ratings"])))) == 2


@pytest.mark.parametrize("name", FIGURES)
def test_saved_with_numbers_and_origin_and_drawn_again(name, tmp_path, monkeypatch):
    monkeypatch.setenv("RECX_RUNS_DIR", str(tmp_path))
    run = Run("tiny", "demo", "stage", "abc", inputs={"target": "def"})
    plt.close(draw_and_save(name, FRAMES[name], run))
    (run.folder / "manifest.json").write_text("{}")
    assert redrawn(tmp_path, tmp_path / "out") == []  # an empty manifest is no finished stage
    run.finish(seed=0)
    (again,) = redrawn(tmp_path, tmp_path / "out")
    assert again == tmp_path / "out" / "tiny-demo" / "stage" / f"{name}.png"
    for folder in (run.folder / "figures", again.parent):
        assert {p.suffix[1:] for p in folder.glob(f"{name}.*")} == {*FORMATS, "csv", "json"}
        origin = json.loads((folder / f"{name}.json").read_text())
        assert origin["fingerprint"] == "abc" and origin["inputs"] == {"target": "def"} and origin["stage"] == "stage"
        numbers = FRAMES[name].select_dtypes("number").reset_index(drop=True)
        pd.testing.assert_frame_equal(pd.read_csv(folder / f"{name}.csv")[numbers.columns], numbers, check_dtype=False)
    first, second = (
        np.asarray(Image.open(f / f"{name}.png").convert("L")) for f in (run.folder / "figures", again.parent)
    )
    assert first.std() > 5 and first.shape == second.shape
    assert np.abs(first.astype(int) - second).mean() < 1


def redrawn(runs, out):
    try:
        return redraw(out=out)
    except CheckpointError as error:
        assert "no finished stage" in str(error)
        return []


def lightness(colour):
    r, g, b = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return 0.299 * r + 0.587 * g + 0.114 * b


def test_levels_read_in_grey():
    levels = [lightness(c) for c in LEVEL_COLOURS]
    assert all(a - b > 0.1 for a, b in zip(levels, levels[1:], strict=False))


@pytest.mark.parametrize("name", ["explanations", "score_prediction"])
def test_bars_that_stand_side_by_side_differ_in_grey_too(name):
    (axes,) = draw(name, FRAMES[name]).axes
    hatches = [bar.get_hatch() for bar, *_ in axes.containers if isinstance(bar, Rectangle)]
    assert len(hatches) == len(axes.get_legend().get_texts())
    assert all(a != b for a, b in zip(hatches, hatches[1:], strict=False))


def test_every_committed_figure_is_known():
    for path in (paths.ROOT / "figures").glob("*.png"):
        assert path.stem in FIGURES, path


def test_titles_that_look_like_numbers_or_nothing_are_drawn_again(tmp_path, monkeypatch):
    monkeypatch.setenv("RECX_RUNS_DIR", str(tmp_path))
    for titles in (["300", "1917", "1941"], ["None", "NA", "nan"]):
        run = Run("tiny", "demo", "stage", "abc")
        frame = pd.DataFrame({"title": titles, "effect": [0.1, -0.2, 0.3], "cited": [True, False, False]})
        plt.close(draw_and_save("case_effects", frame, run))
        run.finish(seed=0)
        assert len(redrawn(tmp_path, tmp_path / "out")) == 1
    (run.folder / "figures" / "case_effects.csv").write_text("other\n1\n")
    with pytest.raises(CheckpointError, match="does not hold the figure|cannot be read"):
        redraw(out=tmp_path / "out")
