"""The whole application: choosing a run, asking questions and rating explanations."""

import os
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

import ipywidgets as widgets

from recx.errors import RecxError
from recx.playground.form_state import decode_state
from recx.playground.page_templates import pieces
from recx.playground.rpc_client import RpcClient, connect
from recx.playground.widgets.elements import Message, button, row, show_if, stack
from recx.playground.widgets.playground_form import PlaygroundForm
from recx.playground.widgets.rating_form import RatingForm


def app(run: str = "", client: RpcClient | None = None) -> widgets.Widget:
    """Show the playground and the blind rating for the finished runs found on disk.

    A state in the page's URL (`?state=...`) is opened. The server holds the models; nothing heavy is imported here.

    Args:
        run: `profile/dataset` to open first; by default the first run that is ready.
        client: client of the server that holds the models; by default that of `recx app`.

    Raises:
        RpcError: no client was given, and this kernel was not started by `recx app`.
    """
    return App(run, client or connect()).view


class App:
    """A selector of runs above the forms of the selected run.

    Args:
        run: run to open first.
        client: client of the server.
    """

    def __init__(self, run: str, client: RpcClient) -> None:
        self.client, self.form = client, None
        self.state, self.problem = _state_in_address()
        self.wanted = (self.state or {}).get("run") or run
        self.picker, self.message, self.place = widgets.Dropdown(description="run"), Message(), widgets.VBox()
        self._offering = False  # setting the options would select and open the first run
        self.picker.observe(lambda change: None if self._offering else self.open(change["new"]), "value")
        again = button("Refresh", self.look, "Search for finished runs on disk")
        title = widgets.HTML(f"{pieces.style()}<h2>Ask the explainer</h2>")
        self.view = stack("recx", title, row(self.picker, again), self.message, self.place)
        self.look()

    def look(self) -> None:
        """Offer the runs that are ready; the open run stays open."""
        runs = self.client.call("runs")
        ready = {r["name"]: f"{r['dataset']} ({r['profile']})" for r in runs if not r["why"]}
        for r in runs:
            if r["name"] == self.wanted and r["why"]:
                self.problem = f"Run {r['name']} is not ready ({r['why']}). Create it with: {r['command']}"
        name = next((n for n in (self.picker.value, self.wanted, *ready) if n in ready), None)
        self._offering = True
        self.picker.options = [(label, name) for name, label in ready.items()]
        self.picker.value, self._offering = name, False
        show_if(ready, self.picker)
        if ready:
            self.open(name)
        else:
            self.message.value = pieces.nothing_ready(runs)

    def open(self, name: str | None) -> None:
        """Show the forms of a run, unless they are already shown."""
        if not name or (self.form and self.form.run == name):
            return
        self.message.value, self.place.children = pieces.status(f"Opening {name} ..."), []
        if self.form:
            self.form.close()
            self.form = None
        with self.message.catching_errors():
            client = self.client.bind(run=name)
            self.form = PlaygroundForm(client, name, self.state)
            self.place.children = [
                widgets.Tab([self.form.view, RatingForm(client).view], titles=("Question", "Blind rating"))
            ]
            self.state = None
            self.message.show_error(self.problem) if self.problem else self.message.show()


def _state_in_address() -> tuple[Mapping[str, Any] | None, str]:
    """Read the state in the page's URL; returns the state and an error message."""
    letters = parse_qs(os.environ.get("QUERY_STRING", "")).get("state", [""])[0]
    try:
        return (decode_state(letters) if letters else None), ""
    except RecxError as error:
        return None, str(error)
