"""The committed copies of executed notebooks hold the notebooks' cells, and what the tool keeps of an output."""

import base64
import io
import json
import posixpath
import re
import runpy

import nbformat
import numpy as np
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from PIL import Image

from recx import paths
from recx.errors import RecxError
from recx.pipeline.stages import OPTIONAL_STAGES, STAGES

COPIES = paths.ROOT / "docs" / "executed"
NOTEBOOKS = sorted(paths.notebooks().glob("*.ipynb"))
OPTIONAL = {STAGES[name].notebook for name in OPTIONAL_STAGES}
LINK = re.compile(r"(?<=\]\()(?!\w+:|#)[^)\s#]+")
PLACE = re.compile(r"(?<![\w.~/<:-])/(home|Users|root|tmp|var|private|mnt|opt|work|usr)/|\b[A-Z]:\\")
TOOL = runpy.run_path(str(paths.ROOT / "tools" / "executed.py"))
CLEAN = TOOL["cleaner"]({"/tmp/kit": "~/recx"})


def cells_of(path):
    """Type and source of all cells; links as paths from the root, where a copy stands for its notebook."""
    folder = path.parent.relative_to(paths.ROOT).as_posix()

    def from_root(link):
        return posixpath.normpath(posixpath.join(folder, link[0])).replace("docs/executed/", "notebooks/")

    cells = nbformat.read(path, 4).cells
    return [(c.cell_type, LINK.sub(from_root, c.source) if c.cell_type == "markdown" else c.source) for c in cells]


def outputs_of(path):
    return [o for c in nbformat.read(path, 4).cells if c.cell_type == "code" for o in c.outputs]


def picture(colours):
    """A base64 PNG of noise with that many colours."""
    drawn = np.random.default_rng(0).integers(0, colours, (60, 60))
    image, buffer = (
        Image.fromarray((drawn * 7919 % 2**24).astype("<u4").view("u1").reshape(60, 60, 4)[..., :3]),
        io.BytesIO(),
    )
    image.save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()


def test_every_notebook_has_its_copy():
    assert [p.name for p in sorted(COPIES.glob("*"))] == [p.name for p in NOTEBOOKS]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_copies_hold_the_cells_of_the_notebooks(path):
    assert cells_of(COPIES / path.name) == cells_of(path), "run `make demo` and `.venv/bin/python tools/executed.py`"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_copies_hold_outputs_that_anyone_may_read(path):
    copy = nbformat.read(COPIES / path.name, 4)
    assert set(copy.metadata) <= {"kernelspec", "language_info"}
    code = [c for c in copy.cells if c.cell_type == "code"]
    assert path.stem in OPTIONAL or all(c.execution_count for c in code) and any(c.outputs for c in code)
    outputs = outputs_of(COPIES / path.name)
    assert not [o for o in outputs if o.output_type == "error" or o.get("name") == "stderr"]
    shown = {kind for o in outputs for kind in o.get("data", {})}
    assert shown <= {"image/png", "text/html", "text/markdown", "text/latex", "text/plain"}
    texts = [o.get("text") or json.dumps({k: v for k, v in o.data.items() if k != "image/png"}) for o in outputs]
    assert not [found[0] for text in texts if (found := PLACE.search(text) or re.search(r"\x1b|\\u001b", text))]


def test_copies_are_small():
    sizes = {path.name: path.stat().st_size for path in COPIES.glob("*.ipynb")}
    assert max(sizes.values()) < 500_000 and sum(sizes.values()) < 2_500_000


def test_bars_warnings_and_control_sequences_are_dropped():
    widget = {TOOL["WIDGET"]: {"model_id": "0"}}
    outputs = [
        new_output("display_data", widget | {"text/plain": "rows:   3%|3         | 2/70 [00:00<?, ?it/s]"}),
        new_output("stream", name="stderr", text="UserWarning: slow\n"),
        new_output("stream", text="1 of 2\r2 of 2\n"),
        new_output("stream", text="\x1b[1mread\x1b[0m /tmp/kit/data\n"),
        new_output("display_data", {"text/html": "<progress value='4'>\n</progress> [4/4]", "text/plain": "x"}),
        new_output("execute_result", widget | {"text/plain": "VBox(children=())"}),
    ]
    text, form = TOOL["kept"](outputs, CLEAN)
    assert text.text == "2 of 2\nread ~/recx/data\n"
    assert form.data == {"text/plain": TOOL["FORM"]}


@pytest.mark.parametrize(
    ("output", "sentence"),
    [
        (new_output("error", ename="KeyError", evalue="'x'"), "A cell failed with KeyError: 'x'"),
        (new_output("stream", text="saved in /home/somebody/runs"), "names a path of this machine"),
    ],
)
def test_what_must_not_be_shown_is_refused(output, sentence):
    with pytest.raises(RecxError, match=sentence):
        TOOL["kept"]([output], CLEAN)


def test_pictures_become_smaller_but_never_larger():
    assert len(TOOL["smaller"](picture(3000))) < len(picture(3000)) / 2
    assert len(TOOL["smaller"](picture(2))) <= len(picture(2))


def executed(source, link="solutions/a.ipynb"):
    """A notebook as papermill leaves it: with a cell of parameters more."""
    cells = [new_markdown_cell(f"[a]({link}) [b](b.ipynb) [c](https://x.org/y)"), new_code_cell(source)]
    cells[1].update(execution_count=7, outputs=[new_output("stream", text="4\n")])
    added = new_code_cell("mode = 'hybrid'", metadata={"tags": ["injected-parameters"]})
    return new_notebook(cells=[cells[0], added, cells[1]])


def test_a_copy_has_the_cells_of_the_notebook_and_the_outputs_of_its_execution():
    notebook = executed("print(4)")
    del notebook.cells[1]
    copy = TOOL["copy_of"](notebook, executed("print(4)"), CLEAN)
    text, code = copy.cells
    assert text.source == "[a](../../notebooks/solutions/a.ipynb) [b](b.ipynb) [c](https://x.org/y)"
    assert (code.source, code.execution_count, code.outputs[0].text) == ("print(4)", 1, "4\n")


def test_an_execution_of_other_cells_is_refused():
    notebook = executed("print(5)")
    del notebook.cells[1]
    with pytest.raises(RecxError, match="has changed since it was executed"):
        TOOL["copy_of"](notebook, executed("print(4)"), CLEAN)
