"""A field for a title: suggestions as one types, misspellings resolved with a score, ambiguous titles asked back."""

import asyncio
from collections.abc import Callable
from typing import Any

import ipywidgets as widgets

from recx.errors import RecxError
from recx.playground.widgets.styling import button, notices, row

Item = dict[str, Any]
Ask = Callable[..., Any]
SETTLE = 0.15  # seconds


class TitleBox:
    """A text field, suggestions below it, and a button.

    Args:
        ask: calls the playground's process.
        label: of the field.
        action: on the button.
        picked: is given the item.
    """

    def __init__(self, ask: Ask, label: str, action: str, picked: Callable[[Item], None]) -> None:
        self.ask, self.picked = ask, picked
        self.text = widgets.Text(description=label, placeholder="type a title", layout={"width": "26em"})
        self.offers = widgets.Select(description="suggestions", rows=5, layout={"width": "26em", "display": "none"})
        self.button = button(action)
        self.message = widgets.HTML()
        self.text.observe(self._typed, "value")
        self.text.on_msg(self._key)
        self.button.on_click(lambda _: _soon(self.take))
        self.view = widgets.VBox([row(self.text, self.button), self.offers, self.message])

    def clear(self) -> None:
        """Empty the field."""
        self.text.value, self.message.value = "", ""
        self._offer([])

    def take(self) -> None:
        """Take the suggestion chosen, else what the text means; ask back where it may mean several items."""
        if self.offers.value is not None and self.offers.layout.display != "none":
            return self._pick(self.offers.value)
        try:
            found = self.ask("resolve", text=self.text.value)
        except RecxError as error:
            self.message.value = notices([str(error)], wrong=True)
            return None
        if found["kind"] in ("exact", "close"):
            item, typed = found["matches"][0], self.text.value
            self._pick(item)
            if found["kind"] == "close":
                told = f"“{typed}” was read as “{item['label']}” (similarity {item['score']:.0f} of 100)."
                self.message.value = notices([told])
            return None
        self._offer(found["matches"])
        said = {
            "ambiguous": "Several items may be meant; choose one below.",
            "unknown": f"No item is called “{self.text.value}”. The nearest stand below."
            if self.text.value.strip()
            else "Type a title first.",
        }
        self.message.value = notices([said[found["kind"]]])
        return None

    def _pick(self, item: Item) -> None:
        self.clear()
        self.picked(item)

    def _key(self, _: widgets.Widget, content: dict[str, Any], __: object) -> None:
        if content.get("event") == "submit":
            _soon(self.take)

    def _typed(self, change: dict[str, Any]) -> None:
        if not change["new"].strip():
            self._offer([])
            return
        try:
            self._offer(self.ask("suggest", text=change["new"]))
        except RecxError as error:
            self.message.value = notices([str(error)], wrong=True)

    def _offer(self, items: list[Item]) -> None:
        self.offers.options = [(f"{i['label']}  ({i['score']:.0f})", i) for i in items]
        self.offers.value = None
        self.offers.layout.display = "" if items else "none"


def _soon(call: Callable[[], None]) -> None:
    """Call a little later: a page holds back what was typed last while busy, but not the click that follows."""
    try:
        asyncio.get_running_loop().call_later(SETTLE, call)
    except RuntimeError:  # no kernel, so nothing is held back
        call()
