"""How the forms look: colours that follow the page's theme, and small pieces of escaped HTML."""

import html
from collections.abc import Mapping, Sequence
from typing import Any

import ipywidgets as widgets

from recx.playground.conversation import STYLE

# JupyterLab and Voila say on the body whether a theme is light; sizes are relative, so that zoom only wraps.
CSS = (
    STYLE
    + """
[data-jp-theme-light="false"] .recx { --recx-yes: #7ee29a; --recx-no: #ff9d96; }
.recx, .recx .widget-label, .recx .widget-html-content { color: var(--jp-ui-font-color0, #111); font-size: 1rem; }
.recx .widget-html-content { line-height: 1.45; }
.recx h2, .recx h3, .recx h4 { margin: .4em 0 .2em; color: inherit; }
.recx .widget-inline-hbox > .widget-label { width: 6.5em; }
.recx .widget-inline-hbox, .recx .widget-textarea, .recx .widget-select { max-width: 100%; }
.recx .widget-inline-hbox > :is(input, select, textarea) { min-width: 0; }
.recx > .panel, .recx .recx > .panel { margin: 4px 0; }
.recx table { border-collapse: collapse; }
.recx th, .recx td { text-align: left; vertical-align: top; padding: .1em .8em .1em 0; }
.recx button:focus-visible, .recx input:focus-visible, .recx select:focus-visible, .recx textarea:focus-visible,
.recx summary:focus-visible, .recx a:focus-visible {
  outline: 3px solid var(--jp-brand-color1, #1976d2); outline-offset: 1px;
}
.recx .panel { border: 1px solid var(--jp-border-color1, #bbb); border-radius: 4px; padding: .6em; }
.recx .badge { border: 1px solid currentColor; border-radius: 3px; padding: 0 .4em; }
.recx .badge { display: inline-block; white-space: normal; }
.recx .soft { color: var(--jp-ui-font-color1, #444); }
.recx .notice { border-left: 4px solid var(--jp-warn-color1, #b35c00); padding-left: .6em; margin: .3em 0; }
.recx .wrong { border-left-color: var(--jp-error-color1, #b00020); }
.recx summary { cursor: pointer; }
.recx pre { white-space: pre-wrap; font-size: .9em; }
.recx a { color: var(--jp-content-link-color, #00538f); }
.recx .widget-select select { color: var(--jp-ui-font-color0, #111); background: var(--jp-layout-color1, #fff); }
"""
)


def framed(children: Sequence[widgets.Widget], *names: str) -> widgets.VBox:
    """Widgets below each other, with class names for the style sheet."""
    box = widgets.VBox(list(children))
    for name in names:
        box.add_class(name)
    return box


def row(*children: widgets.Widget) -> widgets.Box:
    """Widgets beside each other that wrap where there is no room."""
    return widgets.Box(
        list(children), layout={"flex_flow": "row wrap", "align_items": "center", "grid_gap": "4px 12px"}
    )


def button(text: str, tooltip: str = "", primary: bool = False) -> widgets.Button:
    """A button as wide as its text."""
    style = "primary" if primary else ""
    return widgets.Button(description=text, tooltip=tooltip or text, button_style=style, layout={"width": "auto"})


def notices(texts: Sequence[str], wrong: bool = False) -> str:
    """Sentences to mind, escaped."""
    kind = "notice wrong" if wrong else "notice"
    head = "<b>Not done:</b> " if wrong else ""
    return "".join(f'<div class="{kind}" role="status">{head}{html.escape(t)}</div>' for t in texts)


def facts(item: Mapping[str, Any]) -> str:
    """Attributes of an item in one escaped line."""
    return html.escape("; ".join(f"{name}: {', '.join(values)}" for name, values in item["facts"].items()))


def item_table(items: Sequence[Mapping[str, Any]], heads: Sequence[str], extra: Sequence[str] = ()) -> str:
    """Items with their attributes, and one more column where there is one; everything escaped."""
    cells = "".join(f"<th>{html.escape(h)}</th>" for h in heads)
    lines = [
        f"<tr><td>{n}.</td><td>{html.escape(i['label'])}</td>"
        + (f"<td>{html.escape(extra[n - 1])}</td>" if extra else "")
        + f'<td class="soft">{facts(i)}</td></tr>'
        for n, i in enumerate(items, 1)
    ]
    return f"<table><tr><th></th>{cells}</tr>{''.join(lines)}</table>"
