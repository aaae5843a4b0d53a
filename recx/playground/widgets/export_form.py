"""Saving a conversation: exports to download, and states to reopen from a link or a file."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import ipywidgets as widgets

from recx.playground.conversation import to_html, to_json, to_markdown
from recx.playground.form_state import decode_state, encode_state, validate_state
from recx.playground.page_templates import pieces
from recx.playground.widgets.elements import Message, download, panel, row


class ExportForm:
    """Links to the exports of a conversation, and fields for opening a state.

    Args:
        on_open: called with a valid state.
    """

    def __init__(self, on_open: Callable[[Mapping[str, Any]], None]) -> None:
        self._on_open = on_open
        self.links, self.message = widgets.HTML(), Message()
        self.file = widgets.FileUpload(accept=".json", multiple=False, description="Open a file")
        self.letters = widgets.Text(
            description="state", placeholder="link or its code", continuous_update=False, layout={"width": "20em"}
        )
        self.file.observe(self._file_chosen, "value")
        self.letters.observe(self._letters_typed, "value")
        self.view = panel("6. Save and share", self.links, row(self.file, self.letters), self.message, lessons=["keep"])

    def show(self, state: Mapping[str, Any], turns: Sequence[Mapping[str, Any]], provenance: Mapping[str, Any]) -> None:
        """Update the exports to the current conversation."""
        files = [download("conversation.json", "application/json", to_json(state, turns, provenance))]
        if turns:
            files.insert(0, download("conversation.md", "text/markdown", to_markdown(turns, provenance)))
            files.insert(0, download("conversation.html", "text/html", to_html(turns, provenance)))
        self.links.value = pieces.exports(turns, files, encode_state(state), provenance)

    def open(self, read: Callable[[], Mapping[str, Any]]) -> None:
        """Open an external state; errors are shown."""
        with self.message.catching_errors():
            self._on_open(read())
            self.message.value = ""

    def _file_chosen(self, change: dict[str, Any]) -> None:
        if change["new"]:
            content = bytes(change["new"][0]["content"])
            self.open(lambda: _read(content))
            self.file.value = ()

    def _letters_typed(self, change: dict[str, Any]) -> None:
        letters = change["new"].strip().rpartition("state=")[2]
        if letters:
            self.open(lambda: decode_state(letters))
            self.letters.value = ""


def _read(content: bytes) -> dict[str, Any]:
    try:
        return validate_state(json.loads(content))
    except (ValueError, RecursionError):
        return validate_state(None)
