"""The playground: a history, an item, options; target and explainers beside each other; what if; keep it."""

from collections.abc import Mapping
from typing import Any

import ipywidgets as widgets

from recx.errors import RecxError
from recx.playground.form_state import make_state
from recx.playground.page_templates import pieces
from recx.playground.rpc_client import RpcClient
from recx.playground.widgets.answer_panels import AnswerPanel, AnswerStreams
from recx.playground.widgets.elements import WIDE, Item, Message, button, in_background, panel, row, stack
from recx.playground.widgets.export_form import ExportForm
from recx.playground.widgets.history_form import HistoryForm
from recx.playground.widgets.title_field import TitleField
from recx.playground.widgets.what_if_form import WhatIfForm


class PlaygroundForm:
    """The forms over one run.

    Args:
        client: calls about the run.
        run: its name, as `runs` of the server gives it.
        state: to begin with; the history of the first real user by default.
    """

    def __init__(self, client: RpcClient, run: str, state: Mapping[str, Any] | None = None) -> None:
        self.client, self.run = client, run
        self.about = about = client.call("about")
        self.turns: list[dict[str, Any]] = []
        self.item: Item | None = None
        self.streams: AnswerStreams | None = None
        models = about["models"]
        self.history = HistoryForm(client, about["users"], about["first_user"], self._changed)
        self.item_field = TitleField(client, "item", "Ask about this", self._choose)
        self.item_shown = widgets.HTML()
        self.options = _option_fields(about)
        self.models = {m: widgets.Checkbox(True, description=m, indent=False, layout={"width": "auto"}) for m in models}
        self.ask_button = button("Ask", self.ask, "Ask target and models about this item", primary=True)
        self.stop_button = button("Stop", self.stop, "Stop what is being written")
        self.message, self.target_page, self.models_page = Message(), widgets.HTML(), widgets.HTML()
        self.panels = {m: AnswerPanel(m) for m in models}
        self.what_if = WhatIfForm(client, models, self._note)
        self.export = ExportForm(self.open)
        self.view = self._layout()
        self._busy(False)
        self.open(state) if state else self.history.use_user()

    def state(self) -> dict[str, Any]:
        """What the form holds now."""
        label = self.item["label"] if self.item else ""
        return make_state(self.run, self._labels(), label, self._chosen_options(), self._chosen_models())

    def open(self, state: Mapping[str, Any]) -> None:
        """Fill the form from a state; titles that this run does not have are named and left out."""
        missing: list[str] = []
        self.item, self.item_shown.value = None, ""
        if state["item"]:
            for item in self._find([state["item"]], missing):
                self._choose(item)
        items = self._find(state["history"], missing)
        for name, field in self.options.items():
            value = state["wish"].get(name, "")
            known = [v for _, v in field.options] if isinstance(field, widgets.Dropdown) else [value]
            field.value = value if value in known else ""
        for model, box in self.models.items():
            box.value = not state["models"] or model in state["models"]
        notices = [f"Not in this run's catalogue, and left out: {', '.join(missing[:10])}."] if missing else []
        if state["run"] != self.run:
            notices.append(f"This was made with run {state['run']}; it is shown on {self.run}.")
        self.history.set(items, notices)

    def ask(self) -> None:
        """Ask target and the chosen models, each in its panel."""
        models = self._chosen_models()
        if not self.history.items:
            self.message.show_error("The history is empty: add at least one item.")
        elif not self.item:
            self.message.show_error("Choose an item to ask about.")
        elif not models:
            self.message.show_error("Choose at least one model.")
        elif not self.ask_button.disabled:  # else asked already: a click came twice
            self._busy(True)
            self.streams = AnswerStreams(self.client)
            turn = {"item": self.item["label"], "number": self.item["item"], "options": self._chosen_options()}
            turn |= {"history": self._labels(), "numbers": self.history.numbers, "answers": [], "own": [], "notes": []}
            in_background(self._ask, turn, models, self.streams)

    def stop(self) -> None:
        """Stop what is being written; what there is stays."""
        if self.streams:
            self.streams.stop()

    def close(self) -> None:
        """Stop all that runs, and let go of the form."""
        self.stop()
        self.what_if.stop()
        self.view.close()

    def _ask(self, turn: dict[str, Any], models: list[str], streams: AnswerStreams) -> None:
        """Target first, then the models' texts, then their own best items."""
        question = {"history": turn["numbers"], "item": turn["number"]}
        try:
            self.message.show(*self.client.call("notices", **question))
            target = self.client.call("ask_target", **question)
            turn |= target
            self.target_page.value, self.models_page.value = pieces.target_answer(target, turn["item"]), ""
            for model in self.panels.keys() - set(models):
                self.panels[model].show("", "was not asked")
            asked = {model: self.panels[model] for model in models}
            turn["answers"] = streams.run(asked, question | {"options": turn["options"]})
            self.turns.append(turn)
            self.what_if.set_turn(turn)
            self._save()
            for model in models:
                if streams.stopped.is_set():
                    break
                turn["own"].append(self.client.call("ask_model", model=model, **question))
                self.models_page.value = pieces.comparison(target, turn["own"], turn["item"])
            self._save()
        except RecxError as error:
            self.message.show_error(error)
        finally:
            self._busy(False)

    def _choose(self, item: Item) -> None:
        self.item = item
        self.item_shown.value = pieces.asked_item(item)
        self._changed()

    def _changed(self) -> None:
        with self.message.catching_errors():
            item = self.item["item"] if self.item else None
            self.message.show(*self.client.call("notices", history=self.history.numbers, item=item))
        self._save()

    def _note(self, turn: dict[str, Any], sentence: str) -> None:
        turn["notes"].append(sentence)
        self._save()

    def _save(self) -> None:
        self.export.show(self.state(), self.turns, self.about["provenance"])

    def _find(self, labels: list[str], missing: list[str]) -> list[Item]:
        """Items of labels; those that this run does not have are added to `missing`."""
        answers = [self.client.call("resolve", text=label) for label in labels]
        missing += [label for label, a in zip(labels, answers, strict=True) if a["kind"] != "exact"]
        return [a["matches"][0] for a in answers if a["kind"] == "exact"]

    def _labels(self) -> list[str]:
        return [i["label"] for i in self.history.items]

    def _chosen_models(self) -> list[str]:
        return [m for m, box in self.models.items() if box.value]

    def _chosen_options(self) -> dict[str, str]:
        return {name: field.value or "" for name, field in self.options.items()}

    def _busy(self, busy: bool) -> None:
        self.ask_button.disabled, self.stop_button.disabled = busy, not busy

    def _layout(self) -> widgets.Widget:
        taught = (
            '<p class="soft">The teaching backbone recx-tiny was taught views, lengths and beginners; tone, language '
            "and free words ask for a backbone that knows more.</p>"
        )
        question = panel(
            "2. An item and wishes",
            self.item_field.view,
            self.item_shown,
            *self.options.values(),
            taught if self.about["provenance"]["backbone"] == "recx-tiny" else "",
            row(*self.models.values()),
            row(self.ask_button, self.stop_button),
            self.message,
            lessons=["wishes"],
        )
        answers = panel(
            "4. Would you recommend it, and why?",
            '<p class="soft">✓ green: checked and true (a title of the history, a fact of the catalogue). '
            "✗ red, underlined: checked and not true. ● a cited title that mattered to the target as the text says, "
            "○ one that did not. = as the target decides, ≠ against it.</p>",
            row(*(p.view for p in self.panels.values()), align="stretch"),
            lessons=["models", "answers"],
        )
        for side in (self.history.view, question):
            side.layout.flex, side.layout.min_width = "1 1 24em", "18em"
        return stack(
            "recx",
            row(self.history.view, question, align="stretch"),
            panel("3. What the target does", self.target_page, self.models_page, lessons=["target"]),
            answers,
            self.what_if.view,
            self.export.view,
        )


def _option_fields(about: Mapping[str, Any]) -> dict[str, widgets.Widget]:
    """Fields of what may be asked of a text."""
    unset = {"view": "the strongest argument", "length": "normal", "audience": "anyone", "tone": "neutral"}
    fields: dict[str, widgets.Widget] = {}
    for name, choices in about["options"].items():
        options = [(unset.get(name, "any title"), ""), *((choice, choice) for choice in choices)]
        fields[name] = widgets.Dropdown(description=name, options=options)
    fields["language"] = widgets.Text(description="language", placeholder="any language", continuous_update=False)
    fields["free"] = widgets.Text(
        description="wish", placeholder="in your own words", continuous_update=False, layout=WIDE
    )
    return fields
