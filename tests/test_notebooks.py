"""Form of the notebooks; what they do is tested as a chain."""

import ast
import importlib.util
import re

import nbformat
import pytest

from recx import paths
from recx.pipeline.stages import STAGES

NOTEBOOKS = sorted(paths.notebooks().glob("*.ipynb"))
SOLUTIONS = sorted(paths.notebooks().glob("solutions/*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_form(path):
    notebook = nbformat.read(path, 4)
    code = [c for c in notebook.cells if c.cell_type == "code"]
    assert 12 <= len(notebook.cells) <= 30
    assert not any(c.outputs or c.execution_count for c in code), "kept without outputs"
    lines = [line for c in code for line in c.source.splitlines() if line.strip()]
    assert len(lines) <= 80
    assert not any(line.lstrip().startswith(("def ", "class ")) or "sys.path" in line for line in lines)
    first = notebook.cells[0].source
    assert all(word in first for word in ("**Question.**", "**Inputs.**", "**Output", "**Time.**"))
    (parameters,) = [c for c in code if "parameters" in c.metadata.get("tags", [])]
    for node in ast.parse(parameters.source).body:
        ast.literal_eval(node.value)


MINUTES = {word: n for n, word in enumerate("four five six seven eight nine ten eleven twelve thirteen".split(), 4)}


def reading_minutes(notebook):
    """At 200 words a minute, and 20 seconds for a code cell other than the parameters, the opening and the last one."""
    prose = "\n".join(
        re.split(r"\*\*(?:Reference|Read next)\.", c.source)[0] for c in notebook.cells if c.cell_type == "markdown"
    )
    prose = re.sub(r"\]\([^)]*\)|\$\$.*?\$\$|\$[^$]*\$|<[^>]*>", " x ", prose, flags=re.DOTALL)
    return len(re.findall(r"[\w'’-]+", prose)) / 200 + (sum(c.cell_type == "code" for c in notebook.cells) - 3) / 3


def test_notebooks_are_read_in_the_time_that_they_state():
    stated = []
    for path in NOTEBOOKS:
        notebook = nbformat.read(path, 4)
        stated.append(MINUTES[re.search(r"(\w+) minutes to read", notebook.cells[0].source)[1]])
        assert abs(stated[-1] - reading_minutes(notebook)) < 1, path.stem
    assert 60 <= sum(stated[:13]) <= 90


def test_every_stage_has_its_notebook():
    assert {s.notebook for s in STAGES.values()} == {p.stem for p in NOTEBOOKS}


# Where a reader is sent at the end, if not to the next notebook alone.
ONWARD = {
    "03_alignment_data": ["04_align_llm", "05_launch_alignment"],  # 05 executes 04 once for every mode
    "04_align_llm": ["05_launch_alignment", "06_alignment_effect"],
    "12_playground": ["00_tour"],
    "16_rewards": ["00_tour"],
}


@pytest.mark.parametrize("n, path", enumerate(NOTEBOOKS), ids=lambda p: getattr(p, "stem", ""))
def test_each_ends_with_the_way_on(n, path):
    last = nbformat.read(path, 4).cells[-1]
    onward = ONWARD.get(path.stem) or [NOTEBOOKS[n + 1].stem]
    assert last.cell_type == "markdown" and re.findall(r"\]\((\w+)\.ipynb\)", last.source) == onward


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_each_asks_the_reader_and_has_a_solved_exercise(path):
    texts = [c.source for c in nbformat.read(path, 4).cells if c.cell_type == "markdown"]
    (check,) = [t for t in texts if t.startswith("**Check yourself.**")]
    assert re.search(r"\n\n<details><summary>Answer</summary>\n\n.+\n\n</details>\s*$", check, re.DOTALL)
    (exercise,) = [t for t in texts if t.startswith("**Exercise.**")]
    assert f"](solutions/{path.name})" in exercise


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_form_of_solutions(path):
    notebook = nbformat.read(path.parent / "solutions" / path.name, 4)
    code = [c for c in notebook.cells if c.cell_type == "code"]
    assert len(notebook.cells) <= 10 and not any(c.outputs or c.execution_count for c in code)
    assert len([c for c in code if "parameters" in c.metadata.get("tags", [])]) == 1
    assert any(line.startswith("assert ") for line in code[-1].source.splitlines())


@pytest.mark.parametrize("path", [*NOTEBOOKS, *SOLUTIONS], ids=lambda p: f"{p.parent.name}-{p.stem}")
def test_what_it_takes_from_the_kit_is_there(path):
    """Seconds instead of a chain where a function has moved."""
    code = "\n".join(c.source for c in nbformat.read(path, 4).cells if c.cell_type == "code")
    nodes, modules = list(ast.walk(ast.parse(code))), {}
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and node.module.split(".")[0] == "recx":
            for name in node.names:
                whole = f"{node.module}.{name.name}"
                if importlib.util.find_spec(node.module).submodule_search_locations and importlib.util.find_spec(whole):
                    modules[name.asname or name.name] = importlib.import_module(whole)
                assert name.name in modules or hasattr(importlib.import_module(node.module), name.name), whole
    used = {(n.value.id, n.attr) for n in nodes if isinstance(n, ast.Attribute) and isinstance(n.value, ast.Name)}
    assert not [f"{name}.{part}" for name, part in used if name in modules and not hasattr(modules[name], part)]
