"""Subpackages import only from the subpackages above them, and file names are unambiguous."""

import re
import runpy
from collections import Counter

import pytest

from recx import paths
from recx.pipeline.imports import imported, reached

PACKAGE = paths.ROOT / "recx"
ROOT = {"__init__", "__main__", "cli", "errors", "paths"}
SUBPACKAGES = (
    "settings storage profiles data recommenders attribution parsing prompts models decoding alignment teaching "
    "explaining evaluation plots pipeline playground commands"
).split()


def subpackage_of(path):
    parts = path.relative_to(PACKAGE).parts
    return parts[0] if len(parts) > 1 else path.stem


def modules(subpackage):
    return sorted((PACKAGE / subpackage).rglob("*.py"))


def imports(path):
    return {subpackage_of(module) for module in imported(path.read_text(encoding="utf-8"))} - {"__init__"}


@pytest.mark.parametrize("subpackage", SUBPACKAGES)
def test_imports_go_one_way(subpackage):
    allowed = {"errors", "paths", *SUBPACKAGES[: SUBPACKAGES.index(subpackage) + 1]}
    for path in modules(subpackage):
        assert imports(path) <= allowed, path


def test_root_holds_the_command_line_errors_and_paths():
    assert {p.stem for p in PACKAGE.glob("*.py")} == ROOT
    assert {p.name for p in PACKAGE.iterdir() if p.is_dir() and p.name != "__pycache__"} == set(SUBPACKAGES)
    for name in ("errors", "paths"):
        assert imports(PACKAGE / f"{name}.py") <= {"errors", "paths"}, name


def test_both_forms_of_import_are_seen():
    code = "def f():\n    import recx.data.demo as d, os\n    from recx.storage import locks\nfrom recx import cli"
    names = {p.relative_to(PACKAGE).as_posix() for p in imported(code) if p.name != "__init__.py"}
    assert names == {"data/demo.py", "storage/locks.py", "cli.py"}


def test_figures_are_drawn_from_frames_alone():
    for path in modules("plots"):
        assert imports(path) <= {"plots", "errors"}, path


def test_forms_import_no_model():
    """A visitor's kernel contains only forms; the models are in another process."""
    reach = {subpackage_of(p) for path in modules("playground/widgets") for p in reached([path])}
    assert reach <= {"__init__", "playground", "errors", "paths"}


def test_a_name_is_used_for_one_file():
    names = Counter(p.name for p in PACKAGE.rglob("*.py") if p.name != "__init__.py")
    assert not [name for name, count in names.items() if count > 1]
    assert not {p.stem for subpackage in SUBPACKAGES for p in modules(subpackage)} & set(SUBPACKAGES), (
        "a file has the name of a subpackage"
    )


def test_contributing_says_one_sentence_per_subpackage():
    text = (paths.ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    sentences = re.findall(r"^(\w+)/ +(\S.+)$", text, re.MULTILINE)
    assert [subpackage for subpackage, _ in sentences] == SUBPACKAGES


def test_contributing_draws_the_subpackages_as_they_are():
    subpackages = runpy.run_path(str(paths.ROOT / "tools" / "subpackages.py"))
    drawing = subpackages["drawing"](subpackages["arrows"]())
    text = (paths.ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert drawing in text, "replace the drawing by what tools/subpackages.py prints"


def test_an_arrow_that_a_longer_way_implies_is_not_drawn():
    drawing = runpy.run_path(str(paths.ROOT / "tools" / "subpackages.py"))["drawing"]
    lines = drawing({"a": {"b", "c", "d"}, "b": {"c"}, "c": set(), "d": set()}).splitlines()
    assert lines[2:-1] == ["    a --> b", "    a --> d", "    b --> c"]
