"""Small copies of a run's notebooks with their outputs, for `docs/executed/`.

    .venv/bin/python tools/executed.py                    # after `make demo`
    .venv/bin/python tools/executed.py runs/small/games   # another finished run

A copy holds the cells of the notebook as it is now and the outputs of its execution: figures with at most 256 colours,
a sentence where a form was, and neither progress bars, warnings, nor paths of this machine. Links to other folders are
adjusted to the folder of the copies. Notebooks 10 and 13 to 16 run on request: without its stage, a copy keeps the
outputs that it has as long as its cells are the same, and has none otherwise.
"""

import base64
import io
import posixpath
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_output
from PIL import Image

from recx import paths
from recx.errors import CheckpointError, RecxError
from recx.pipeline.stages import ALIGN, OPTIONAL_STAGES, STAGES

COPIES = paths.ROOT / "docs" / "executed"
MODE = "hybrid"  # Notebook 04 is executed once for each mode; this one is the default of its parameters.
WIDGET = "application/vnd.jupyter.widget-view+json"
FORM = "An interactive form appears here when the notebook runs."
SHOWN = ("image/png", "text/html", "text/markdown", "text/latex", "text/plain")
BAR = re.compile(r"%\||\[\d\d:\d\d[<,]")
CONTROL = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|[^\n]*\r(?!\n)")
ABSOLUTE = re.compile(r"(?<![\w.~/<:-])/(?:home|Users|root|tmp|var|private|mnt|opt|work|usr)/|\b[A-Z]:\\")


def smaller(png: str) -> str:
    """A base64 PNG with at most 256 colours, or the given one if that is no larger."""
    buffer = io.BytesIO()
    Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB").quantize(256).save(buffer, "PNG", optimize=True)
    return min(base64.b64encode(buffer.getvalue()).decode(), png.replace("\n", ""), key=len)


def cleaner(places: Mapping[str, str]) -> Callable[[str], str]:
    """A function that removes control sequences, overwritten lines and the keys of `places` from a text.

    The function raises RecxError if another absolute path is left.
    """

    def clean(text: str) -> str:
        text = CONTROL.sub("", text)
        for place, name in places.items():
            text = text.replace(place, name)
        if found := ABSOLUTE.search(text):
            shown = text[max(0, found.start() - 40) : found.end() + 60]
            raise RecxError(f"An output names a path of this machine: {shown!r}. Print it relative to the kit.")
        return text

    return clean


def kept_data(data: Mapping[str, str], clean: Callable[[str], str]) -> dict[str, str]:
    """The richest form of an output that needs no kernel; empty for a progress bar."""
    kind = next((kind for kind in SHOWN if kind in data), None)
    if kind is None:
        return {}
    if kind == "image/png":
        return {kind: smaller(data[kind])}
    if kind == "text/html" and "<progress" in data[kind]:  # of a training, with its losses, which a figure shows
        return {}
    if kind == "text/plain" and WIDGET in data:
        return {} if BAR.search(data[kind]) else {kind: FORM}
    return {kind: clean(data[kind])}


def kept(outputs: Iterable[NotebookNode], clean: Callable[[str], str]) -> list[NotebookNode]:
    """The outputs of a cell that are worth keeping; the pieces of what it printed become one.

    Raises:
        RecxError: the cell failed, or an output names a path of this machine.
    """
    found: list[NotebookNode] = []
    for output in outputs:
        if output.output_type == "error":
            raise RecxError(f"A cell failed with {output.ename}: {output.evalue}")
        if output.output_type == "stream":
            text = clean(output.text) if output.name == "stdout" else ""
            if found and found[-1].output_type == "stream":
                found[-1].text += text
            elif text:
                found.append(new_output("stream", text=text))
        elif data := kept_data(output.data, clean):
            found.append(new_output("display_data", data))
    return found


def moved(text: str) -> str:
    """A text cell whose links to other folders lead to the same files from the folder of the copies."""
    folder = COPIES.relative_to(paths.ROOT).as_posix()
    return re.sub(
        r"(?<=\]\()[\w.-]+/[\w./-]+", lambda m: posixpath.relpath(posixpath.join("notebooks", m[0]), folder), text
    )


def code_of(cells: Iterable[NotebookNode]) -> list[str | None]:
    """The source of each cell with code, None for each text cell: a better wording changes no output."""
    return [cell.source if cell.cell_type == "code" else None for cell in cells]


def copy_of(notebook: NotebookNode, executed: NotebookNode | None, clean: Callable[[str], str]) -> NotebookNode:
    """A notebook with the outputs of its execution, in which papermill has inserted a cell of parameters.

    Raises:
        RecxError: the code of the notebook has changed since, or one of its cells was not executed or failed.
    """
    done = [c for c in executed.cells if "injected-parameters" not in c.metadata.get("tags", [])] if executed else []
    if executed and code_of(done) != code_of(notebook.cells):
        raise RecxError("The code of the notebook has changed since it was executed. Run `make demo` first.")
    count = 0
    for n, cell in enumerate(notebook.cells):
        if cell.cell_type == "markdown":
            cell.source = moved(cell.source)
        elif done:
            if not done[n].execution_count:
                raise RecxError(f"Cell {n + 1} was not executed. Run `make demo` first.")
            cell.execution_count = count = count + 1
            cell.outputs = kept(done[n].outputs, clean)
    return notebook


def holds_cells(copy: Path, notebook: NotebookNode) -> bool:
    """Whether there is a copy with the cells of a notebook."""
    return copy.exists() and [c.source for c in nbformat.read(copy, 4).cells] == [c.source for c in notebook.cells]


def main(run: Path) -> None:
    """Write the copies of all notebooks from the folder of a run, and remove those of notebooks that are gone."""
    stages = {stage.notebook: name for name, stage in STAGES.items()} | {STAGES[ALIGN[MODE]].notebook: ALIGN[MODE]}
    COPIES.mkdir(exist_ok=True)
    for path in COPIES.glob("*.ipynb"):
        if path.stem not in stages:
            path.unlink()
    for stem, stage in stages.items():
        notebook = nbformat.read(paths.notebooks() / f"{stem}.ipynb", 4)
        finished = (run / stage / "manifest.json").exists()
        if not finished and stage not in OPTIONAL_STAGES:
            raise CheckpointError(f"{run / stage} is not finished. Run `make demo` first.")
        executed = nbformat.read(run / stage / f"{stem}.ipynb", 4) if finished else None
        kit = Path(executed.metadata.papermill.input_path).parent.parent if executed else paths.ROOT
        places = {run.parent.parent: "~/recx/runs", kit: "~/recx", paths.ROOT: "~/recx", Path.home(): "~"}
        try:
            copy = copy_of(notebook, executed, cleaner({str(k): v for k, v in places.items()}))
        except RecxError as error:
            raise RecxError(f"{stem}: {error}") from error
        if executed or not holds_cells(COPIES / f"{stem}.ipynb", copy):
            nbformat.write(copy, COPIES / f"{stem}.ipynb")


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else paths.runs() / "tiny" / "demo")
    except RecxError as error:
        sys.exit(f"recx: {error}")
