"""The forms without a browser: what they send, what they show, and that it is escaped."""

import time

import ipywidgets as widgets
import numpy as np
import pytest
import torch

from recx.data.catalogue import build_catalogue
from recx.errors import DataError
from recx.explaining.aligned import AlignedExplainer
from recx.models.saved_models import build_aligned
from recx.playground.form_state import decode_state, encode_state, make_state, validate_state
from recx.playground.history_service import HistoryService
from recx.playground.model_service import ModelService
from recx.playground.rpc_client import RpcError
from recx.playground.widgets.app_form import app
from recx.playground.widgets.playground_form import PlaygroundForm
from recx.playground.widgets.rating_form import RatingForm
from recx.recommenders.sasrec import SASRec
from recx.settings import BackboneSettings, TargetShape

NASTY = "<script>alert(1)</script>"
TITLES = ["Halo 3", "Portal", NASTY, "Okami", "Okami", *(f"Title number {n}" for n in range(20))]


class FakeClient:
    """A client that needs no server."""

    def __init__(self, service, runs=None):
        self.service, self.listed = service, [{"name": "a/b", "why": ""}] if runs is None else runs
        self.stopped = set()
        self.rated = []

    def bind(self, run):
        return self

    def call(self, method, **arguments):
        if method == "runs":
            row = {"profile": "a", "dataset": "b", "command": "recx run"}
            return [row | r for r in self.listed]
        if "rater" in arguments:
            return self.rating(method, **arguments)
        try:
            histories = self.service.histories
            return getattr(histories if hasattr(histories, method) else self.service, method)(**arguments)
        except DataError as error:
            raise RpcError(str(error)) from error

    def rating(self, method, rater, **arguments):
        if not rater:
            raise RpcError("A rater has a name of 1 to 60 letters.")
        if method == "rate":
            self.rated.append((arguments["number"], arguments["score"]))
        shown = {"history": [NASTY], "item": NASTY, "decision": True, "text": NASTY, "number": len(self.rated)}
        rubric = [[n, "means"] for n in range(4)]
        if method == "next_question":
            done = {"done": len(self.rated), "of": 3, "seconds_left": 60, "rubric": rubric}
            return done | (shown if len(self.rated) < 3 else {})
        return "{}\n" if method == "export_ratings" else None

    def stream(self, method, call_id, **arguments):
        answer = getattr(self.service, method)(**arguments, should_stop=lambda: call_id in self.stopped)
        yield from answer if method == "explain" else [answer]

    def stop(self, call_id):
        self.stopped.add(call_id)


@pytest.fixture(scope="module")
def service():
    catalogue = build_catalogue(
        [f"id{n}" for n in range(25)], TITLES, {"genre": [[NASTY if n == 1 else "Action"] for n in range(25)]}
    )
    torch.manual_seed(0)
    target = SASRec(25, TargetShape(width=16)).eval().requires_grad_(False)
    model, tokenizer = build_aligned(BackboneSettings(), None, None)
    explainer = AlignedExplainer(model.eval(), tokenizer, "behavior", catalogue, target, 10)
    provenance = {"run": "a/b", "backbone": "recx-tiny"}
    histories = HistoryService(catalogue, {"ann": np.array([1, 2, 3])}, 10, ["unaligned"], provenance)
    return ModelService(histories, {"unaligned": explainer}, target, 10)


@pytest.fixture
def form(service):
    return PlaygroundForm(FakeClient(service), "a/b")


def wait(form):
    for _ in range(300):
        if not form.ask_button.disabled:
            return
        time.sleep(0.1)
    raise AssertionError("no answer")


def pages(form):
    """All HTML that is displayed."""
    return "".join(w.value for w in every(form.view) if isinstance(w, widgets.HTML))


def every(widget):
    yield widget
    for child in getattr(widget, "children", ()):
        yield from every(child)


def ask(form, title="Portal"):
    form.item_field.text.value = title
    form.item_field.take()
    form.ask()
    wait(form)


def test_it_begins_with_a_real_user(form):
    assert [i["label"] for i in form.history.items] == ["Halo 3", "Portal", NASTY]


def test_nothing_from_the_catalogue_or_a_person_is_markup(form):
    form.options["free"].value = NASTY
    ask(form, NASTY)
    assert form.turns and NASTY not in pages(form) and "&lt;script&gt;" in pages(form)
    form.what_if.removed.value = form.history.items[2]["item"]
    form.what_if.change()
    form.item_field.text.value = NASTY + "zzz"
    form.item_field.take()
    assert NASTY not in pages(form)


