"""Answers of several models side by side, as they are written."""

import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import ipywidgets as widgets

from recx.errors import RecxError
from recx.playground.page_templates import pieces
from recx.playground.rpc_client import RpcClient, new_call_id
from recx.playground.widgets.elements import stack

Answer = dict[str, Any]
UPDATE_SECONDS = 0.08  # between two updates of a growing text


class AnswerPanel:
    """One model's answer.

    Args:
        name: heading.
    """

    def __init__(self, name: str) -> None:
        self.name, self.page = name, widgets.HTML()
        self.view = stack("panel", self.page)
        self.view.layout.flex, self.view.layout.min_width = "1 1 15em", "13em"
        self.show("")

    def show(self, text: str, state: str = "") -> None:
        """A text that is still being written, or a state in words."""
        self.page.value = pieces.growing_answer(self.name, text, state)

    def finish(self, answer: Answer) -> None:
        """A whole answer, with what was checked marked."""
        self.page.value = pieces.whole_answer(self.name, answer)

    def fail(self, message: str) -> None:
        """An error in place of the answer."""
        self.page.value = pieces.failed_answer(self.name, message)


class AnswerStreams:
    """Answers of several models at once, each streamed into its panel; `stop` ends all of them.

    Args:
        client: calls about a run.
    """

    def __init__(self, client: RpcClient) -> None:
        self.client = client
        self.stopped = threading.Event()
        self._call_ids: list[str] = []

    def run(self, panels: Mapping[str, AnswerPanel], arguments: Mapping[str, Any]) -> list[Answer]:
        """Ask models, and return when all have ended.

        Args:
            panels: model -> panel.
            arguments: `history, item, options` of the question.

        Returns:
            The answers in the order of the panels, without those that failed; their panels say why.
        """

        def answer(model: str) -> Answer | None:
            try:
                return self._stream(model, panels[model], arguments)
            except RecxError as error:
                panels[model].fail(str(error))
            except Exception as error:  # nobody would see the traceback of a thread
                panels[model].fail(f"{type(error).__name__}: {error}")
            return None

        with ThreadPoolExecutor(len(panels)) as pool:
            return [a for a in pool.map(answer, panels) if a]

    def stop(self) -> None:
        """Stop every answer that is being written; what there is stays."""
        self.stopped.set()
        for call_id in self._call_ids:
            self.client.stop(call_id)

    def _stream(self, model: str, panel: AnswerPanel, arguments: Mapping[str, Any]) -> Answer | None:
        call_id, shown, record = new_call_id(), 0.0, None
        self._call_ids.append(call_id)
        panel.show("", "is being asked ...")
        for record in self.client.stream("explain", call_id, model=model, **arguments):
            if "decision" in record:
                panel.finish(record)
            elif self.stopped.is_set():
                self.client.stop(call_id)  # `stop` came before the server had begun the call
            elif time.monotonic() - shown > UPDATE_SECONDS:
                panel.show(record["text"], "is writing ...")
                shown = time.monotonic()
        return record
