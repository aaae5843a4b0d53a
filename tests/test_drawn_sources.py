import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import pandas as pd
import pytest
from drawn import assert_readable, texts_of

from recx.plots.drawn_sources import KINDS, marked_text, sources_asked

LONG = (
    'Yes. "Kirby\'s Return to Dream Land" is a Platformer title. From the history, "Wii Remote Plus" is a '
    'Controller title; "Okami (Wii)" is an Action title. A change, but a welcome one.'
)
PARTS = [
    ("Yes", "decision", "yes"), ('. "Kirby" is a ', "", ""), ("Platformer", "statement", "yes"),
    (" title. From the history, ", "", ""), ('"Excite Truck"', "citation", "yes"), (" is a ", "", ""),
    ("Racing title as well", "statement", "no"), (". It costs $5 or $6.", "", ""),
]  # fmt: skip


@pytest.fixture
def draw():
    figures = []

    def axes(width, height):
        figure, ax = plt.subplots(figsize=(width, height))
        figures.append(figure)
        return ax

    yield axes
    for figure in figures:
        plt.close(figure)


def test_every_source_is_seen_in_every_view_and_both_questions_are_asked(draw):
    rows = [(s, v, f"{s} {v}: {LONG}") for s in ("unaligned", "hybrid") for v in ("whole text", "masked text")]
    ax = sources_asked(pd.DataFrame(rows, columns=["source", "view", "text"]), draw(9, 3.4))
    shown = [" ".join(t.get_text().split()) for t in texts_of(ax)]
    assert {text for _, _, text in rows} <= set(shown) and {"unaligned", "hybrid", "sees the whole text"} <= set(shown)
    assert len([t for t in shown if "?" in t]) == 2
    assert_readable(ax)


@pytest.mark.parametrize("times", [1, 3])
def test_marks_are_boxed_by_kind_and_signed_by_what_holds(draw, times):
    frame = pd.DataFrame(PARTS * times, columns=["text", "kind", "holds"])
    ax = marked_text(frame, draw(9, 2.4))
    boxed = [(t.get_text(), t.get_bbox_patch().get_facecolor()) for t in ax.texts if t.get_bbox_patch()]
    wanted = [(f"{text} {'✓' if holds == 'yes' else '✗'}", kind) for text, kind, holds in PARTS * times if kind]
    assert [text for text, _ in boxed] == [text for text, _ in wanted]
    assert [c for _, c in boxed] == [matplotlib.colors.to_rgba(KINDS[kind][0]) for _, kind in wanted]
    written = "".join(t.get_text() for t in ax.texts[: len(ax.texts) - len(KINDS)])
    whole = "".join(text for text, _, _ in PARTS * times)
    assert "".join(c for c in written if c not in "✓✗ ") == whole.replace(" ", "")
    assert_readable(ax)


def test_a_long_marked_title_is_broken_and_signed_once(draw):
    title = '"' + "The Very Long Title of a Game about Long Titles " * 3 + '"'
    ax = marked_text(pd.DataFrame([(title, "citation", "no")], columns=["text", "kind", "holds"]), draw(6, 2.4))
    boxed = [t.get_text() for t in ax.texts if t.get_bbox_patch()]
    assert len(boxed) > 2 and sum("✗" in t for t in boxed) == 1
    assert_readable(ax)
