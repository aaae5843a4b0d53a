"""The playground: a history, an item, wishes; target and explainers beside each other; what if; keep it."""

import html
import threading
from collections.abc import Mapping
from typing import Any

import ipywidgets as widgets

from recx.errors import RecxError
from recx.playground.client import Remote
from recx.playground.conversation import said_of, state
from recx.playground.widgets.answer_panels import AnswerPanel, Asking, models_page
from recx.playground.widgets.history_form import HistoryBox
from recx.playground.widgets.keep_form import Keep
from recx.playground.widgets.lessons import lesson
from recx.playground.widgets.styling import button, facts, framed, item_table, notices, row
from recx.playground.widgets.title_box import Item, TitleBox
from recx.playground.widgets.what_if_form import WhatIf


class PlaygroundForm:
    """The forms over one run.

    Args:
        remote: the playground's process.
        run: name, as `runs` of that process gives it.
        start: a state to begin with; the first real user's history unless told.
    """

    def __init__(self, remote: Remote, run: str, start: Mapping[str, Any] | None = None) -> None:
        self.remote, self.run = remote, run
        self.about = remote.call("about", run=run)
        self.turns: list[dict[str, Any]] = []
        self.item: Item | None = None
        self.asking: Asking | None = None
        models = self.about["models"]
        self.history = HistoryBox(self.ask, self.about["people"], self.about["first_person"], self._changed)
        self.item_box = TitleBox(self.ask, "item", "Ask about this", self._choose)
        self.item_shown = widgets.HTML()
        self.wishes = _wishes(self.about)
        self.chosen = {m: widgets.Checkbox(True, description=m, indent=False, layout={"width": "auto"}) for m in models}
        self.ask_button = button("Ask", "Ask target and models about this item", primary=True)
        self.stop_button = button("Stop", "Stop what is being written")
        self.ask_button.on_click(lambda _: self.ask_now())
        self.stop_button.on_click(lambda _: self.stop())
        self.stop_button.disabled = True
        self.message, self.target_page, self.models_page = (widgets.HTML() for _ in range(3))
        self.panels = {m: AnswerPanel(m) for m in models}
        self.what_if = WhatIf(self.ask, remote, run, models, self._noted)
        self.keep = Keep(self.open)
        self.view = self._layout()
        self.open(start) if start else self.history.use_person()

    def ask(self, method: str, **told: Any) -> Any:
        """Call the playground's process about this run."""
        return self.remote.call(method, run=self.run, **told)

    def state(self) -> dict[str, Any]:
        """What the form holds now."""
        models = [m for m, box in self.chosen.items() if box.value]
        label = self.item["label"] if self.item else ""
        return state(self.run, [i["label"] for i in self.history.items], label, self._wish(), models)

    def open(self, told: Mapping[str, Any]) -> None:
        """Fill the form from a state; titles that this run does not have are named and left out."""
        missing, items = [], []
        self.item, self.item_shown.value = None, ""
        for label in [*told["history"], *([told["item"]] if told["item"] else [])]:
            found = self.ask("resolve", text=label)
            exact = found["kind"] == "exact" and found["matches"][0]
            missing += [] if exact else [label]
            items.append(exact or None)
        if told["item"]:
            last = items.pop()
            if last:
                self._choose(last)
        self.history.set([i for i in items if i])
        for name, field in self.wishes.items():
            value = told["wish"].get(name, "")
            field.value = value if not isinstance(field, widgets.Dropdown) or value in _values(field) else ""
        for model, box in self.chosen.items():
            box.value = not told["models"] or model in told["models"]
        said = [f"Not in this run's catalogue, and left out: {', '.join(missing[:10])}."] if missing else []
        said += [f"This was made with run {told['run']}; it is shown on {self.run}."] if told["run"] != self.run else []
        if said:
            self.history.say(said)

    def ask_now(self) -> None:
        """Ask target and the chosen models, each in its panel."""
        models = [m for m, box in self.chosen.items() if box.value]
        problem = (
            "Choose an item to ask about." if not self.item else "Choose at least one model." if not models else ""
        )
        if not self.history.items:
            problem = "The history is empty: add at least one item."
        if problem:
            self.message.value = notices([problem], wrong=True)
            return
        if self.ask_button.disabled:
            return  # asked already: a click came twice
        self._busy(True)
        self.asking = Asking(self.remote, self.run)
        asked = {"history": self.history.numbers, "item": self.item["item"], "wish": self._wish()}
        turn = {"item": self.item["label"], "number": self.item["item"], "wish": asked["wish"], "notes": []}
        turn |= {"history": [i["label"] for i in self.history.items], "numbers": asked["history"]}
        threading.Thread(target=self._whole_turn, args=(turn, models, asked), daemon=True).start()

    def stop(self) -> None:
        """Stop what is being written; what there is stays."""
        if self.asking:
            self.asking.stop()

    def _whole_turn(self, turn: dict[str, Any], models: list[str], asked: dict[str, Any]) -> None:
        """Target first, then the models' texts, then their own best items."""
        asking = self.asking
        try:
            where = {"history": asked["history"], "item": asked["item"]}
            self.message.value = notices(self.ask("notices", **where))
            target = self.ask("ask_target", **where)
            turn |= {"standing": target["standing"], "top": target["top"]}
            self.target_page.value = _target_page(target, turn["item"])
            self.models_page.value = ""
            turn |= {"answers": [], "own": []}
            for model in self.panels.keys() - set(models):
                self.panels[model].show("", "was not asked")
            asking.start({m: self.panels[m] for m in models}, asked, turn["answers"].extend).join()
            self.turns.append(turn)
            self.what_if.set_turn(turn)
            self._save()
            for model in models:
                if asking.stopped.is_set():
                    break
                turn["own"].append(self.ask("ask_model", model=model, **where))
                self.models_page.value = models_page(turn["own"], target, turn["item"])
            self._save()
        except RecxError as error:
            self.message.value = notices([str(error)], wrong=True)
        finally:
            self._busy(False)

    def _choose(self, item: Item) -> None:
        self.item = item
        about = f' <span class="soft">{facts(item)}</span>'
        self.item_shown.value = f"asking about: <b>{html.escape(item['label'])}</b>{about}"
        self._changed()

    def _changed(self) -> None:
        if not hasattr(self, "view"):
            return
        told = {"history": self.history.numbers, "item": self.item["item"] if self.item else None}
        try:
            self.message.value = notices(self.ask("notices", **told))
        except RecxError as error:
            self.message.value = notices([str(error)], wrong=True)
        self._save()

    def _noted(self, turn: dict[str, Any], sentence: str) -> None:
        turn["notes"].append(sentence)
        self._save()

    def close(self) -> None:
        """Stop all that runs, and let go of the form."""
        self.stop()
        self.what_if.stop()
        self.view.close()

    def _save(self) -> None:
        self.keep.show(self.state(), self.turns, self.about["provenance"])

    def _wish(self) -> dict[str, str]:
        return {name: field.value or "" for name, field in self.wishes.items()}

    def _busy(self, busy: bool) -> None:
        self.ask_button.disabled, self.stop_button.disabled = busy, not busy

    def _layout(self) -> widgets.Widget:
        told = self.about["provenance"]
        left = framed(
            [
                widgets.HTML("<h3>2. An item and wishes</h3>"),
                self.item_box.view,
                self.item_shown,
                *self.wishes.values(),
                widgets.HTML(
                    '<p class="soft">The teaching backbone recx-tiny was taught views, lengths and beginners; tone, '
                    "language and free words ask for a backbone that knows more.</p>"
                    if told["backbone"] == "recx-tiny"
                    else ""
                ),
                row(*self.chosen.values()),
                row(self.ask_button, self.stop_button),
                self.message,
                widgets.HTML(lesson("wishes")),
            ],
            "panel",
        )
        target = framed(
            [
                widgets.HTML("<h3>3. What the target does</h3>"),
                self.target_page,
                self.models_page,
                widgets.HTML(lesson("target")),
            ],
            "panel",
        )
        answers = framed(
            [
                widgets.HTML(
                    "<h3>4. Would you recommend it, and why?</h3>"
                    '<p class="soft">✓ green: checked and true (a title of the history, a fact of the catalogue). '
                    "✗ red, underlined: checked and not true. = as the target decides, ≠ against it.</p>"
                ),
                widgets.Box(
                    [p.view for p in self.panels.values()], layout={"flex_flow": "row wrap", "grid_gap": "8px"}
                ),
                widgets.HTML(lesson("models") + lesson("answers")),
            ],
            "panel",
        )
        for side in (self.history.view, left):
            side.layout.flex, side.layout.min_width = "1 1 24em", "18em"
        top = widgets.Box([self.history.view, left], layout={"flex_flow": "row wrap", "grid_gap": "8px"})
        return framed([top, target, answers, self.what_if.view, self.keep.view], "recx")


