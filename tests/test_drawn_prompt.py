import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from drawn import assert_readable
from matplotlib.collections import QuadMesh
from matplotlib.colors import to_hex
from matplotlib.patches import FancyBboxPatch

from recx.plots.drawn_prompt import prompt_tokens, vector_stages
from recx.plots.style import COLOURS

ASKED = ["<|user|>", "U", "s", "er", " ", "user", ".", " ", "D", "oes", " ", "item", " fit", " this", " taste", "?"]
ANSWERS = ["<|assistant|>", "Yes", "<|end|>"]


def tokens(turns):
    words = (ASKED + ANSWERS) * turns
    kinds = [word if word in ("user", "item") else "text" for word in words]
    return pd.DataFrame({"text": words, "kind": kinds, "counted": [word in ANSWERS[1:] for word in words]})


@pytest.mark.parametrize("turns, size", [(1, (10, 1.5)), (4, (10, 2.5)), (12, (7, 3))])
def test_every_token_is_one_box_that_can_be_read(turns, size):
    frame = tokens(turns)
    figure, axes = plt.subplots(figsize=size)
    assert prompt_tokens(frame, axes) is axes
    assert_readable(figure)
    boxes = [p for p in axes.patches if isinstance(p, FancyBboxPatch)]
    legend = 4  # prompt, answer, user vector, item vector
    assert len(boxes) == len(axes.texts) == len(frame) + legend
    shown = [t.get_text() for t in axes.texts[: len(frame)]]
    assert shown == [text.strip() or "\u2423" for text in frame["text"]]
    for box, text in zip(boxes, axes.texts, strict=True):
        around, letters = box.get_window_extent(), text.get_window_extent()
        assert around.x0 - 1 <= letters.x0 and letters.x1 <= around.x1 + 1, text.get_text()
    faces = [to_hex(box.get_facecolor()) for box in boxes]
    users = [n for n, kind in enumerate(frame["kind"]) if kind == "user"]
    assert [n for n, face in enumerate(faces[: len(frame)]) if face == COLOURS[1].lower()] == users
    counted = {faces[n] for n in np.flatnonzero(frame["counted"])}
    assert len(counted) == 1 and counted.isdisjoint(faces[n] for n in np.flatnonzero(~frame["counted"]))
    plt.close(figure)


def test_money_and_line_breaks_are_shown_as_they_are():
    figure, axes = plt.subplots(figsize=(6, 1))
    frame = pd.DataFrame({"text": ["$1", "\n", " a$b$c"], "kind": "text", "counted": False})
    prompt_tokens(frame, axes)
    assert_readable(figure)
    assert [t.get_text() for t in axes.texts[:3]] == [r"\$1", "\u2423", r"a\$b\$c"]
    plt.close(figure)


def test_vectors_are_drawn_number_by_number():
    rng = np.random.default_rng(0)
    stages = [("the vector", rng.normal(size=64)), ("half-whitened", np.zeros(64)), ("a word", rng.normal(size=192))]
    figure, axes = plt.subplots(figsize=(9, 3))
    vector_stages(stages, [r"$\Sigma^{-1/4}(v-\mu)$", ""], axes)
    assert_readable(figure)
    strips = [c for c in axes.collections if isinstance(c, QuadMesh)]
    for strip, (_, numbers) in zip(strips, stages, strict=True):
        assert strip.get_array().ravel().tolist() == numbers.tolist()
        assert strip.norm.vmin == -strip.norm.vmax  # zero is the middle of the colours
    names = [t.get_text() for t in axes.texts if "numbers" in t.get_text()]
    assert names == ["the vector: 64 numbers", "half-whitened: 64 numbers", "a word: 192 numbers"]
    assert sum(t.get_text().startswith("$") for t in axes.texts) == 1  # nothing leads to the last one
    plt.close(figure)
