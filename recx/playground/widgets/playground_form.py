"""The playground: asking the target and the explainers about an item for a history."""

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
    """The forms for one run.

    Args:
        client: client bound to the run.
        run: name of the run, as listed by the server's `runs`.
        state: initial state; by default the history of the first real user.
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
        self.ask_button = button("Ask", self.ask, "Ask the target and the models about this item", primary=True)
        self.stop_button = button("Stop", self.stop, "Stop generating")
        self.message, self.target_page, self.models_page = Message(), widgets.HTML(), widgets.HTML()
        self.asked = widgets.HTML()
        self.panels = {m: AnswerPanel(m) for m in models}
        self.what_if = WhatIfForm(client, models, self._note)
        self.export = ExportForm(self.open)
        self.view = self._layout()
        self._busy(False)
        self.open(state) if state else self.history.use_user()

    def state(self) -> dict[str, Any]:
        """The current state of the form."""
        label = self.item["label"] if self.item else ""
        return make_state(self.run, self._labels(), label, self._chosen_options(), self._chosen_models())

    def open(self, state: Mapping[str, Any]) -> None:
        """Fill the form from a state; titles unknown to this run are reported and skipped."""
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
        notices = (
            [f"These titles are not in this run's catalogue and were skipped: {', '.join(missing[:10])}."]
            if missing
            else []
        )
        if state["run"] != self.run:
            notices.append(f"This state was saved from run {state['run']} and is now opened with run {self.run}.")
        self.history.set(items, notices)

    def ask(self) -> None:
        """Ask the target and the selected models."""
        models = self._chosen_models()
        if not self.history.items:
            self.message.show_error("The history is empty: add at least one item.")
        elif not self.item:
            self.message.show_error("Choose an item to ask about.")
        elif not models:
            self.message.show_error("Choose at least one model.")
        elif not self.ask_button.disabled:  # ignores a second click while busy
            self._busy(True)
            self.streams = AnswerStreams(self.client)
            turn = {"item": self.item["label"], "number": self.item["item"], "options": self._chosen_options()}
            turn |= {"history": self._labels(), "numbers": self.history.numbers, "answers": [], "own": [], "notes": []}
            in_background(self._ask, turn, models, self.streams)

    def stop(self) -> None:
        """Stop generating and keep the text so far."""
        if self.streams:
            self.streams.stop()

    def close(self) -> None:
        """Stop everything in progress and close the form."""
        self.stop()
        self.what_if.stop()
        self.view.close()

    def _ask(self, turn: dict[str, Any], models: list[str], streams: AnswerStreams) -> None:
        """Ask the target first, then stream the models' texts, then get their own recommendations."""
        question = {"history": turn["numbers"], "item": turn["number"]}
        try:
            self.message.show(*self.client.call("notices", **question))
            target = self.client.call("ask_target", **question)
            turn |= target
            self.target_page.value, self.models_page.value = pieces.target_answer(target, turn["item"]), ""
            self.asked.value = pieces.asked_question(turn["item"], turn["history"])
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
        """Find items by label; labels unknown to this run are added to `missing`."""
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
            '<p class="soft">The teaching backbone recx-tiny only understands view, length and audience; tone, '
            "language and free text need a more capable backbone.</p>"
        )
        question = panel(
            "2. Item and options",
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
            "4. Explanations of the models",
            '<p class="soft">✓ green: checked and true (the title is in the history, the fact in the catalogue). '
            "✗ red, underlined: checked and false. ? dotted: the catalogue does not tell. ● the cited title mattered "
            "to the target as the text claims, ○ it did not. Beside the model's name: = the decision agrees with the "
            "target, ≠ it disagrees, ? the target or the model is undecided.</p>",
            self.asked,
            row(*(p.view for p in self.panels.values()), align="stretch"),
            lessons=["models", "answers"],
        )
        for side in (self.history.view, question):
            side.layout.flex, side.layout.min_width = "1 1 24em", "18em"
        return stack(
            "recx",
            row(self.history.view, question, align="stretch"),
            panel("3. Decision of the target", self.target_page, self.models_page, lessons=["target"]),
            answers,
            self.what_if.view,
            self.export.view,
        )


def _option_fields(about: Mapping[str, Any]) -> dict[str, widgets.Widget]:
    """Create the fields for the options of an explanation."""
    unset = {"view": "the strongest argument", "length": "normal", "audience": "anyone", "tone": "neutral"}
    unset |= {"quotes": "depends on the mode", "evidence": "measured causes"}
    fields: dict[str, widgets.Widget] = {}
    for name, choices in about["options"].items():
        options = [(unset[name], ""), *((choice, choice) for choice in choices)]
        fields[name] = widgets.Dropdown(description=name, options=options)
    fields["language"] = widgets.Text(description="language", placeholder="any language", continuous_update=False)
    fields["free"] = widgets.Text(
        description="free text", placeholder="in your own words", continuous_update=False, layout=WIDE
    )
    return fields
