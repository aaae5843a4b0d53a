"""Keeping a conversation: exports to download, and a state that opens again from a link or a file."""

import base64
import html
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import ipywidgets as widgets

from recx.errors import RecxError
from recx.playground.conversation import checked, pack, to_html, to_json, to_markdown, unpack
from recx.playground.widgets.lessons import lesson
from recx.playground.widgets.styling import framed, notices, row


class Keep:
    """Links to the exports of a conversation, and fields to open a state.

    Args:
        opened: is given a checked state.
    """

    def __init__(self, opened: Callable[[Mapping[str, Any]], None]) -> None:
        self._opened = opened
        self.links, self.message = widgets.HTML(), widgets.HTML()
        self.file = widgets.FileUpload(accept=".json", multiple=False, description="Open a file")
        self.letters = widgets.Text(
            description="state", placeholder="letters of a link", continuous_update=False, layout={"width": "20em"}
        )
        self.file.observe(self._file, "value")
        self.letters.observe(self._letters, "value")
        self.view = framed(
            [
                widgets.HTML("<h3>6. Keep it</h3>"),
                self.links,
                row(self.file, self.letters),
                self.message,
                widgets.HTML(lesson("keep")),
            ],
            "panel",
        )

    def show(self, now: Mapping[str, Any], turns: Sequence[Mapping[str, Any]], provenance: Mapping[str, Any]) -> None:
        """Make the exports of what there is by now."""
        letters = pack(now)
        files = [
            ("conversation.html", "text/html", to_html(turns, provenance)),
            ("conversation.md", "text/markdown", to_markdown(turns, provenance)),
            ("conversation.json", "application/json", to_json(now, turns, provenance)),
        ]
        links = [_download(*f) for f in (files if turns else files[2:])]
        told = "".join(
            f"<tr><th>{html.escape(str(k))}</th><td>{html.escape(str(v))}</td></tr>" for k, v in provenance.items()
        )
        # In JupyterLab the page's address is not the playground's; there the letters or the file open a state.
        link = f'<a href="?state={letters}" target="_blank" rel="noopener">link to this state</a>'
        self.links.value = (
            f"<p>{len(turns)} questions so far. Download: {' · '.join(links)}. In the web page also a {link}.</p>"
            f"<details><summary>Letters of this state</summary><pre>{html.escape(letters)}</pre></details>"
            f"<details><summary>Where the answers come from</summary><table>{told}</table></details>"
        )

    def open(self, state: Callable[[], Any]) -> None:
        """Open a state from outside; says what was wrong with it."""
        try:
            self._opened(state())
            self.message.value = ""
        except RecxError as error:
            self.message.value = notices([str(error)], wrong=True)

    def _file(self, change: dict[str, Any]) -> None:
        if change["new"]:
            raw = bytes(change["new"][0]["content"])
            self.open(lambda: _read(raw))
            self.file.value = ()

    def _letters(self, change: dict[str, Any]) -> None:
        letters = change["new"].strip().rpartition("state=")[2]
        if letters:
            self.open(lambda: unpack(letters))
            self.letters.value = ""


def _read(raw: bytes) -> Any:
    try:
        return checked(json.loads(raw))
    except (ValueError, RecursionError):
        return checked(None)


def _download(name: str, kind: str, text: str) -> str:
    data = base64.b64encode(text.encode()).decode()
    return f'<a download="{name}" href="data:{kind};charset=utf-8;base64,{data}">{name}</a>'
