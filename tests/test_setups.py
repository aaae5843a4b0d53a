"""The notebooks that set up the kit elsewhere: their form, and their cells with a stand-in for the long commands."""

import ast
import json
import re
import stat
import subprocess
import sys

import nbformat
import pytest
import tyro
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from transformers import LlamaConfig

from recx import cli, paths
from recx.data.registry import load_dataset
from recx.pipeline.launch import prepare, resolve_notebooks
from recx.profiles.resolve import parse_overrides, resolve_settings

SETUPS = sorted((paths.notebooks() / "setups").glob("*.ipynb"))
IN_GIT = subprocess.run(["git", "-C", paths.ROOT, "rev-parse", "HEAD"], capture_output=True).returncode == 0
# What `recx` is asked is written down; of the tour, the committed copy is put where the real one would be.
RECX = """#!{python}
import json, pathlib, shutil, sys
with open({log!r}, "a") as log:
    log.write(json.dumps(sys.argv[1:]) + "\\n")
if sys.argv[1:3] == ["run", "00"]:
    folder = pathlib.Path("runs", sys.argv[sys.argv.index("--profile") + 1], "demo", "tour")
    folder.mkdir(parents=True)
    shutil.copy("docs/executed/00_tour.ipynb", folder)
"""
PYTHON3 = """#!{python}
import os, pathlib, sys
if sys.argv[1] != "tools/bootstrap.py":
    os.execv({python!r}, [{python!r}, *sys.argv[1:]])
pathlib.Path(".venv", "bin").mkdir(parents=True, exist_ok=True)
for name, text in {programs!r}.items():
    pathlib.Path(".venv", "bin", name).write_text(text)
    os.chmod(pathlib.Path(".venv", "bin", name), 0o755)
"""


