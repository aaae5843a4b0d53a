"""A text field for a title with suggestions, tolerance for misspellings and a choice if it is ambiguous."""

import asyncio
from collections.abc import Callable
from typing import Any

import ipywidgets as widgets

from recx.playground.rpc_client import RpcClient
from recx.playground.widgets.elements import WIDE, Item, Message, button, row, show_if

SETTLE = 0.15  # seconds


class TitleField:
    """A text field, suggestions below it, and a button.

    Args:
        client: client bound to a run.
        label: label of the field.
        action: text of the button.
        on_pick: called with the chosen item.
    """

    def __init__(self, client: RpcClient, label: str, action: str, on_pick: Callable[[Item], None]) -> None:
        self.client, self.on_pick = client, on_pick
        self.text = widgets.Text(description=label, placeholder="type a title", layout=WIDE)
        self.suggestions = widgets.Select(description="suggestions", rows=5, layout=WIDE)
        self.message = Message()
        self.text.observe(self._typed, "value")
        self.text.on_msg(self._key)
        self.view = widgets.VBox(
            [row(self.text, button(action, lambda: _soon(self.take))), self.suggestions, self.message]
        )
        self._suggest([])

    def clear(self) -> None:
        """Empty the field."""
        self.text.value, self.message.value = "", ""
        self._suggest([])

    def take(self) -> None:
        """Use the selected suggestion or interpret the text; offer a choice if it matches several items."""
        if self.suggestions.value is not None:
            self._pick(self.suggestions.value)
            return
        typed = self.text.value
        with self.message.catching_errors():
            resolution = self.client.call("resolve", text=typed)
            kind, matches = resolution["kind"], resolution["matches"]
            if kind in ("exact", "close"):
                self._pick(matches[0])
                if kind == "close":
                    score = f"(similarity {matches[0]['score']:.0f} of 100)"
                    self.message.show(f"“{typed}” was interpreted as “{matches[0]['label']}” {score}.")
                return
            self._suggest(matches)
            if kind == "ambiguous":
                self.message.show("Several titles match; choose one below.")
            elif typed.strip():
                self.message.show(f"No item is called “{typed}”. The closest titles are listed below.")
            else:
                self.message.show("Type a title first.")

    def _pick(self, item: Item) -> None:
        self.clear()
        self.on_pick(item)

    def _key(self, _: widgets.Widget, content: dict[str, Any], __: object) -> None:
        if content.get("event") == "submit":
            _soon(self.take)

    def _typed(self, change: dict[str, Any]) -> None:
        with self.message.catching_errors():
            self._suggest(self.client.call("suggest", text=change["new"]) if change["new"].strip() else [])

    def _suggest(self, items: list[Item]) -> None:
        self.suggestions.options = [(f"{i['label']}  ({i['score']:.0f})", i) for i in items]
        self.suggestions.value = None
        show_if(items, self.suggestions)


def _soon(call: Callable[[], None]) -> None:
    """Call with a short delay, because a busy page delivers the last typed text after the click that follows it."""
    try:
        asyncio.get_running_loop().call_later(SETTLE, call)
    except RuntimeError:  # no kernel, so nothing is delayed
        call()
