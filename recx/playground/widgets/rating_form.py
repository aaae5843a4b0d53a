"""Blind rating: explanations in random order without their source, rated with one key each."""

import time
from typing import Any

import ipywidgets as widgets

from recx.playground.page_templates import pieces
from recx.playground.rpc_client import RpcClient
from recx.playground.widgets.elements import Message, button, download, panel, row, show_if

_KEYS = "0123456789t"  # one key for each level
_MOST_LEVELS = len(_KEYS)


class RatingForm:
    """A form that presents explanations of a run and saves each rating immediately.

    Args:
        client: client bound to a run.
    """

    def __init__(self, client: RpcClient) -> None:
        self.client = client
        self.question: dict[str, Any] = {}
        self.skipped: list[int] = []
        self.rater = ""
        self._shown_at = 0.0
        self.name = widgets.Text(description="your name", placeholder="or a pseudonym", continuous_update=False)
        self.page, self.progress, self.links = (widgets.HTML() for _ in range(3))
        self.message = Message()
        self.key = widgets.Text(description="rating", layout={"width": "20em"})
        self.key.observe(self._pressed, "value")
        self.levels = [
            button(str(level), lambda score=level: self.rate(score), f"Rate {level}") for level in range(_MOST_LEVELS)
        ]
        skip = button("Skip for now", self.skip, "Ask about this explanation at the end")
        undo = button("Undo the last rating", self.undo)
        self.controls = widgets.VBox([row(self.key, *self.levels), row(skip, undo)])
        show_if(False, self.controls)
        self.view = panel(
            "Blind rating of explanations",
            row(self.name, button("Start or resume", self.start)),
            self.message,
            self.progress,
            self.page,
            self.controls,
            self.links,
            lessons=["rating"],
        ).add_class("recx")

    def start(self) -> None:
        """Rate as the person whose name has been typed; what another one has skipped is not skipped for them."""
        if self.name.value != self.rater:
            self.rater, self.skipped = self.name.value, []
        self.show_next()

    def show_next(self) -> None:
        """Show the next explanation, or a message that all are rated."""
        with self.message.catching_errors():
            self.question = question = self._call("next_question", skipped=self.skipped)
            self.message.value = ""
            self.progress.value = pieces.rating_progress(question)
            remaining = "number" in question
            show_if(remaining, self.controls)
            highest = question["rubric"][-1][0]
            for level, shown in enumerate(self.levels):
                show_if(level <= highest, shown)
            self.key.placeholder = "press 0, 1, 2 or 3" if highest == 3 else "press 0 to 9, or t for ten"
            self.page.value = (
                pieces.rating_question(question)
                if remaining
                else "<p><b>All explanations are rated. Thank you.</b></p>"
            )
            lines = self._call("export_ratings")
            file = download("ratings.jsonl", "application/jsonl", lines, "Download your ratings")
            self.links.value = pieces.rating_export(file, lines.count("\n"))
            self._shown_at = time.monotonic()

    def rate(self, score: int) -> None:
        """Save a rating of the current explanation and show the next."""
        if "number" not in self.question:
            return
        with self.message.catching_errors():
            seconds = time.monotonic() - self._shown_at
            self._call("rate", number=self.question["number"], score=score, seconds=seconds)
            self.show_next()
            self.message.value = pieces.status(f"Your rating of {score} has been saved.")

    def skip(self) -> None:
        """Postpone the current explanation to the end."""
        if "number" in self.question:
            self.skipped.append(self.question["number"])
            self.show_next()

    def undo(self) -> None:
        """Delete the last rating and ask for it again."""
        with self.message.catching_errors():
            self._call("undo_rating")
            self.show_next()

    def _pressed(self, change: dict[str, Any]) -> None:
        typed = change["new"].strip()
        if typed:
            self.key.value = ""
            level = _KEYS.find(typed[-1])
            if 0 <= level <= self.question.get("rubric", [(3, "")])[-1][0]:
                self.rate(level)

    def _call(self, method: str, **arguments: Any) -> Any:
        return self.client.call(method, rater=self.rater, **arguments)
