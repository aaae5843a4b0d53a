"""A drawing of what the relation mode reads beside each title: its predicted effect and its role."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from recx.plots.fitted_text import text_box
from recx.plots.style import COLOURS

_UP, _DOWN, _ROLED, _PLAIN = COLOURS[0], COLOURS[5], "#e8bdd5", "#f4f4f4"
_GAP = 0.06
_TITLE, _ROLE, _ZERO = 1.1, 0.6, 2.95  # height of a title, of a token, and of the zero line above them


def relation_tokens(frame: pd.DataFrame, axes: Axes) -> Axes:
    """Draw one history as the relation mode reads it: a token before each title, and above it what the token holds.

    Bars are the predicted effects, circles the measured ones. A token is named by the role of its title; the role is
    also added to the title's own tokens, which are therefore tinted.

    Args:
        frame: as from `recx.prompts.effect_table.effect_table`: columns `title, predicted, measured, role`, oldest
            first; the role is empty where a title has none, and `attrs` name the item in question and the decision.
        axes: the axes to draw on; its frame is removed.
    """
    largest = max(frame[["predicted", "measured"]].abs().to_numpy().max(), 1e-9)
    axes.set(xlim=(0, len(frame)), ylim=(-0.55, _ZERO + 1.3))
    axes.axis("off")
    decision = "liked" if frame.attrs["liked"] else "disliked"
    axes.set_title(f"In question: {frame.attrs['item']} ({decision} by the target)", fontsize=10, parse_math=False)
    axes.plot([_GAP, len(frame) - _GAP], [_ZERO, _ZERO], color="black", linewidth=0.8)
    for place, row in enumerate(frame.itertuples()):
        tint, width = _ROLED if row.role else _PLAIN, 1 - 2 * _GAP
        text_box(axes, (place + _GAP, 0), (width, _TITLE), row.title, facecolor=tint, edgecolor="#9a9a9a")
        text_box(axes, (place + _GAP, _TITLE), (width, _ROLE), row.role or "no role", 8, facecolor=COLOURS[3])
        effects = np.array([row.predicted, row.measured]) / largest
        colour, hatch = (_UP, "") if effects[0] >= 0 else (_DOWN, "//")
        axes.bar(place + 0.5, effects[0], 0.5, bottom=_ZERO, color=colour, hatch=hatch, edgecolor="white")
        axes.plot(place + 0.5, _ZERO + effects[1], "o", markerfacecolor="white", markeredgecolor="black", markersize=6)
    legend = "bar: predicted effect, circle: measured effect, purple: relation token with the role of its title"
    for place, text, side in (
        (_GAP, "oldest", "left"),
        (len(frame) / 2, legend, "center"),
        (len(frame) - _GAP, "latest", "right"),
    ):
        axes.text(place, -0.3, text, fontsize=8, color="#444444", ha=side, va="center")
    return axes
