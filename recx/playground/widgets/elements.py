"""Elements that all forms are made of: panels, rows, buttons, messages."""

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
    """A line for what a person should know or did wrong; read aloud when it changes."""

    def show(self, *texts: str) -> None:
        """Show sentences in place of what was shown."""
        self.value = pieces.notices(texts)

    def show_error(self, text: object) -> None:
        """Show what was wrong."""
        self.value = pieces.notices([str(text)], wrong=True)

    @contextmanager
    def catching_errors(self) -> Iterator[None]:
        """Show an error for the user that is raised within, and go on."""
        try:
            yield
        except RecxError as error:
            self.show_error(error)


def panel(title: str, *children: widgets.Widget | str, lessons: Sequence[str] = ()) -> widgets.VBox:
    """A framed part of a form: a heading, elements (texts are HTML) below each other, lessons to open."""
    texts = [f"<h3>{title}</h3>", *children, "".join(map(lesson, lessons))]
    return stack("panel", *(widgets.HTML(t) if isinstance(t, str) else t for t in texts))


def stack(css_class: str, *children: widgets.Widget) -> widgets.VBox:
    """Elements below each other, with a class for the style sheet."""
    return widgets.VBox(children).add_class(css_class)


def row(*children: widgets.Widget, align: str = "center") -> widgets.Box:
    """Elements beside each other that wrap where there is no room."""
    return widgets.Box(children, layout={"flex_flow": "row wrap", "align_items": align, "grid_gap": "4px 12px"})


def button(text: str, on_click: Callable[[], None], tooltip: str = "", primary: bool = False) -> widgets.Button:
    """A button as wide as its text."""
    style = "primary" if primary else ""
    element = widgets.Button(description=text, tooltip=tooltip or text, button_style=style, layout={"width": "auto"})
    element.on_click(lambda _: on_click())
    return element


def show_if(shown: Any, element: widgets.Widget) -> None:
    """Show an element, or take it out of the page."""
    element.layout.display = "" if shown else "none"


def in_background(function: Callable[..., None], *arguments: Any) -> None:
    """Call in a thread, so that the form goes on reacting."""
    threading.Thread(target=function, args=arguments, daemon=True).start()


def download(name: str, kind: str, text: str, shown: str = "") -> tuple[str, str, str, str]:
    """What the template of a link to a file reads."""
    return name, kind, base64.b64encode(text.encode()).decode(), shown