def _wishes(about: Mapping[str, Any]) -> dict[str, widgets.Widget]:
    """Fields of what may be asked of a text."""

    def choice(name: str, known: list[str], none: str) -> widgets.Dropdown:
        return widgets.Dropdown(description=name, options=[(none, ""), *((k, k) for k in known)])

    return {
        "view": choice("view", about["views"], "whatever argues best"),
        "length": choice("length", about["lengths"], "normal"),
        "audience": choice("audience", about["audiences"], "anyone"),
        "tone": choice("tone", about["tones"], "neutral"),
        "quotes": choice("quotes", about["quotes"], "as they come"),
        "language": widgets.Text(description="language", placeholder="as it comes", continuous_update=False),
        "free": widgets.Text(
            description="wish", placeholder="in your own words", continuous_update=False, layout={"width": "26em"}
        ),
    }


def _values(field: widgets.Dropdown) -> list[str]:
    return [value for _, value in field.options]


def _target_page(target: Mapping[str, Any], item: str) -> str:
    scores = [f"{i['score']:.2f}" for i in target["top"]]
    said = html.escape(said_of(target["standing"]))
    return f"<p>About “{html.escape(item)}” the target {said}.</p><h4>Its best items</h4>" + item_table(
        target["top"], ["title", "score", "attributes"], scores
    )
