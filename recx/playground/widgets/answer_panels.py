"""Panels that show the answers of several models side by side while they are generated."""

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
UPDATE_SECONDS = 0.08  # interval between updates of a growing text


class AnswerPanel:
    """The answer of one model.

    Args:
        name: heading of the panel.
    """

    def __init__(self, name: str) -> None:
        self.name, self.page = name, widgets.HTML()
        self.view = stack("panel", self.page)
        self.view.layout.flex, self.view.layout.min_width = "1 1 15em", "13em"
        self.show("")

    def show(self, text: str, state: str = "") -> None:
        """Show an incomplete text and a status."""
        self.page.value = pieces.growing_answer(self.name, text, state)

    def finish(self, answer: Answer) -> None:
        """Show a complete answer with its checked parts marked."""
        self.page.value = pieces.whole_answer(self.name, answer)

    def fail(self, message: str) -> None:
        """Show an error instead of an answer."""
        self.page.value = pieces.failed_answer(self.name, message)


class AnswerStreams:
    """Streams the answers of several models into their panels; `stop` ends all of them.

    Args:
        client: client bound to a run.
    """

    def __init__(self, client: RpcClient) -> None:
        self.client = client
        self.stopped = threading.Event()
        self._call_ids: list[str] = []

    def run(self, panels: Mapping[str, AnswerPanel], arguments: Mapping[str, Any]) -> list[Answer]:
        """Ask several models, and return when all have finished.

        Args:
            panels: model -> panel.
            arguments: `history, item, options` of the question.

        Returns:
            The answers in the order of the panels, without failed ones, whose panels show the error.
        """

        def answer(model: str) -> Answer | None:
            try:
                return self._stream(model, panels[model], arguments)
            except RecxError as error:
                panels[model].fail(str(error))
            except Exception as error:  # a traceback in a thread would be invisible
                panels[model].fail(f"{type(error).__name__}: {error}")
            return None

        with ThreadPoolExecutor(len(panels)) as pool:
            return [a for a in pool.map(answer, panels) if a]

    def stop(self) -> None:
        """Stop all answers in progress and keep the text so far."""
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
                self.client.stop(call_id)  # `stop` was called before the server had started the call
            elif time.monotonic() - shown > UPDATE_SECONDS:
                panel.show(record["text"], "is writing ...")
                shown = time.monotonic()
        return record
