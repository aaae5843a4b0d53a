"""What-if questions: asking again with a changed history, or finding the smallest change that flips the decision."""

from collections.abc import Callable, Sequence
from typing import Any

import ipywidgets as widgets

from recx.errors import RecxError
from recx.playground.descriptions import describe_change, describe_counterfactual, describe_effect, describe_rank
from recx.playground.page_templates import pieces
from recx.playground.rpc_client import RpcClient, new_call_id
from recx.playground.widgets.answer_panels import AnswerPanel, AnswerStreams
from recx.playground.widgets.elements import WIDE, Item, Message, button, in_background, panel, row, show_if
from recx.playground.widgets.title_field import TitleField

Turn = dict[str, Any]
NOTHING = ("(nothing)", None)


class WhatIfForm:
    """A form for changes of the history of the last question.

    Args:
        client: client bound to a run.
        models: names of the models.
        on_note: called with a turn and a sentence to record for it.
    """

    def __init__(self, client: RpcClient, models: Sequence[str], on_note: Callable[[Turn, str], None]) -> None:
        self.client, self._on_note = client, on_note
        self.turn: Turn | None = None
        self.streams: AnswerStreams | None = None
        self._search_id = ""
        self.removed = widgets.Dropdown(description="without", options=[NOTHING], layout=WIDE)
        self.added: Item | None = None
        self.title_field = TitleField(client, "with", "Choose", self._choose)
        self.added_shown, self.drop_button = widgets.HTML(), button("Clear", lambda: self._choose(None))
        self.model = widgets.Dropdown(description="model", options=list(models), value=models[-1])
        self.change_button = button("Ask again with the change", self.change, primary=True)
        self.message = Message()
        self.before, self.after = AnswerPanel("before"), AnswerPanel("after")
        self.search_buttons = {
            wanted: button(f"What would have to change for a {wanted}?", lambda w=wanted: self.search(w))
            for wanted in ("no", "yes")
        }
        self.adding = widgets.Checkbox(description="items may also be added", indent=False, layout={"width": "auto"})
        self.search_message = Message()
        self.view = panel(
            "5. What if?",
            self.removed,
            self.title_field.view,
            row(self.added_shown, self.drop_button),
            row(
                self.model,
                self.change_button,
                button("Stop", self.stop, "Stop generating and searching"),
            ),
            self.message,
            row(self.before.view, self.after.view, align="stretch"),
            row(*self.search_buttons.values(), self.adding),
            self.search_message,
            lessons=["what_if"],
        )
        self._choose(None)
        self._enable(False)

    def set_turn(self, turn: Turn) -> None:
        """Set the question to which changes are applied; what is still written about the one before is stopped."""
        self.stop()
        self.turn = turn
        self._choose(None)
        history = enumerate(zip(turn["history"], turn["numbers"], strict=True), 1)
        self.removed.options = [NOTHING, *((f"{n}. {label}", item) for n, (label, item) in history)]
        self.message.value = self.search_message.value = ""
        for wanted, control in self.search_buttons.items():
            show_if(wanted != turn["rank"]["decision"], control)
        for answer in (self.before, self.after):
            answer.show("")
        self._enable(True)

    def change(self) -> None:
        """Ask the target and the explainer again, and show the old and the new answer side by side."""
        if self.change_button.disabled:
            return
        self.change_button.disabled = True
        self.streams = AnswerStreams(self.client)
        removed, added = self.removed.value, self.added
        words = [f"without “{self.removed.label.partition('. ')[2]}”"] if removed is not None else []
        words += [f"with “{added['label']}”"] if added else []
        changes = {"removed": [removed] if removed is not None else [], "added": [added["item"]] if added else []}
        in_background(self._ask_again, self.turn, self.streams, self.model.value, changes, " and ".join(words))

    def _ask_again(
        self, turn: Turn, streams: AnswerStreams, model: str, changes: dict[str, list[int]], words: str
    ) -> None:
        try:
            result = self.client.call("what_if", history=turn["numbers"], item=turn["number"], **changes)
            before, after = result["before"], result["after"]
            moved = f"rank {after['rank'] - before['rank']:+d}, score {after['score'] - before['score']:+.2f}"
            rows = [("target before", describe_rank(before)), ("target after", describe_rank(after)), ("change", moved)]
            effect = describe_effect(result)
            if turn is self.turn:  # unless another question was asked meanwhile
                self.message.value = pieces.pairs_table(rows + [("effect", effect)] * bool(effect))
            told = "; ".join(filter(None, [describe_change(before, after), effect]))
            self._on_note(turn, f"If the history is changed ({words}), {told}.")
            arguments = {"item": turn["number"], "options": turn["options"]}
            answer = next((a for a in turn["answers"] if a["model"] == model), None)
            if turn is not self.turn:
                return
            if answer:
                self.before.finish(answer)
            else:
                streams.run({model: self.before}, arguments | {"history": turn["numbers"]})
            streams.run({model: self.after}, arguments | {"history": result["history"]})
        except RecxError as error:
            if turn is self.turn:
                self.message.show_error(error)
        finally:
            if streams is self.streams:
                self.change_button.disabled = False

    def search(self, wanted: str) -> None:
        """Search for the smallest change that makes the target say `wanted`, stopping any search in progress."""
        if self._search_id:
            self.client.stop(self._search_id)
        self._search_id = new_call_id()
        self.search_message.value = '<p class="soft">searching ...</p>'
        in_background(self._search, self.turn, self._search_id, wanted)

    def _search(self, turn: Turn, call_id: str, wanted: str) -> None:
        arguments = {"history": turn["numbers"], "item": turn["number"], "wanted": wanted}
        arguments["adding"] = self.adding.value
        try:
            (result,) = self.client.stream("find_counterfactual", call_id, **arguments)
        except RecxError as error:
            if call_id == self._search_id:
                self.search_message.show_error(error)
            return
        sentences = describe_counterfactual(result, turn["answers"])
        if not result["stopped"]:
            self._on_note(turn, " ".join(sentences))
        if call_id == self._search_id and turn is self.turn:  # unless another question was asked meanwhile
            self.search_message.value = pieces.paragraphs(sentences)

    def stop(self) -> None:
        """Stop generating and searching."""
        if self.streams:
            self.streams.stop()
        if self._search_id:
            self.client.stop(self._search_id)

    def _choose(self, item: Item | None) -> None:
        self.added = item
        self.added_shown.value = pieces.added_item(item) if item else ""
        show_if(item, self.drop_button)

    def _enable(self, enabled: bool) -> None:
        for control in (self.change_button, *self.search_buttons.values()):
            control.disabled = not enabled
