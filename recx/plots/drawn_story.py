"""The drawing of the tour: the whole method in one picture, with what is frozen and what is trained."""

import textwrap
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Patch, Rectangle

from recx.plots.drawn_data import letters_across, shorten
from recx.plots.style import COLOURS

_FROZEN, _TRAINED, _DATA = ("#d4d4d4", "//"), ("#fbe3b4", ""), ("white", "")
_CELLS = 12  # of the vector that are drawn
_ARROWS = (
    ((25.3, 45), (29.7, 45)),  # history to target
    ((44.3, 45), (46.2, 45)),  # target to vector
    ((59.0, 45), (80.7, 45)),  # vector to decision
    ((52.5, 43), (52.5, 36.2)),  # vector to projector
    ((52.5, 27.8), (52.5, 22.3)),  # projector to token
    ((31.0, 15.8), (31.0, 11.2)),  # prompt to language model
    ((42.3, 6), (55.7, 6)),  # language model to answer
)


def method_picture(
    history: Sequence[str], vector: Sequence[float], item: str, decision: str, answer: str, axes: Axes
) -> Axes:
    """Draw the method: a history becomes a vector, the vector a token of a prompt, and the prompt an explanation.

    Args:
        history: titles that the target reads, oldest first; the latest four are shown.
        vector: the target's user vector (d,); its first numbers are cells, the larger the stronger in colour.
        item: title of the item that is asked about.
        decision: the target's decision about it, in a few words.
        answer: the explanation that the prompt leads to.
        axes: the axes to draw on, ten inches wide and about half as high; its frame is removed.
    """
    axes.set(xlim=(0, 100), ylim=(-1, 58))
    axes.axis("off")
    latest = [shorten(title, 29) for title in history[-4:]]
    _box(axes, (1, 36, 24, 18), "History", "\n".join([*["\u2026"] * (len(history) > 4), *latest]), _DATA)
    _box(axes, (30, 39, 14, 12), "Target", "the recommender\nto be explained", _FROZEN)
    _cells(axes, vector, (47, 43.2, 11, 3.6))
    axes.text(52.5, 49, "user vector $u$", ha="center", fontsize=9, fontweight="bold")
    axes.text(70, 46, "score of item $i$: $u^\\top e_i$", ha="center", fontsize=8)
    _box(axes, (81, 38, 18, 14), "Decision", "\n".join([*textwrap.wrap(shorten(item, 40), 21), decision]), _DATA)
    _box(axes, (43.5, 28, 18, 8), "Projector", "two layers", _TRAINED)
    _prompt(axes, history[-1], item)
    _box(axes, (20, 1, 22, 10), "Language model", "tuned on tasks like this", _TRAINED)
    _box(axes, (56, -0.5, 43, 13), "Answer", textwrap.fill(shorten(answer, 140), 52), _DATA)
    for start, end in _ARROWS:
        axes.add_patch(FancyArrowPatch(start, end, arrowstyle="-|>", mutation_scale=12, color="black"))
    look = {"arrowstyle": "-|>", "linestyle": "--", "mutation_scale": 12, "color": COLOURS[5], "linewidth": 1.4}
    axes.add_patch(FancyArrowPatch((97, 37.7), (97, 12.8), **look))
    axes.text(96, 30, "its decisions are the labels\nfrom which the model learns", ha="right", va="center", fontsize=8)
    handles = [
        Patch(facecolor=colour, hatch=hatch, edgecolor="black", label=label)
        for (colour, hatch), label in ((_FROZEN, "frozen"), (_TRAINED, "trained"), (_DATA, "data"))
    ]
    axes.legend(handles=handles, loc="lower left", frameon=False, fontsize=8, borderpad=0)
    return axes


def _box(axes: Axes, place: tuple[float, float, float, float], name: str, text: str, look: tuple[str, str]) -> None:
    """A named box at (x, y, width, height); the hatch of a frozen one stays out of the way of its text."""
    (x, y, width, height), (colour, hatch) = place, look
    box = {"boxstyle": "round,pad=0,rounding_size=1", "edgecolor": "black", "linewidth": 1}
    axes.add_patch(FancyBboxPatch((x, y), width, height, facecolor=colour, **box))
    if hatch:
        strip = {"facecolor": "none", "edgecolor": "#777777", "hatch": hatch}
        axes.add_patch(Rectangle((x + 0.6, y + 0.5), width - 1.2, 1.6, **strip))
    lines = text.count("\n") + 1
    middle = y + height / 2 + (0.8 if hatch else 0)
    axes.text(x + width / 2, middle + 1.15 * lines, name, ha="center", va="center", fontsize=9, fontweight="bold")
    axes.text(x + width / 2, middle - 1.2, text, ha="center", va="center", fontsize=8, linespacing=1.1)


def _cells(axes: Axes, vector: Sequence[float], place: tuple[float, float, float, float]) -> None:
    x, y, width, height = place
    shown = list(vector[:_CELLS])
    most = max(map(abs, shown)) or 1.0
    each = width / len(shown)
    for n, number in enumerate(shown):
        shade = to_rgba(COLOURS[1] if number >= 0 else COLOURS[0], abs(number) / most)
        axes.add_patch(Rectangle((x + n * each, y), each, height, facecolor=shade, edgecolor="black", linewidth=0.6))


def _prompt(axes: Axes, latest: str, item: str) -> None:
    """The prompt as tokens: words are shown whole, and the vector is one token below the projector."""
    letter = 100 / letters_across(axes, 8)
    before = ["History:", "\u2026", f'"{shorten(latest, 26)}"', ". User"]
    after = [". Is", f'"{shorten(item, 13)}"', "a good match?", "Explain."]
    right = 50.0
    for word in reversed(before):
        right -= letter * len(word) + 1.0
        _token(axes, right, letter * len(word) + 0.6, word, "white")
    _token(axes, 50.0, 5.0, "$u$", COLOURS[1])
    left = 55.4
    for word in after:
        _token(axes, left, letter * len(word) + 0.6, word, "white")
        left += letter * len(word) + 1.0
    axes.add_patch(
        Rectangle((right - 1, 16), left - right + 1, 7, facecolor="none", edgecolor="#777777", linestyle=":")
    )
    axes.text(right - 1, 24, "Prompt", fontsize=9, fontweight="bold")


def _token(axes: Axes, x: float, width: float, word: str, colour: str) -> None:
    axes.add_patch(FancyBboxPatch((x, 17), width, 5, boxstyle="square,pad=0", facecolor=colour, edgecolor="#777777"))
    look = {"fontfamily": "DejaVu Sans Mono", "fontsize": 8, "ha": "center", "va": "center"}
    axes.text(x + width / 2, 19.5, word, **look)
