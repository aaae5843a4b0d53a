"""Answers of several models side by side, as they are written."""

import html
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import ipywidgets as widgets

from recx.errors import RecxError
from recx.playground.client import Remote, new_id
from recx.playground.conversation import marked, verdict_of
from recx.playground.widgets.styling import notices

Answer = dict[str, Any]
PAUSE = 0.08  # seconds between two updates of a growing text


class AnswerPanel:
    """One model's answer.

    Args:
        name: heading.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.page = widgets.HTML()
        self.view = widgets.VBox([self.page], layout={"flex": "1 1 15em", "min_width": "13em"})
        self.view.add_class("panel")
        self.show("")

    def show(self, text: str, state: str = "") -> None:
        """A text that is still being written, or a state in words; escaped."""
        head = f' <span class="soft">{html.escape(state)}</span>' if state else ""
        self._set(f"{head}<p>{html.escape(text)}</p>")

    def finish(self, answer: Answer) -> None:
        """A whole answer, with what was checked marked."""
        sign = {True: "=", False: "≠", None: "?"}[answer["agrees"]]
        self._set(
            f' <span class="badge">{sign} {html.escape(verdict_of(answer))}</span>'
            f"<p>{marked(answer['segments'])}</p>"
            f'<p class="soft">{answer["seconds"]:.1f} s, {answer["tokens"]} tokens</p>'
            "<details><summary>The prompt</summary>"
            f"<pre>{html.escape(answer['prompt'])}</pre></details>"
        )

    def fail(self, message: str) -> None:
        """An error in place of the answer."""
        self._set(notices([message], wrong=True))

    def _set(self, body: str) -> None:
        self.page.value = f"<b>{html.escape(self.name)}</b>{body}"


class Asking:
    """Answers of several models at once, each in a thread; Stop ends all of them.

    Args:
        remote: the playground's process.
        run: asked.
    """

    def __init__(self, remote: Remote, run: str) -> None:
        self.remote, self.run = remote, run
        self._calls: list[str] = []
        self.stopped = threading.Event()

    def start(
        self,
        panels: Mapping[str, AnswerPanel],
        asked: Mapping[str, Any],
        done: Callable[[list[Answer]], None] = lambda answers: None,
    ) -> threading.Thread:
        """Ask the models that the panels are of.

        Args:
            panels: model -> panel.
            asked: `history, item, wish`.
            done: is given the answers when all have ended, in the order of the panels.
        """
        answers: dict[str, Answer] = {}

        def one(model: str, panel: AnswerPanel, call: str) -> None:
            try:
                answers[model] = self._follow(model, panel, call, asked)
            except RecxError as error:
                panel.fail(str(error))
            except Exception as error:  # a panel says what broke; a thread's traceback nobody would see
                panel.fail(f"{type(error).__name__}: {error}")

        def all_of_them() -> None:
            threads = []
            for model, panel in panels.items():
                call = new_id()
                self._calls.append(call)
                panel.show("", "is being asked ...")
                threads.append(threading.Thread(target=one, args=(model, panel, call), daemon=True))
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            done([answers[m] for m in panels if m in answers])

        whole = threading.Thread(target=all_of_them, daemon=True)
        whole.start()
        return whole

    def stop(self) -> None:
        """Stop every answer that is being written; what there is stays."""
        self.stopped.set()
        for call in self._calls:
            self.remote.stop(call)

    def _follow(self, model: str, panel: AnswerPanel, call: str, asked: Mapping[str, Any]) -> Answer:
        shown, last = 0.0, {}
        for record in self.remote.stream("explain", call, run=self.run, model=model, **asked):
            last = record
            if self.stopped.is_set() and "decision" not in record:
                self.remote.stop(call)  # said stop before the call had begun
            if "decision" in record:
                panel.finish(record)
            elif time.monotonic() - shown > PAUSE:
                panel.show(record["text"], "is writing ...")
                shown = time.monotonic()
        return last


def models_page(told: Sequence[Mapping[str, Any]], target: Mapping[str, Any], item: str) -> str:
    """The explainers' own best items beside the target's: shared ones have a tick, the others none."""
    wanted, asked = [row["item"] for row in target["top"]], [t["place"] for t in told]
    heads = "<th>target</th>" + "".join(f"<th>{html.escape(t['model'])}</th>" for t in told)
    lines = []
    for place in range(max(len(wanted), *(len(t["top"]) for t in told)) if told else len(wanted)):
        cells = [_cell(target["top"], place, None)] + [_cell(t["top"], place, wanted) for t in told]
        lines.append(f"<tr><td>{place + 1}.</td>{''.join(cells)}</tr>")
    shared = "".join(
        f"<td>{t['shared']} of {len(wanted)} shared; "
        f"first {'the same' if t['top'] and t['top'][0]['item'] == wanted[0] else 'another'}</td>"
        for t in told
    )
    places = "".join(f"<td>{f'place {place}' if place else 'not among the ten'}</td>" for place in asked)
    says = "".join(f"<td>P(yes) = {t['probability']:.2f}</td>" for t in told)
    return (
        "<h4>Beside the explainers' own best items (scores of the explainers are log-probabilities)</h4>"
        f"<table><tr><th></th>{heads}</tr>{''.join(lines)}<tr><th></th><th>agreement</th>{shared}</tr>"
        f"<tr><th></th><th>where “{html.escape(item)}” is</th>{places}</tr>"
        f"<tr><th></th><th>likes “{html.escape(item)}”?</th>{says}</tr></table>"
    )


def _cell(rows: Sequence[Mapping[str, Any]], place: int, wanted: Sequence[int] | None) -> str:
    if place >= len(rows):
        return "<td></td>"
    entry = rows[place]
    label, score = html.escape(entry["label"]), f' <span class="soft">{entry["score"]:.2f}</span>'
    if wanted is not None and entry["item"] in wanted:
        label = f'<span class="yes">{label}&nbsp;✓</span>'
    return f"<td>{label}{score}</td>"
