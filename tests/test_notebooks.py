"""Form of the notebooks; what they do is tested as a chain."""

import ast

import nbformat
import pytest

from recx import paths
from recx.pipeline.stages import STAGES

NOTEBOOKS = sorted(paths.notebooks().glob("*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_form(path):
    notebook = nbformat.read(path, 4)
    code = [c for c in notebook.cells if c.cell_type == "code"]
    assert 12 <= len(notebook.cells) <= 18
    assert not any(c.outputs or c.execution_count for c in code), "kept without outputs"
    lines = [line for c in code for line in c.source.splitlines() if line.strip()]
    assert len(lines) <= 80
    assert not any(line.lstrip().startswith(("def ", "class ")) or "sys.path" in line for line in lines)
    first = notebook.cells[0].source
    assert all(word in first for word in ("**Question.**", "**Inputs.**", "**Output", "**Time.**"))
    (parameters,) = [c for c in code if "parameters" in c.metadata.get("tags", [])]
    for node in ast.parse(parameters.source).body:
        ast.literal_eval(node.value)


def test_every_stage_has_its_notebook():
    assert {s.notebook for s in STAGES.values()} == {p.stem for p in NOTEBOOKS}


def test_each_names_the_next():
    for path, after in zip(NOTEBOOKS, NOTEBOOKS[1:], strict=False):
        text = "\n".join(c.source for c in nbformat.read(path, 4).cells if c.cell_type == "markdown")
        assert after.name in text or "05_launch_alignment.ipynb" in text, path
