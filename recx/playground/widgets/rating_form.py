"""Blind rating: explanations in random order without their source, one key each."""

import time
from typing import Any

import ipywidgets as widgets

from recx.playground.page_templates import pieces
from recx.playground.rpc_client import RpcClient
from recx.playground.widgets.elements import Message, button, download, panel, row, show_if


class RatingForm:
    """Hands out explanations of a run and keeps each rating as it is given.

    Args:
        client: calls about a run.
    """

    def __init__(self, client: RpcClient) -> None:
        self.client = client
        self.question: dict[str, Any] = {}
        self.skipped: list[int] = []
        self._shown_at = 0.0
        self.name = widgets.Text(description="your name", placeholder="or any word of yours", continuous_update=False)
        self.page, self.progress, self.links = (widgets.HTML() for _ in range(3))
        self.message = Message()
        self.key = widgets.Text(description="rating", placeholder="press 0, 1, 2 or 3", layout={"width": "18em"})
        self.key.observe(self._pressed, "value")
        levels = [button(str(level), lambda score=level: self.rate(score), f"Rate {level}") for level in range(4)]
        skip = button("Later", self.skip, "Ask me this one last")
        undo = button("Take back the last rating", self.undo)
        self.controls = widgets.VBox([row(self.key, *levels), row(skip, undo)])
        show_if(False, self.controls)
        self.view = panel(
            "Rate explanations, blind",
            row(self.name, button("Begin, or go on", self.show_next)),
            self.message,
            self.progress,
            self.page,
            self.controls,
            self.links,
            lessons=["rating"],
        ).add_class("recx")

    def show_next(self) -> None:
        """The next explanation, or that all are rated."""
        with self.message.catching_errors():
            self.question = question = self._call("next_question", skipped=self.skipped)
            self.message.value = ""
            self.progress.value = pieces.rating_progress(question)
            remaining = "number" in question
            show_if(remaining, self.controls)
            self.page.value = (
                pieces.rating_question(question) if remaining else "<p><b>All are rated. Thank you.</b></p>"
            )
            lines = self._call("export_ratings")
            file = download("ratings.jsonl", "application/jsonl", lines, "Download your ratings")
            self.links.value = pieces.rating_export(file, lines.count("\n"))
            self._shown_at = time.monotonic()

    def rate(self, score: int) -> None:
        """Keep a rating of the explanation shown, and show the next."""
        if "number" not in self.question:
            return
        with self.message.catching_errors():
            seconds = time.monotonic() - self._shown_at
            self._call("rate", number=self.question["number"], score=score, seconds=seconds)
            self.show_next()
            self.message.value = pieces.status(f"Rated {score}; it is saved.")

    def skip(self) -> None:
        """Ask the explanation shown last."""
        if "number" in self.question:
            self.skipped.append(self.question["number"])
            self.show_next()

    def undo(self) -> None:
        """Forget the last rating and ask it again."""
        with self.message.catching_errors():
            self._call("undo_rating")
            self.show_next()

    def _pressed(self, change: dict[str, Any]) -> None:
        typed = change["new"].strip()
        if typed:
            self.key.value = ""
            if typed[-1] in "0123":
                self.rate(int(typed[-1]))

    def _call(self, method: str, **arguments: Any) -> Any:
        return self.client.call(method, rater=self.name.value, **arguments)
