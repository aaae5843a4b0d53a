"""Explanations side by side with checked parts marked as true or false, as HTML and as a figure."""

import html
import textwrap
from collections.abc import Sequence

import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

# Dark enough for white paper, and never the only cue: a tick or a cross follows.
_COLOURS = {"": "black", "yes": "#0a7d28", "no": "#b3261e", "unknown": "#5b5b5b"}
_SIGNS = {"": "", "yes": "\u2713", "no": "\u2717", "unknown": "?"}
_WIDTH = 104
_SIZE = 8
# A character of DejaVu Sans Mono is 0.602 times its size wide, so that pieces placed by column join seamlessly.
_LETTER = 0.602 * _SIZE / 72
Line = list[tuple[str, str, bool]]


def cases_html(frame: pd.DataFrame) -> str:
    """Render cases as HTML: history, item, the target's decision, and one row per method.

    Args:
        frame: one or several cases from `recx.evaluation.case_studies.case_frame`.
    """
    parts = []
    for title, case in frame.fillna({"holds": "", "why": ""}).groupby("case", sort=False):
        first = case.iloc[0]
        history = "; ".join(html.escape(t) for t in str(first["history"]).split("\n"))
        rows = "".join(
            '<tr><th style="text-align:left;vertical-align:top;padding:4px 12px 4px 0;white-space:nowrap">'
            f'{html.escape(_heading(method, own))}</th><td style="text-align:left;padding:4px 0">'
            + "".join(_span(t, h, w) for t, h, w in zip(own["text"], own["holds"], own["why"], strict=True))
            + "</td></tr>"
            for method, own in case.groupby("method", sort=False)
        )
        parts.append(
            f'<div style="margin:0 0 1.5em 0;max-width:60em"><h4 style="margin:0 0 .3em 0">{html.escape(str(title))}'
            f"</h4><p><b>History:</b> {history}<br><b>The target {_verb(first)}:</b> {html.escape(first['item'])}</p>"
            f'<table style="border-collapse:collapse">{rows}</table></div>'
        )
    return "".join(parts)


def cases_figure(frame: pd.DataFrame) -> Figure:
    """Draw cases below each other as a figure for print.

    Args:
        frame: as for `cases_html`.
    """
    lines: list[Line] = []
    for title, case in frame.fillna({"holds": "", "why": ""}).groupby("case", sort=False):
        lines += _lines(str(title), case)
    figure, axes = plt.subplots(figsize=((_WIDTH + 3) * _LETTER, 0.175 * len(lines) + 0.2))
    text_panel(lines, axes)
    figure.subplots_adjust(0, 0, 1, 1)
    return figure


def text_panel(lines: Sequence[Line], axes: Axes) -> Axes:
    """Draw lines of (text, colour, bold) pieces in a monospaced font.

    Args:
        lines: lines from top to bottom.
        axes: the axes to draw on; its frame is removed.
    """
    axes.set(xlim=(0, _WIDTH + 3), ylim=(len(lines), 0))
    axes.axis("off")
    for row, line in enumerate(lines):
        column = 0
        for text, colour, bold in line:
            axes.text(
                column,
                row + 0.8,
                text.replace("$", r"\$"),
                color=colour,
                fontfamily="DejaVu Sans Mono",
                fontsize=_SIZE,
                fontweight="bold" if bold else "normal",
            )
            column += len(text)
    return axes


def _span(text: str, holds: str, why: str) -> str:
    shown = html.escape(str(text), quote=False)
    if not holds:
        return shown
    return f'<b style="color:{_COLOURS[holds]}" title="{html.escape(str(why))}">{shown}&nbsp;{_SIGNS[holds]}</b>'


def _verb(case: pd.Series) -> str:
    return "recommends" if str(case["decision"]) == "True" else "does not recommend"


def _heading(method: str, own: pd.DataFrame) -> str:
    rating = own["rating"].iloc[0]
    return method if pd.isna(rating) else f"{method} ({rating:.0f})"


def _lines(title: str, case: pd.DataFrame) -> list[Line]:
    first = case.iloc[0]
    heads = [(title, True), ("History: " + "; ".join(str(first["history"]).split("\n")), False)]
    heads += [(f"The target {_verb(first)}: {first['item']}", False)]
    lines: list[Line] = [[(line, "black", bold)] for text, bold in heads for line in textwrap.wrap(text, _WIDTH)]
    for method, own in case.groupby("method", sort=False):
        lines.append([(_heading(method, own), "#444444", True)])
        lines += _wrapped(list(zip(own["text"], own["holds"], strict=True)))
    return [*lines, []]


def _wrapped(pieces: Sequence[tuple[str, str]]) -> list[Line]:
    """Break pieces into lines between words, indented by two characters."""
    lines: list[Line] = [[("  ", "black", False)]]
    used = 2
    for text, holds in pieces:
        for n, word in enumerate((str(text) + _SIGNS[holds]).replace("\n", " ").split(" ")):
            # A space belongs to the word after it, so that joined pieces give the original text.
            left = (" " if n else "") + word
            while left:
                if used + len(left) > _WIDTH and used > 2:
                    lines.append([("  ", "black", False)])
                    used, left = 2, left.lstrip()
                part, left = left[: _WIDTH - 2], left[_WIDTH - 2 :]
                lines[-1].append((part, _COLOURS[holds], bool(holds)))
                used += len(part)
    return lines