def test_ambiguous_titles_are_asked_back_and_chosen(form):
    form.history.set([])
    box = form.history.title_field
    box.text.value = "Okami"
    box.take()
    assert not form.history.items and "Several" in box.message.value and len(box.suggestions.options) == 2
    box.suggestions.value = box.suggestions.options[1][1]
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
        form.item_field.text.value = "Portal"
        form.item_field.take()
    if missing == "history":
        form.history.set([])
    for box in form.models.values() if missing == "models" else ():
        box.value = False
    form.ask()
    assert "Error:" in form.message.value and not form.turns


def test_an_error_in_generation_stands_in_the_panel(form, monkeypatch):
    def broken(*args, **more):
        raise MemoryError("no room")
        yield

    monkeypatch.setattr(form.client.service, "explain", broken)
    ask(form)
    assert "no room" in form.panels["unaligned"].page.value and form.turns[0]["answers"] == []
    form.what_if.search("no" if form.turns[0]["rank"]["decision"] == "yes" else "yes")


def test_a_state_opens_again(form, service):
    ask(form)
    now = validate_state(decode_state(encode_state(form.state())))
    other = PlaygroundForm(FakeClient(service), "a/b", now)
    assert other.state() == form.state()


def test_a_state_of_another_catalogue_is_opened_as_far_as_it_goes(form):
    form.open(make_state("x/y", ["Halo 3", "Nowhere to be found"], "Also not there", {"view": "colour"}, ["other"]))
    assert [i["label"] for i in form.history.items] == ["Halo 3"] and form.item is None
    assert "Nowhere to be found" in form.history.message.value and form.options["view"].value == ""


def test_a_broken_file_is_refused_in_words(form):
    before = form.state()
    form.export.open(lambda: decode_state("rubbish"))
    assert "not contain a playground state" in form.export.message.value and form.state() == before


def test_a_counterfactual_is_said_and_noted(form):
    ask(form)
    wanted = "no" if form.turns[-1]["rank"]["decision"] == "yes" else "yes"
    form.what_if.search(wanted)
    for _ in range(100):
        if "searching" not in form.what_if.search_message.value:
            break
        time.sleep(0.1)
    assert "histories" in form.what_if.search_message.value and form.turns[-1]["notes"]


def test_without_a_finished_run_the_command_is_told(service):
    shown = app(client=FakeClient(service, runs=[{"name": "tiny/demo", "why": NASTY}]))
    text = "".join(w.value for w in every(shown) if isinstance(w, widgets.HTML))
    assert "recx run" in text and NASTY not in text
    assert "recx run" in "".join(
        w.value for w in every(app(client=FakeClient(service, runs=[]))) if isinstance(w, widgets.HTML)
    )


def test_a_rating_sheet_has_eleven_marks(service):
    client = FakeClient(service)
    form = RatingForm(client)
    form.name.value = "Ann"
    form.start()
    assert [b.layout.display == "none" for b in form.levels] == [False] * 4 + [True] * 7
    for key in ("t", "9"):
        form.question |= {"number": 0, "rubric": [[n, ""] for n in range(11)]}
        form.key.value = key
    assert [score for _, score in client.rated] == [10, 9]


def test_rating_by_keys(service):
    client = FakeClient(service)
    form = RatingForm(client)
    form.start()
    assert "Error:" in form.message.value
    form.name.value = "Ann"
    form.start()
    assert NASTY not in form.page.value + form.progress.value
    for key in ("x", "7", "2", "0", "3"):
        form.key.value = key
        assert form.key.value == ""
    assert [score for _, score in client.rated] == [2, 0, 3]
    assert "Thank you" in form.page.value and form.controls.layout.display == "none"


def test_a_rating_belongs_to_who_pressed_start(service):
    client, raters = FakeClient(service), []
    call = client.call
    client.call = lambda method, **arguments: (
        raters.append((method, arguments.get("rater"))) or call(method, **arguments)
    )
    form = RatingForm(client)
    form.name.value = "ann"
    form.start()
    form.skip()
    form.name.value = "bob"  # typed, but not started
    form.rate(2)
    assert ("rate", "ann") in raters and ("rate", "bob") not in raters and form.skipped
    form.start()
    assert form.skipped == [] and raters[-1][1] == "bob"


def test_a_change_of_the_question_before_is_not_shown_under_the_next(form):
    ask(form)
    ask(form, "Title number 3")
    first, second = form.turns
    what_if, call = form.what_if, form.client.call

    def asked_meanwhile(method, **arguments):
        answer = call(method, **arguments)
        if method == "what_if":
            what_if.set_turn(second)
        return answer

    form.client.call = asked_meanwhile
    what_if.set_turn(first)
    what_if.removed.value = first["numbers"][0]
    what_if.change()
    for _ in range(100):
        if first["notes"]:
            break
        time.sleep(0.1)
    time.sleep(0.3)
    assert first["notes"] and not second["notes"], "the note belongs to the question that was changed"
    assert what_if.message.value == "" and not what_if.change_button.disabled
