"""What if the history were another: one changed and asked again, or the smallest change that turns the target."""

import html
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import ipywidgets as widgets

from recx.errors import RecxError
from recx.playground.client import Remote, new_id
from recx.playground.conversation import said_of
from recx.playground.widgets.answer_panels import AnswerPanel, Asking
from recx.playground.widgets.lessons import lesson
from recx.playground.widgets.styling import button, framed, notices, row
from recx.playground.widgets.title_box import Ask, Item, TitleBox

Turn = dict[str, Any]


class WhatIf:
    """Changes of the history that was last asked about.

    Args:
        ask: calls the playground's process.
        remote: for what is written bit by bit.
        run: asked.
        models: names.
        noted: is given a turn and a sentence for its record.
    """

    def __init__(
        self, ask: Ask, remote: Remote, run: str, models: Sequence[str], noted: Callable[[Turn, str], None]
    ) -> None:
        self.ask, self.remote, self.run, self._noted = ask, remote, run, noted
        self.turn: Turn | None = None
        self.asking: Asking | None = None
        self._search = ""
        self.removed = widgets.Dropdown(description="without", options=[("(nothing)", None)], layout={"width": "26em"})
        self.added: Item | None = None
        self.add_box = TitleBox(ask, "with", "Choose", self._choose)
        self.chosen, self.drop_button = widgets.HTML(), button("Choose none")
        self.drop_button.on_click(lambda _: self._choose(None))
        self.drop_button.layout.display = "none"
        self.model = widgets.Dropdown(description="model", options=list(models), value=models[-1])
        self.again = button("Ask again with the change", primary=True)
        self.again.on_click(lambda _: self.change())
        self.stop_button = button("Stop", "Stop what is being written or searched here")
        self.stop_button.on_click(lambda _: self.stop())
        self.standing = widgets.HTML()
        self.before, self.after = AnswerPanel("before"), AnswerPanel("after")
        self.turns = {v: button(f"What would have to change for a {v}?") for v in ("no", "yes")}
        for wanted, control in self.turns.items():
            control.on_click(lambda _, w=wanted: self.turn_over(w))
        self.adding = widgets.Checkbox(description="items may be added too", indent=False, layout={"width": "auto"})
        self.found = widgets.HTML()
        self.view = framed(
            [
                widgets.HTML("<h3>5. What if?</h3>"),
                self.removed,
                self.add_box.view,
                row(self.chosen, self.drop_button),
                row(self.model, self.again, self.stop_button),
                self.standing,
                widgets.Box([self.before.view, self.after.view], layout={"flex_flow": "row wrap", "grid_gap": "8px"}),
                row(*self.turns.values(), self.adding),
                self.found,
                widgets.HTML(lesson("what_if")),
            ],
            "panel",
        )
        self._usable(False)

    def set_turn(self, turn: Turn) -> None:
        """The question that changes start from."""
        self.turn = turn
        self._choose(None)
        numbered = [(f"{n}. {t}", i) for n, (t, i) in enumerate(zip(turn["history"], turn["numbers"], strict=True), 1)]
        self.removed.options = [("(nothing)", None), *numbered]
        self.standing.value = self.found.value = ""
        verdict = turn["standing"]["verdict"]
        for wanted, control in self.turns.items():
            control.layout.display = "none" if wanted == verdict else ""
        for panel in (self.before, self.after):
            panel.show("")
        self._usable(True)

    def change(self) -> None:
        """Ask target and explainer again, and show both answers beside each other."""
        if self.again.disabled:
            return
        self.again.disabled = True
        removed = [self.removed.value] if self.removed.value is not None else []
        added = [self.added["item"]] if self.added else []
        words = _words(self.removed.label if removed else "", self.added["label"] if added else "")
        self.asking = Asking(self.remote, self.run)
        changes = {"removed": removed, "added": added}
        threading.Thread(
            target=self._changed, args=(self.turn, self.asking, self.model.value, changes, words), daemon=True
        ).start()

    def _changed(self, turn: Turn, asking: Asking, model: str, changes: dict[str, list[int]], words: str) -> None:
        try:
            told = self.ask("what_if", history=turn["numbers"], item=turn["number"], **changes)
            self.standing.value = _compared(told["before"], told["after"])
            self._noted(turn, f"What if {words}: {_step(told['before'], told['after'])}.")
            asked = {"item": turn["number"], "wish": turn["wish"]}
            first = next((a for a in turn["answers"] if a["model"] == model), None)
            if first:
                self.before.finish(first)
            else:
                asking.start({model: self.before}, asked | {"history": turn["numbers"]}).join()
            asking.start({model: self.after}, asked | {"history": told["history"]}).join()
        except RecxError as error:
            self.standing.value = notices([str(error)], wrong=True)
        finally:
            self.again.disabled = False

    def turn_over(self, wanted: str) -> None:
        """Search for the smallest change that turns the target's verdict; a search still going on is stopped."""
        if self._search:
            self.remote.stop(self._search)
        self._search = new_id()
        self.found.value = '<p class="soft">searching ...</p>'
        threading.Thread(target=self._look, args=(self.turn, self._search, wanted), daemon=True).start()

    def _look(self, turn: Turn, call: str, wanted: str) -> None:
        cited = sorted({i for a in turn["answers"] for i in a["cited"]})
        where = {"history": turn["numbers"], "item": turn["number"], "wanted": wanted, "cited": cited}
        try:
            found = self.remote.stream("turn_over", call, run=self.run, adding=self.adding.value, **where)
            (told,) = found
        except RecxError as error:
            if call == self._search:
                self.found.value = notices([str(error)], wrong=True)
            return
        said = flipped_words(told, by_model(turn["answers"], told))
        if not told["stopped"]:
            self._noted(turn, " ".join(said))
        if call == self._search and turn is self.turn:  # else something else was asked meanwhile
            self.found.value = "".join(f"<p>{html.escape(s)}</p>" for s in said)

    def stop(self) -> None:
        """Stop what is being written or searched."""
        if self.asking:
            self.asking.stop()
        if self._search:
            self.remote.stop(self._search)

    def _choose(self, item: Item | None) -> None:
        self.added = item
        self.chosen.value = f"with: <b>{html.escape(item['label'])}</b>, as the latest item" if item else ""
        self.drop_button.layout.display = "" if item else "none"

    def _usable(self, usable: bool) -> None:
        for control in (self.again, *self.turns.values()):
            control.disabled = not usable


