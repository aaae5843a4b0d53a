"""Blind rating: explanations in random order without their source, one key each."""

import base64
import html
import time
from typing import Any

import ipywidgets as widgets

from recx.errors import RecxError
from recx.playground.client import Remote
from recx.playground.widgets.lessons import lesson
from recx.playground.widgets.styling import button, framed, notices, row


class RatingForm:
    """Hands out explanations of a run and keeps each rating as it is given.

    Args:
        remote: the playground's process.
        run: whose explanations are rated.
    """

    def __init__(self, remote: Remote, run: str) -> None:
        self.remote, self.run = remote, run
        self.question: dict[str, Any] = {}
        self.skipped: list[int] = []
        self._shown = 0.0
        self.name = widgets.Text(description="your name", placeholder="or any word of yours", continuous_update=False)
        begin = button("Begin, or go on")
        begin.on_click(lambda _: self.show_next())
        self.page, self.message, self.progress, self.links = (widgets.HTML() for _ in range(4))
        self.key = widgets.Text(
            description="rating", placeholder="press 0, 1, 2 or 3", layout={"width": "18em"}, continuous_update=True
        )
        self.key.observe(self._pressed, "value")
        self.levels = [button(str(level), f"Rate {level}") for level in range(4)]
        for level, control in enumerate(self.levels):
            control.on_click(lambda _, score=level: self.rate(score))
        skip, back = button("Later", "Ask me this one last"), button("Take back the last rating")
        skip.on_click(lambda _: self.skip())
        back.on_click(lambda _: self.take_back())
        self.controls = widgets.VBox([row(self.key, *self.levels), row(skip, back)], layout={"display": "none"})
        self.view = framed(
            [
                widgets.HTML("<h3>Rate explanations, blind</h3>"),
                row(self.name, begin),
                self.message,
                self.progress,
                self.page,
                self.controls,
                self.links,
                widgets.HTML(lesson("rating")),
            ],
            "recx",
            "panel",
        )

    def show_next(self) -> None:
        """The next explanation, or that all are rated."""
        told = self._call("rating_next", skipped=self.skipped)
        if told is None:
            return
        self.question = told
        self.message.value = ""
        share = told["done"] / max(told["of"], 1)
        minutes = round(told["seconds_left"] / 60)
        left = (
            "less than a minute" if minutes < 1 else "about one minute" if minutes == 1 else f"about {minutes} minutes"
        )
        self.progress.value = (
            f"<label>{told['done']} of {told['of']} rated, {left} left "
            f'<progress value="{share:.3f}" max="1">{share:.0%}</progress></label>'
        )
        self.controls.layout.display = "" if "number" in told else "none"
        self.page.value = _question_page(told) if "number" in told else "<p><b>All are rated. Thank you.</b></p>"
        self._offer_export()
        self._shown = time.monotonic()

    def rate(self, score: int) -> None:
        """Keep a rating of the explanation shown, and show the next."""
        if "number" not in self.question:
            return
        took = time.monotonic() - self._shown
        kept = self._call("rating_rate", number=self.question["number"], score=score, seconds=took, quiet=True)
        if kept is not None:
            self.show_next()
            self.message.value = f'<span class="soft" role="status">Rated {score}; it is saved.</span>'

    def skip(self) -> None:
        """Ask the explanation shown last."""
        if "number" in self.question:
            self.skipped.append(self.question["number"])
            self.show_next()

    def take_back(self) -> None:
        """Forget the last rating and ask it again."""
        if self._call("rating_take_back", quiet=True) is not None:
            self.show_next()

    def _pressed(self, change: dict[str, Any]) -> None:
        typed = change["new"].strip()
        if typed:
            self.key.value = ""
            if typed[-1] in "0123":
                self.rate(int(typed[-1]))

    def _call(self, method: str, quiet: bool = False, **told: Any) -> Any:
        """What the process gives (True for nothing); None where it refused, which is said."""
        try:
            value = self.remote.call(method, run=self.run, rater=self.name.value, **told)
        except RecxError as error:
            self.message.value = notices([str(error)], wrong=True)
            return None
        return True if quiet else value

    def _offer_export(self) -> None:
        lines = self._call("rating_export") or ""
        data = base64.b64encode(lines.encode()).decode()
        self.links.value = (
            "<details><summary>Your ratings as a file (it names the sources: rate first)</summary>"
            f'<p><a download="ratings.jsonl" href="data:application/jsonl;base64,{data}">Download your ratings</a> '
            f'<span class="soft">({lines.count(chr(10))} lines; notebook 07 reads them with '
            "<code>--set evaluate.ratings=FILE</code>)</span></p></details>"
        )


def _question_page(told: dict[str, Any]) -> str:
    history = "".join(f"<li>{html.escape(t)}</li>" for t in told["history"])
    rubric = "".join(f"<tr><th>{level}</th><td>{html.escape(text)}</td></tr>" for level, text in told["rubric"])
    said = "recommended" if told["decision"] else "did not recommend"
    return (
        f"<h4>The history, oldest first</h4><ol>{history}</ol>"
        f"<p>The recommender <b>{said}</b>: <b>{html.escape(told['item'])}</b></p>"
        f'<h4>The explanation</h4><blockquote class="panel">{html.escape(told["text"])}</blockquote>'
        f"<table>{rubric}</table>"
    )
