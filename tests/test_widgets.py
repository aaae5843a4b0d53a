"""The forms without a browser: what they send, what they show, and that it is escaped."""

import time

import numpy as np
import pytest
import torch

from recx.data.catalogue import build_catalogue
from recx.errors import DataError
from recx.explaining.aligned import Explainer
from recx.models.saved_models import build_aligned
from recx.playground.client import RemoteError
from recx.playground.conversation import checked, pack, state, unpack
from recx.playground.histories import Histories
from recx.playground.questions import Playground
from recx.playground.widgets.app_form import app
from recx.playground.widgets.playground_form import PlaygroundForm
from recx.playground.widgets.rating_form import RatingForm
from recx.recommenders.sasrec import SASRec
from recx.settings import BackboneSettings, SASRecSettings

NASTY = "<script>alert(1)</script>"
TITLES = ["Halo 3", "Portal", NASTY, "Okami", "Okami", *(f"Title number {n}" for n in range(20))]


class InProcess:
    """The playground's process without a process."""

    def __init__(self, playground, runs=None):
        self.playground, self.found = playground, [{"name": "a/b", "why": ""}] if runs is None else runs
        self.stopped = set()
        self.rated = []

    def call(self, method, **told):
        if method == "runs":
            row = {"profile": "a", "dataset": "b", "command": "recx run"}
            return [row | r for r in self.found]
        told.pop("run")
        if method.startswith("rating"):
            return self.rating(method, **told)
        try:
            where = self.playground.histories
            return getattr(where if hasattr(where, method) else self.playground, method)(**told)
        except DataError as error:
            raise RemoteError(str(error)) from error

    def rating(self, method, rater, **told):
        if not rater:
            raise RemoteError("A rater has a name of 1 to 60 letters.")
        if method == "rating_rate":
            self.rated.append((told["number"], told["score"]))
        shown = {"history": [NASTY], "item": NASTY, "decision": True, "text": NASTY, "number": len(self.rated)}
        rubric = [[n, "means"] for n in range(4)]
        if method == "rating_next":
            done = {"done": len(self.rated), "of": 3, "seconds_left": 60, "rubric": rubric}
            return done | (shown if len(self.rated) < 3 else {})
        return "{}\n" if method == "rating_export" else None

    def stream(self, method, call, run, **told):
        found = getattr(self.playground, method)(**told, stopped=lambda: call in self.stopped)
        yield from found if method == "explain" else [found]

    def stop(self, call):
        self.stopped.add(call)


@pytest.fixture(scope="module")
def playground():
    catalogue = build_catalogue(
        [f"id{n}" for n in range(25)], TITLES, {"genre": [[NASTY if n == 1 else "Action"] for n in range(25)]}
    )
    torch.manual_seed(0)
    target = SASRec(25, SASRecSettings(width=16)).eval().requires_grad_(False)
    model, tokenizer = build_aligned(BackboneSettings(), None, None)
    explainer = Explainer(model.eval(), tokenizer, "behavior", catalogue, target, 10)
    told = {"run": "a/b", "backbone": "recx-tiny"}
    known = Histories(catalogue, {"ann": np.array([1, 2, 3])}, 10, ["unaligned"], told)
    return Playground(known, {"unaligned": explainer}, target, 10)


@pytest.fixture
def form(playground):
    return PlaygroundForm(InProcess(playground), "a/b")


def wait(form):
    for _ in range(300):
        if not form.ask_button.disabled:
            return
        time.sleep(0.1)
    raise AssertionError("no answer")


def pages(form):
    """All HTML that is shown."""
    return "".join(w.value for w in every(form.view) if type(w).__name__ == "HTML")


def every(widget):
    yield widget
    for child in getattr(widget, "children", ()):
        yield from every(child)


def ask(form, title="Portal"):
    form.item_box.text.value = title
    form.item_box.take()
    form.ask_now()
    wait(form)


def test_it_begins_with_a_real_person(form):
    assert [i["label"] for i in form.history.items] == ["Halo 3", "Portal", NASTY]


def test_nothing_from_the_catalogue_or_a_person_is_markup(form):
    form.wishes["free"].value = NASTY
    ask(form, NASTY)
    assert form.turns and NASTY not in pages(form) and "&lt;script&gt;" in pages(form)
    form.what_if.removed.value = form.history.items[2]["item"]
    form.what_if.change()
    form.item_box.text.value = NASTY + "zzz"
    form.item_box.take()
    assert NASTY not in pages(form)


