"""Elements shared by all forms: panels, rows, buttons and messages."""

import base64
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import ipywidgets as widgets

from recx.errors import RecxError
from recx.playground.page_templates import lesson, pieces

WIDE = {"width": "26em"}
Item = dict[str, Any]


class Message(widgets.HTML):
    """A line for notices and errors; screen readers announce its changes."""

    def show(self, *texts: str) -> None:
        """Show notices, replacing earlier ones."""
        self.value = pieces.notices(texts)

    def show_error(self, text: object) -> None:
        """Show an error."""
        self.value = pieces.notices([str(text)], wrong=True)

    @contextmanager
    def catching_errors(self) -> Iterator[None]:
        """Show errors for the user that are raised in the block, and continue."""
        try:
            yield
        except RecxError as error:
            self.show_error(error)


def panel(title: str, *children: widgets.Widget | str, lessons: Sequence[str] = ()) -> widgets.VBox:
    """Build a framed part of a form: a heading, stacked elements (strings are HTML) and expandable lessons."""
    texts = [f"<h3>{title}</h3>", *children, "".join(map(lesson, lessons))]
    return stack("panel", *(widgets.HTML(t) if isinstance(t, str) else t for t in texts))


def stack(css_class: str, *children: widgets.Widget) -> widgets.VBox:
    """Stack elements vertically, with a CSS class."""
    return widgets.VBox(children).add_class(css_class)


def row(*children: widgets.Widget, align: str = "center") -> widgets.Box:
    """Place elements side by side, wrapping when space is short."""
    return widgets.Box(children, layout={"flex_flow": "row wrap", "align_items": align, "grid_gap": "4px 12px"})


def button(text: str, on_click: Callable[[], None], tooltip: str = "", primary: bool = False) -> widgets.Button:
    """Create a button as wide as its text."""
    style = "primary" if primary else ""
    element = widgets.Button(description=text, tooltip=tooltip or text, button_style=style, layout={"width": "auto"})
    element.on_click(lambda _: on_click())
    return element


def show_if(shown: Any, element: widgets.Widget) -> None:
    """Show or hide an element."""
    element.layout.display = "" if shown else "none"


def in_background(function: Callable[..., None], *arguments: Any) -> None:
    """Call a function in a thread, so that the form stays responsive."""
    threading.Thread(target=function, args=arguments, daemon=True).start()


def download(name: str, kind: str, text: str, shown: str = "") -> tuple[str, str, str, str]:
    """Build the arguments of the template for a file link."""
    return name, kind, base64.b64encode(text.encode("utf-8", "replace")).decode(), shown
