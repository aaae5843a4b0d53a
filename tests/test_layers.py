"""Rooms import only from the rooms above them."""

import ast

import pytest

from recx import paths

ROOMS = ["data", "recommenders", "alignment", "explaining", "evaluation", "plots", "widgets"]
TOP = {"paths", "errors", "memory", "settings", "profiles", "locks", "runs", "texts", "remote"}
BOTTOM = {"app", "serving", "shelf", "stages", "finished", "launch", "ablation", "redraw", "cli", "__main__"}


def imports(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "recx":
            parts = node.module.split(".")
            yield from [parts[1]] if len(parts) > 1 else [a.name for a in node.names]
        elif isinstance(node, ast.Import):
            yield from [a.name.split(".")[1] for a in node.names if a.name.startswith("recx.")]


@pytest.mark.parametrize("room", ROOMS)
def test_imports_go_one_way(room):
    allowed = TOP | set(ROOMS[: ROOMS.index(room) + 1])
    for path in sorted((paths.ROOT / "recx" / room).glob("*.py")):
        assert set(imports(path)) <= allowed, path


def test_top_modules_import_no_room():
    for name in TOP:
        assert set(imports(paths.ROOT / "recx" / f"{name}.py")) <= TOP, name


def test_every_module_is_known():
    found = {p.stem for p in (paths.ROOT / "recx").glob("*.py")} - {"__init__"}
    assert found == TOP | BOTTOM
    assert {p.name for p in (paths.ROOT / "recx").iterdir() if p.is_dir() and p.name != "__pycache__"} == set(ROOMS)