def program(path, text):
    path.write_text(text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def executed(name, folder, monkeypatch, **parameters):
    """Run all cells in `folder` until one fails; the outputs of code cells as texts, and what `recx` was asked."""
    log, here = folder / "asked.jsonl", folder / "bin"
    here.mkdir()
    log.touch()
    module = f'#!/bin/sh\nexec {sys.executable} -m {{}} "$@"\n'
    programs = {
        "python": f'#!/bin/sh\nPYTHONPATH={folder / "site"}:{paths.ROOT} exec {sys.executable} "$@"\n',
        "jupyter": module.format("jupyter"),
        "recx": RECX.format(python=sys.executable, log=str(log)),
    }
    program(here / "python3", PYTHON3.format(python=sys.executable, programs=programs))
    monkeypatch.setenv("PATH", f"{here}:/usr/bin:/bin")
    monkeypatch.setenv("MPLBACKEND", "module://a_backend_of_colab")
    notebook = nbformat.read(paths.notebooks() / "setups" / name, 4)
    parameters |= {"repository": str(paths.ROOT), "revision": "HEAD"}
    for cell in notebook.cells:
        if "parameters" in cell.metadata.get("tags", []):
            cell.source += "".join(f"\n{key} = {value!r}" for key, value in parameters.items())
    try:
        NotebookClient(notebook, kernel_name="python3", resources={"metadata": {"path": str(folder)}}).execute()
    except CellExecutionError:
        pass
    texts = [str(c.outputs) for c in notebook.cells if c.cell_type == "code"]
    return texts, [json.loads(line) for line in log.read_text().splitlines()]


def understood(arguments):
    """The command as the real command line reads it, with its settings resolved and its notebooks found."""
    kinds = {"run": cli.RunCommand, "explain": cli.ExplainCommand}
    command = tyro.cli(kinds[arguments[0]], args=cli._unfold_set(arguments[1:]), config=(tyro.conf.OmitArgPrefixes,))
    plan = prepare((), command.profile, command.dataset, command.data_dir, parse_overrides(command.set))
    return command, plan.settings


@pytest.mark.parametrize("path", SETUPS, ids=lambda p: p.stem)
def test_form(path):
    notebook = nbformat.read(path, 4)
    code = [c for c in notebook.cells if c.cell_type == "code"]
    assert not any(c.outputs or c.execution_count for c in code), "kept without outputs"
    assert all(word in notebook.cells[0].source for word in ("**Question.**", "**Inputs.**", "**Output", "**Time.**"))
    (parameters,) = [c for c in code if "parameters" in c.metadata.get("tags", [])]
    for node in ast.parse(parameters.source).body:
        ast.literal_eval(node.value)
    for cell in notebook.cells:
        for link in re.findall(r"\]\((?!\w+:)([^)#]+)", cell.source if cell.cell_type == "markdown" else ""):
            assert (path.parent / link).resolve().is_file(), link


@pytest.mark.parametrize(
    "path, profile", zip(SETUPS, ("test", "gpu"), strict=True), ids=lambda p: getattr(p, "stem", p)
)
def test_the_titles_asked_about_are_in_the_catalogue(path, profile):
    """A smaller demo world has fewer titles."""
    (cell,) = [c for c in nbformat.read(path, 4).cells if "parameters" in c.metadata.get("tags", [])]
    values = {node.targets[0].id: ast.literal_eval(node.value) for node in ast.parse(cell.source).body}
    assert values.get("profile", "gpu") == profile and values.get("dataset", "demo") == "demo"
    titles = set(load_dataset(resolve_settings(profile, "demo", "", {}).data).catalogue.titles)
    assert not {*values["history"].split("; "), values["item"]} - titles


@pytest.mark.skipif(not IN_GIT, reason="these notebooks clone the repository")
def test_colab(tmp_path, monkeypatch):
    texts, asked = executed("colab.ipynb", tmp_path, monkeypatch)
    assert "The kit as of" in texts[2] and ("No GPU" in texts[4] or "GB free" in texts[4])
    assert "iframe srcdoc" in texts[7] and "A tour of recx" in texts[7]
    commands = [understood(arguments) for arguments in asked]
    assert [c.notebooks for c, _ in commands[:2]] == [("00",), ("data", "target", "tasks", "alignments")]
    assert len(commands) == 3 and {settings.profile for _, settings in commands} == {"test"}
    assert commands[2][0].history and commands[2][0].item == "Halo: Reach"
    assert resolve_notebooks(commands[1][0].notebooks) == ["data", "target", "tasks", "alignments"]


@pytest.mark.skipif(not IN_GIT, reason="these notebooks clone the repository")
def test_a_card_is_needed_for_large_models(tmp_path, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    texts, asked = executed("gpu_24gb.ipynb", tmp_path, monkeypatch)
    assert "can use no GPU here" in texts[4] and not asked and "output_type" not in texts[5]


@pytest.mark.skipif(not IN_GIT, reason="these notebooks clone the repository")
def test_a_card(tmp_path, monkeypatch):
    """With a card that PyTorch sees: the estimate is real, and the settings reach every command."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(
        "import sys\nif sys.argv[:1] == ['-']:\n    import torch\n    torch.cuda.is_available = lambda: True\n"
        "    torch.cuda.mem_get_info = lambda: (24e9, 25.3e9)\n    torch.cuda.get_device_name = lambda n: 'a card'\n"
        "    torch.cuda.is_bf16_supported = lambda: True\n"
    )
    LlamaConfig(
        hidden_size=1024, num_hidden_layers=4, num_attention_heads=8, intermediate_size=2048, vocab_size=50_000
    ).save_pretrained(tmp_path / "backbone")
    texts, asked = executed(
        "gpu_24gb.ipynb",
        tmp_path,
        monkeypatch,
        backbone=str(tmp_path / "backbone"),
        larger="",
        settings="align.fit.gradient_checkpointing=true align.rows_hybrid=5000",
    )
    assert "rows at once" in texts[5], texts
    assert [a[:2] for a in asked] == [
        ["run", "data"],
        ["run", "alignments"],
        ["run", "effect"],
        ["explain", "--profile"],
    ]
    for arguments in asked:
        command, settings = understood(arguments)
        assert settings.profile == "gpu" and settings.align.backbone.name == str(tmp_path / "backbone")
        assert settings.align.fit.gradient_checkpointing and settings.align.rows_hybrid == 5000