def test_ambiguous_titles_are_asked_back_and_chosen(form):
    form.history.set([])
    box = form.history.add_box
    box.text.value = "Okami"
    box.take()
    assert not form.history.items and "Several" in box.message.value and len(box.offers.options) == 2
    box.offers.value = box.offers.options[1][1]
    box.take()
    assert [i["label"] for i in form.history.items] == ["Okami (2)"]


def test_a_pasted_list_is_read_line_by_line(form):
    form.history.set([])
    form.history.pasted.value = "halo 3\n\nPortl\nOkami\nqqqqqqqq\n"
    form.history.paste()
    assert [i["label"] for i in form.history.items] == ["Halo 3", "Portal"]
    said = form.history.message.value
    assert "Line 2" in said and "Line 3" in said and "Line 4" in said


def test_order_and_removal(form):
    form.history.list.index = 0
    form.history.move(1)
    assert form.history.numbers == [2, 1, 3] and form.history.list.index == 1
    form.history.remove()
    assert form.history.numbers == [2, 3]
    form.history.move(5)
    assert form.history.numbers == [2, 3]


@pytest.mark.parametrize("missing", ["item", "history", "models"])
def test_what_is_missing_is_said(form, missing):
    if missing != "item":
        form.item_box.text.value = "Portal"
        form.item_box.take()
    if missing == "history":
        form.history.set([])
    for box in form.chosen.values() if missing == "models" else ():
        box.value = False
    form.ask_now()
    assert "Not done" in form.message.value and not form.turns


def test_an_error_in_generation_stands_in_the_panel(form, monkeypatch):
    def broken(*args, **more):
        raise MemoryError("no room")
        yield

    monkeypatch.setattr(form.remote.playground, "explain", broken)
    ask(form)
    assert "no room" in form.panels["unaligned"].page.value and form.turns[0]["answers"] == []
    form.what_if.turn_over("no" if form.turns[0]["standing"]["verdict"] == "yes" else "yes")


def test_a_state_opens_again(form, playground):
    ask(form)
    now = checked(unpack(pack(form.state())))
    other = PlaygroundForm(InProcess(playground), "a/b", now)
    assert other.state() == form.state()


def test_a_state_of_another_catalogue_is_opened_as_far_as_it_goes(form):
    form.open(state("x/y", ["Halo 3", "Nowhere to be found"], "Also not there", {"view": "colour"}, ["other"]))
    assert [i["label"] for i in form.history.items] == ["Halo 3"] and form.item is None
    assert "Nowhere to be found" in form.history.message.value and form.wishes["view"].value == ""


def test_a_broken_file_is_refused_in_words(form):
    before = form.state()
    form.keep.open(lambda: unpack("rubbish"))
    assert "no state" in form.keep.message.value and form.state() == before


def test_turning_a_verdict_is_said_and_noted(form):
    ask(form)
    wanted = "no" if form.turns[-1]["standing"]["verdict"] == "yes" else "yes"
    form.what_if.turn_over(wanted)
    for _ in range(100):
        if "searching" not in form.what_if.found.value:
            break
        time.sleep(0.1)
    assert "histories" in form.what_if.found.value and form.turns[-1]["notes"]


def test_without_a_finished_run_the_command_is_told(playground):
    shown = app(remote=InProcess(playground, runs=[{"name": "tiny/demo", "why": NASTY}]))
    text = "".join(w.value for w in every(shown) if type(w).__name__ == "HTML")
    assert "recx run" in text and NASTY not in text
    assert "recx run" in "".join(
        w.value for w in every(app(remote=InProcess(playground, runs=[]))) if type(w).__name__ == "HTML"
    )


def test_rating_by_keys(playground):
    remote = InProcess(playground)
    form = RatingForm(remote, "a/b")
    form.show_next()
    assert "Not done" in form.message.value
    form.name.value = "Ann"
    form.show_next()
    assert NASTY not in form.page.value + form.progress.value
    for key in ("x", "7", "2", "0", "3"):
        form.key.value = key
        assert form.key.value == ""
    assert [score for _, score in remote.rated] == [2, 0, 3]
    assert "Thank you" in form.page.value and form.controls.layout.display == "none"