def by_model(answers: Sequence[Mapping[str, Any]], told: Mapping[str, Any]) -> dict[str, int]:
    """How many of the removed items each model's text had cited."""
    removed = {c["item"] for c in told["changes"] if c["kind"] == "remove"}
    return {a["model"]: len(removed & set(a["cited"])) for a in answers} if removed else {}


def flipped_words(told: Mapping[str, Any], named: Mapping[str, int]) -> list[str]:
    """What a search for the smallest change found, in sentences."""
    if told["stopped"]:
        return [f"Stopped after {told['tried']} histories; none of them turned the verdict."]
    if not told["changes"]:
        return [
            f"No change tried makes the target say {told['wanted']} ({told['tried']} histories); the closest moves the "
            f"item from rank {told['before']['rank']} to {told['after']['rank']} of {told['after']['unseen']}."
        ]
    verbs = {"remove": "without", "add": "with"}
    changes = " and ".join(f"{verbs[c['kind']]} “{c['label']}”" for c in told["changes"])
    sure = "no smaller change does it" if told["smallest"] else "a smaller change may exist"
    out = [
        f"For a {told['wanted']}: {changes}. {_step(told['before'], told['after'])} "
        f"({told['tried']} histories tried; {sure})."
    ]
    if told["removed"] and named:
        texts = ", ".join(f"{model} {count} of {told['removed']}" for model, count in named.items())
        out.append(f"Of the items to be removed the texts had cited: {texts}.")
    return out


def _words(removed: str, added: str) -> str:
    parts = [f"without “{removed.partition('. ')[2]}”"] if removed else []
    return " and ".join([*parts, *([f"with “{added}”"] if added else [])])


def _step(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    return (
        f"Rank {before['rank']} to {after['rank']} of {after['unseen']}, score {before['score']:.2f} to "
        f"{after['score']:.2f}, {before['verdict']} to {after['verdict']}"
    )


def _compared(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    moved, gained = after["rank"] - before["rank"], after["score"] - before["score"]
    lines = [("target before", said_of(before)), ("target after", said_of(after))]
    lines.append(("change", f"rank {moved:+d}, score {gained:+.2f}"))
    return "<table>" + "".join(f"<tr><th>{h}</th><td>{html.escape(t)}</td></tr>" for h, t in lines) + "</table>"
