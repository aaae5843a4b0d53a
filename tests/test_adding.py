"""A folder of a user's own files is added once, under a name that every command accepts afterwards."""

import json
import os
import random
import shutil
import subprocess
import sys
import tomllib

import pytest

from recx import paths
from recx.cli import main
from recx.data.added_sets import added_sets, read_mapping, registry_file, write_mapping
from recx.data.adding import add_dataset
from recx.data.registry import find_source, input_files, load_dataset
from recx.errors import CheckpointError, DataError, SettingsError
from recx.pipeline.finished import open_finished
from recx.pipeline.launch import prepare
from recx.profiles.resolve import resolve_settings
from recx.settings import DataSettings

NAMES = [f"Night Road {n}" for n in range(60)]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A log whose column names are not recognised."""
    monkeypatch.setenv("RECX_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setenv("RECX_RUNS_DIR", str(tmp_path / "runs"))
    chance = random.Random(0)
    rows = [f"{u};{a};{1_230_000_000 - n}" for u in range(30) for n, a in enumerate(chance.sample(NAMES, 20))]
    (tmp_path / "plays").mkdir()
    (tmp_path / "plays" / "log.csv").write_text("a;b;c\n" + "\n".join(rows) + "\n")
    return tmp_path / "plays"


def add(name, folder, *words):
    main(["data", "add", name, str(folder), *words])


def test_adding_says_what_was_read_and_keeps_how(folder, capsys):
    add("plays", folder, "--user", "a", "--item", "b", "--set", "data.min_user=4", "data.columns.separator=;")
    said = capsys.readouterr().out
    assert "columns separated by semicolons" in said and "600  interactions read" in said
    assert said.count("Night Road") >= 3 * 8 and "  0: (12 more) ... " in said
    assert str(folder / "recx.toml") in said and str(registry_file()) in said
    told = {"log": "log.csv", "min_user": 4, "columns.user": "a", "columns.item": "b", "columns.separator": ";"}
    assert read_mapping(folder) == told


def test_the_name_is_known_everywhere(folder, capsys):
    add("plays", folder, "--user", "a", "--item", "b")
    main(["data", "list"])
    assert f"plays            your own files in {folder}" in capsys.readouterr().out
    main(["data", "describe", "plays"])
    said = capsys.readouterr().out
    assert "30  users" in said and "no  attributes" in said
    plan = prepare(["01"], "tiny", "plays", "", {})
    assert plan.settings.dataset == plan.parameters["dataset"] == "plays"
    with pytest.raises(CheckpointError, match="tiny/plays/target"):
        open_finished("plays")
    with pytest.raises(SettingsError, match="Known: demo.*plays"):
        find_source("played")


def test_the_folder_itself_is_read_as_it_was_added(folder):
    assert len(load_dataset(DataSettings(name=str(folder))).catalogue) == 60
    add("plays", folder, "--user", "b", "--item", "a")  # the other way round
    assert len(load_dataset(DataSettings(name=str(folder))).catalogue) == 30
    assert folder / "recx.toml" in input_files(DataSettings(name="plays")), "its change makes stages stale"


def test_a_setting_has_the_last_word(folder):
    add("plays", folder, "--user", "b", "--item", "a")
    told = {"data.columns.user": "a", "data.columns.item": "b", "data.min_user": "6"}
    assert len(load_dataset(resolve_settings(dataset="plays", overrides=told).data).catalogue) == 60


def test_describing_takes_settings(folder, capsys):
    main(["data", "describe", str(folder), "--set", "data.columns.user=b", "data.columns.item=a", "data.min_user=3"])
    assert "60  users" in capsys.readouterr().out


def test_files_that_cannot_be_read_are_not_added(folder):
    with pytest.raises(SystemExit):
        add("plays", folder, "--user", "a", "--item", "artist")
    assert added_sets() == {} and not (folder / "recx.toml").exists()


@pytest.mark.parametrize("name", ["demo", "DEMO", "../x", "a/b", "", ".hidden", "-x", "x" * 65, "a b", "a\n"])
def test_a_taken_or_unsafe_name_is_refused(folder, name):
    with pytest.raises(SettingsError, match="name"):
        add_dataset(name, str(folder), {"columns.user": "a", "columns.item": "b"}, {})
    assert added_sets() == {}


def test_a_name_stands_for_one_folder(folder, tmp_path):
    told = {"columns.user": "a", "columns.item": "b"}
    add_dataset("plays", str(folder), told, {})
    shutil.copytree(folder, tmp_path / "other")
    with pytest.raises(SettingsError, match=f"already refers to {folder}"):
        add_dataset("plays", str(tmp_path / "other"), told, {})
    add_dataset("plays", str(folder), {}, {"data.min_user": "6"})
    assert read_mapping(folder)["columns.user"] == "a", "what was said before holds"
    shutil.rmtree(folder)
    with pytest.raises(DataError, match="which no longer exists"):
        find_source("plays")
    add_dataset("plays", str(tmp_path / "other"), told, {})
    assert added_sets() == {"plays": tmp_path / "other"}


@pytest.mark.parametrize(
    "text, words",
    [
        ("log = ", "recx.toml: cannot be read"),
        ('log = "../../etc/passwd"', "no file '../../etc/passwd'"),
        ("min_users = 3", "recx.toml: Unknown setting 'data.min_users'"),
        ('min_user = "many"', "recx.toml: Setting 'data.min_user' must be of type int"),
        ('name = "demo"', "recx.toml: 'name' cannot be set in this file"),
        ("[demo]\nusers = 9", "recx.toml: 'demo.users' cannot be set in this file"),
    ],
)
def test_a_damaged_mapping_is_an_error(folder, text, words):
    (folder / "recx.toml").write_text(text)
    with pytest.raises(DataError, match=words):
        load_dataset(DataSettings(name=str(folder)))


def test_several_tables_are_asked_about_and_named(folder):
    (folder / "names.csv").write_text("b,title\n" + "\n".join(f"{n},{n} (live)" for n in NAMES) + "\n")
    with pytest.raises(DataError, match="holds log.csv, names.csv. Name the log.*--log FILE --items FILE"):
        add_dataset("plays", str(folder), {}, {})
    added = add_dataset("plays", str(folder), {"log": "log.csv", "items": "names.csv", "columns.user": "a"}, {})
    assert added.dataset.catalogue.titles[1].endswith("(live)")
    assert read_mapping(folder)["items"] == "names.csv"


def test_damaged_names_are_an_error(folder):
    registry_file().parent.mkdir()
    for text in ("{", "[1]", json.dumps({"x": 3})):
        registry_file().write_text(text)
        with pytest.raises(DataError, match="datasets.json: cannot be read as a list"):
            added_sets()
    assert paths.config() == registry_file().parent


def test_titles_cannot_steer_the_terminal(folder, capsys):
    log = folder / "log.csv"
    log.write_text(log.read_text().replace("Night Road 7;", "\x1b[2JNight Road 7;"))
    add("plays", folder, "--user", "a", "--item", "b")
    assert "\x1b" not in capsys.readouterr().out


def test_what_a_user_should_know_is_said_before_a_run(folder, capsys):
    log = folder / "log.csv"
    log.write_text("\n".join(line.rpartition(";")[0] for line in log.read_text().splitlines()) + "\n")
    add("plays", folder, "--user", "a", "--item", "b")
    capsys.readouterr()
    prepare(["01"], "tiny", "plays", "", {})
    assert "Note: log.csv has no time column, so the order of its rows is used" in capsys.readouterr().out


def test_a_reader_that_has_enough_ends_the_command_quietly():
    """As `recx data list | head -1` does, where the reader is gone before all is written."""
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-m", "recx", "data", "list"], stdout=write, stderr=subprocess.PIPE, text=True
    )
    os.close(write)
    assert done.returncode == 1 and done.stderr == ""


@pytest.mark.parametrize("name", ["視聴\u3000履歴.csv", "a\u00a0b.csv", 'zero\u200bwidth "x" \\\\ \U0001f3ae.csv'])
def test_names_with_odd_characters_are_kept(tmp_path, name):
    write_mapping(tmp_path, {"interactions": name, "columns.user": "who\u202fis"}, ["About\nit \u202e"])
    text = (tmp_path / "recx.toml").read_text(encoding="utf-8")
    assert tomllib.loads(text) == {"interactions": name, "columns": {"user": "who\u202fis"}}
    assert all(c.isprintable() for line in text.splitlines() for c in line)
