"""The whole application: pick a run, question it, rate its explanations."""

import html
import os
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

import ipywidgets as widgets

from recx.errors import RecxError
from recx.playground.client import Remote, connect
from recx.playground.conversation import unpack
from recx.playground.widgets.playground_form import PlaygroundForm
from recx.playground.widgets.rating_form import RatingForm
from recx.playground.widgets.styling import CSS, button, framed, notices, row


def app(run: str = "", remote: Remote | None = None) -> widgets.Widget:
    """The playground and the blind rating over the finished runs found on disk.

    A state in the page's address (`?state=...`) is opened; nothing heavy is imported here, models live in a process of
    their own.

    Args:
        run: `profile/dataset` to begin with; the first that is ready unless told.
        remote: the playground's process; the one `recx app` started, or a new one, unless told.
    """
    remote = remote or connect()
    style, picker, status = widgets.HTML(f"<style>{CSS}</style>"), widgets.Dropdown(description="run"), widgets.HTML()
    place = widgets.VBox([])
    again = button("Look again", "Look for finished runs on disk")
    start, problem = _told()

    forms: list[PlaygroundForm] = []
    offering = False

    def open_run(name: str) -> None:
        nonlocal start
        status.value = f'<span class="soft" role="status">Opening {html.escape(name)} ...</span>'
        place.children = []
        while forms:
            forms.pop().close()
        try:
            form = PlaygroundForm(remote, name, start)
            forms.append(form)
            tabs = widgets.Tab([form.view, RatingForm(remote, name).view], titles=("Question", "Rate blind"))
            place.children, start = [tabs], None
            status.value = notices([problem], wrong=True) if problem else ""
        except RecxError as error:
            status.value = notices([str(error)], wrong=True)

    def look() -> None:
        """Offer what is ready; what is open stays open."""
        nonlocal problem, offering
        found = remote.call("runs")
        ready = {r["name"]: f"{r['dataset']} ({r['profile']})" for r in found if not r["why"]}
        asked = (start or {}).get("run") or run
        unready = next((r for r in found if r["name"] == asked and r["why"]), None)
        if unready:
            problem = f"Run {asked} is not ready ({unready['why']}). Make it with: {unready['command']}"
        wanted = next((n for n in (picker.value, asked, *ready) if n in ready), None)
        offering = True
        picker.options = [(label, name) for name, label in ready.items()]
        picker.value, offering = wanted, False
        picker.layout.display = "" if ready else "none"
        if not ready:
            status.value = _nothing_yet(found)
        elif not forms or forms[0].run != wanted:
            open_run(wanted)

    look()
    picker.observe(lambda change: open_run(change["new"]) if change["new"] and not offering else None, "value")
    again.on_click(lambda _: look())
    return framed([style, widgets.HTML("<h2>Ask the explainer</h2>"), row(picker, again), status, place], "recx")


def _told() -> tuple[Mapping[str, Any] | None, str]:
    """A state in the page's address, and what is wrong with it."""
    letters = parse_qs(os.environ.get("QUERY_STRING", "")).get("state", [""])[0]
    try:
        return (unpack(letters) if letters else None), ""
    except RecxError as error:
        return None, str(error)


def _nothing_yet(found: list[dict[str, Any]]) -> str:
    begun = "".join(
        f"<li>{html.escape(r['name'])}: {html.escape(r['why'])}; <code>{html.escape(r['command'])}</code></li>"
        for r in found
    )
    return (
        "<p>There is no finished run yet. Make one with <code>recx run</code> (some twenty minutes on two cores), then "
        f"look again.</p><ul>{begun}</ul>"
    )
