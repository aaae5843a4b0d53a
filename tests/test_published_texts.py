"""The explanations of a finished run as JSON lines, with their items, the target's decision and the checked parts."""

import gzip
import json

import pandas as pd
import pytest

from recx import cli, paths
from recx.data.demo import demo_catalogue
from recx.data.registry import load_dataset
from recx.data.split import leave_one_out
from recx.errors import CheckpointError, SettingsError
from recx.pipeline import stages
from recx.pipeline.published_texts import write_texts
from recx.profiles.resolve import resolve_settings
from recx.storage import run_folder

CHOSEN = resolve_settings("test", overrides={"data.demo.users": 400})
DATA = load_dataset(CHOSEN.data)
LABELS, HISTORIES = DATA.catalogue.labels, leave_one_out(DATA.sequences).test_histories
LENGTH = CHOSEN.target.model.length
LONG = max(range(len(HISTORIES)), key=lambda user: len(HISTORIES[user]))
SHORT = min(range(len(HISTORIES)), key=lambda user: len(HISTORIES[user]))


def unseen(user):
    return next(item for item in range(1, len(LABELS)) if item not in HISTORIES[user])


@pytest.fixture
def finished(tmp_path, monkeypatch):
    """A finished stage with two pairs, each explained by two methods."""
    monkeypatch.setenv("RECX_RUNS_DIR", str(tmp_path / "runs"))
    rows = []
    for pair, (user, liked) in enumerate(((LONG, True), (SHORT, False))):
        labels = [LABELS[i] for i in HISTORIES[user]]
        text = f'Yes. It goes well with "{labels[-1]}" and "Nosuch Title".'
        rows += [(pair, m, labels, LABELS[unseen(user)], liked, None, t) for m, t in (("hybrid", text), ("chat", ""))]
    run = stages.run_of("quality", CHOSEN).begin()
    columns = ["pair", "method", "history", "item", "target", "decision", "text"]
    run.save_frame("explanations", pd.DataFrame(rows, columns=columns))
    run.finish(seed=0)
    return run


def test_each_line_is_a_pair_with_all_that_was_said_about_it(finished, tmp_path, capsys):
    for name in ("texts.jsonl", "texts.jsonl.gz"):
        cli.main(["results", "--texts", str(tmp_path / name), "--profile", "test"])
    assert "Explanations of 2 pairs" in capsys.readouterr().out
    plain = (tmp_path / "texts.jsonl").read_bytes()
    assert gzip.decompress((tmp_path / "texts.jsonl.gz").read_bytes()) == plain
    long, short = map(json.loads, plain.decode().splitlines())
    assert list(long) == ["dataset", "user", "history", "item", "decision", "texts", "marks"]
    assert (long["dataset"], long["user"], short["user"]) == ("demo", LONG, SHORT)
    assert (long["decision"], short["decision"]) == (True, False)
    assert len(HISTORIES[LONG]) > LENGTH
    assert [item["title"] for item in long["history"]] == [LABELS[i] for i in HISTORIES[LONG][-LENGTH:]]
    item = unseen(LONG)
    facts = {name: list(values) for name, values in DATA.catalogue.facts(item).items()}
    assert long["item"] == {"title": LABELS[item], "attributes": facts} and facts
    assert list(long["texts"]) == ["hybrid", "chat"] and long["marks"]["chat"] == []
    true, false = long["marks"]["hybrid"]
    assert (true["holds"], true["why"]) == (True, "in the history")
    assert (false["text"], false["holds"]) == ('"Nosuch Title"', False)
    for mark in (true, false):
        assert long["texts"]["hybrid"][mark["start"] :].startswith(mark["text"])


def test_what_cannot_be_written_is_an_error(finished, tmp_path, monkeypatch):
    with pytest.raises(CheckpointError, match="recx run --profile tiny --dataset demo"):
        write_texts(tmp_path / "a.jsonl")
    with pytest.raises(SettingsError, match="Name another file"):
        write_texts(tmp_path / "nowhere" / "a.jsonl", "test")
    frame = run_folder.read_frame(finished.folder / "explanations.parquet")
    frame["item"] = "Nosuch Title"
    finished.begin().save_frame("explanations", frame)
    with pytest.raises(CheckpointError, match="not finished"):
        write_texts(tmp_path / "a.jsonl", "test")
    finished.finish(seed=0)
    with pytest.raises(CheckpointError, match="the data set has changed"):
        write_texts(tmp_path / "a.jsonl", "test")
    assert not list(tmp_path.glob("a.jsonl*"))


def test_texts_of_other_data_sets_come_with_a_note_on_their_licence(finished, tmp_path, monkeypatch, capsys):
    finished.folder.parent.rename(finished.folder.parents[1] / "games")
    cli.main(["results", "--texts", str(tmp_path / "a.jsonl"), "--profile", "test", "--dataset", "games"])
    assert "recx data describe games" in capsys.readouterr().out


def test_only_texts_of_the_demo_lie_in_the_repository():
    """The licences of the other data sets do not allow it."""
    titles = set(demo_catalogue().labels)
    (file,) = paths.ROOT.glob("docs/**/*.jsonl*")
    lines = [json.loads(line) for line in gzip.decompress(file.read_bytes()).splitlines()]
    assert lines and {line["dataset"] for line in lines} == {"demo"}
    assert all({item["title"] for item in (*line["history"], line["item"])} <= titles for line in lines)
