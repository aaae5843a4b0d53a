"""The drawing of the tour: the whole method in one picture, with what is frozen and what is trained."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Patch, Rectangle

from recx.plots.fitted_text import text_box
from recx.plots.style import COLOURS

_FROZEN, _TRAINED, _DATA = ("#d4d4d4", "//"), ("#fbe3b4", ""), ("white", "")
_CELLS = 12  # of the vector that are drawn
_BETWEEN = 0.5  # space between the words of the prompt
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
    history: Sequence[str],
    vector: Sequence[float],
    item: str,
    decision: str,
    answer: str,
    axes: Axes,
    answered_by: str = "",
) -> Axes:
    """Draw the method: a history becomes a vector, the vector a token of a prompt, and the prompt an explanation.

    Args:
        history: titles that the target reads, oldest first; the latest four are shown.
        vector: the target's user vector (d,); its first numbers are cells, the larger the stronger in colour.
        item: title of the item that is asked about.
        decision: the target's decision about it, in a few words.
        answer: the explanation that the prompt leads to.
        axes: the axes to draw on, ten inches wide and about half as high; its frame is removed.
        answered_by: who wrote the explanation, if not the language model.
    """
    axes.set(xlim=(0, 100), ylim=(-1, 58))
    axes.axis("off")
    _box(axes, (1, 36, 24, 18), "History", "", _DATA)
    for n, title in enumerate([*["\u2026"] * (len(history) > 4), *history[-4:]]):
        text_box(axes, (1, 48.2 - 2.9 * n), (24, 2.9), title, 7, facecolor="none", edgecolor="none")
    _box(axes, (30, 39, 14, 12), "Target", "the recommender to be explained", _FROZEN)
    _cells(axes, vector, (47, 43.2, 11, 3.6))
    axes.text(52.5, 49, "user vector $u$", ha="center", fontsize=9, fontweight="bold")
    axes.text(70, 46, "score of item $i$: $u^\\top e_i$", ha="center", fontsize=8)
    _box(axes, (81, 38, 18, 14), "Decision", f'{decision} for "{item}"', _DATA)
    _box(axes, (43.5, 28, 18, 8), "Projector", "two layers", _TRAINED)
    _prompt(axes, history[-1], item)
    _box(axes, (20, 1, 22, 10), "Language model", "tuned on tasks like this", _TRAINED)
    _box(axes, (56, -0.5, 43, 13), f"Answer ({answered_by})" if answered_by else "Answer", answer, _DATA)
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
    axes.text(x + width / 2, y + height - 1.9, name, ha="center", va="center", fontsize=9, fontweight="bold")
    bottom = y + (2.2 if hatch else 0.2)
    room = (width, y + height - 3.2 - bottom)
    text_box(axes, (x, bottom), room, text, 8, facecolor="none", edgecolor="none")


def _cells(axes: Axes, vector: Sequence[float], place: tuple[float, float, float, float]) -> None:
    x, y, width, height = place
    shown = list(vector[:_CELLS])
    most = max(map(abs, shown)) or 1.0
    each = width / len(shown)
    for n, number in enumerate(shown):
        shade = to_rgba(COLOURS[1] if number >= 0 else COLOURS[0], abs(number) / most)
        axes.add_patch(Rectangle((x + n * each, y), each, height, facecolor=shade, edgecolor="black", linewidth=0.6))


def _prompt(axes: Axes, latest: str, item: str) -> None:
    """The prompt as words in boxes, so many units wide; the vector is one token below the projector."""
    before = (("History:", 8.5), ("\u2026", 3), (f'"{latest}"', 20), (". User", 7))
    after = ((". Is", 5), (f'"{item}"', 13), ("a good match?", 11.5), ("Explain.", 7.5))
    left = start = 50.0 - sum(width + _BETWEEN for _, width in before)
    for word, width in (*before, ("u", 5), *after):
        vector = {"facecolor": COLOURS[1]} if word == "u" else {}
        _, shown = text_box(axes, (left, 17), (width, 5), word, 8, edgecolor="#777777", **vector)
        shown.set_fontstyle("italic" if vector else "normal")
        left += width + _BETWEEN
    axes.add_patch(
        Rectangle((start - 1, 16), left - start + 1.2, 7, facecolor="none", edgecolor="#777777", linestyle=":")
    )
    axes.text(start - 1, 24, "Prompt", fontsize=9, fontweight="bold")
