"""Which run explains: the named one, the default one, or the model that ships with the kit."""

import pytest
from test_shipped import SETTINGS, here, run  # noqa: F401

from recx.errors import CheckpointError, SettingsError
from recx.pipeline import chosen_run, shipped, stages
from recx.pipeline.chosen_run import choose_run
from recx.profiles.resolve import resolve_settings
from recx.storage.run_folder import digest

FOLDER = stages.folder


@pytest.fixture
def no_runs(tmp_path, monkeypatch):
    monkeypatch.setenv("RECX_RUNS_DIR", str(tmp_path / "runs"))


def test_the_shipped_model_speaks_where_the_default_run_is_not_finished(here, no_runs):  # noqa: F811
    chosen = choose_run(resolve_settings())
    assert (chosen.name, chosen.mode(), chosen.mode("unaligned")) == ("shipped/demo", "relation", "unaligned")
    assert choose_run().fingerprint == chosen.fingerprint
    assert chosen.provenance()["backbone"] == "recx-tiny"
    (here / "relation" / "aligned.json").write_text((here / "relation" / "aligned.json").read_text() + " ")
    assert choose_run().fingerprint != chosen.fingerprint
    with pytest.raises(SettingsError, match="has no mode 'hybrid'; it has unaligned, relation"):
        chosen.mode("hybrid")


def test_a_run_that_was_named_is_not_replaced(here, no_runs, monkeypatch):  # noqa: F811
    monkeypatch.setattr(stages, "folder", FOLDER)
    with pytest.raises(
        CheckpointError, match="test/demo/target: stage 'target' is not .* recx run --profile test --dataset demo"
    ):
        choose_run(resolve_settings("test"))


def test_where_neither_is_there_both_ways_are_said(here, no_runs, monkeypatch):  # noqa: F811
    monkeypatch.setattr(shipped, "is_here", lambda _: False)
    with pytest.raises(CheckpointError, match="(?s)recx run.*recx backbone get recx-tiny"):
        choose_run(resolve_settings())


def test_a_finished_run_comes_first(here, run, monkeypatch):  # noqa: F811
    finished = []
    monkeypatch.setattr(stages, "is_finished", lambda stage, _: finished.append(stage) or True)
    monkeypatch.setattr(stages, "fingerprint", lambda stage, _: f"of {stage}")
    monkeypatch.setattr(chosen_run, "open_finished", lambda settings: f"opened {settings.dataset}")
    chosen = choose_run(resolve_settings())
    assert (chosen.name, chosen.opened) == ("tiny/demo", "opened demo")
    assert finished == ["target", *stages.ALIGN.values()]
    assert chosen.fingerprint == digest([f"of {stage}" for stage in finished])
