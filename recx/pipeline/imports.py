"""Finding the modules of the package that a piece of code imports, directly or indirectly."""

import ast
import functools
import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from recx import paths


def reached_from_notebook(notebook: Path) -> list[Path]:
    """Find the modules that a notebook imports, directly or through other modules, sorted by path."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    return reached(imported("\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "code")))


def reached(starts: Iterable[Path]) -> list[Path]:
    """Find the modules reachable from some modules, including these, sorted by path."""
    modules: set[Path] = set()
    waiting = list(starts)
    while waiting:
        module = waiting.pop()
        if module not in modules:
            modules.add(module)
            waiting += _imported_by(module, module.stat().st_mtime_ns)
    return sorted(modules)


@functools.lru_cache(maxsize=1024)
def _imported_by(module: Path, changed: int) -> tuple[Path, ...]:
    return tuple(imported(module.read_text(encoding="utf-8")))


def imported(code: str) -> Iterator[Path]:
    """Find the files of the package that code imports anywhere, including within functions."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            # "from recx.data import demo" names a module, "from recx.data.demo import generate" a member of one.
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        for name in names:
            yield from _files_of(name)


def _files_of(name: str) -> list[Path]:
    """Find the files of a dotted name and its parent packages; none for names outside the package."""
    parts = name.split(".")
    if parts[0] != "recx":
        return []
    places = [paths.ROOT.joinpath(*parts[: n + 1]) for n in range(len(parts))]
    return [file for place in places for file in (place / "__init__.py", place.with_suffix(".py")) if file.is_file()]
