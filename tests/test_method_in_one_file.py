"""The method in one file: short, without the package, and it runs."""

import ast
import re
import subprocess
import sys

from recx import paths

FILE = paths.ROOT / "docs" / "method_in_one_file.py"


def test_it_stays_within_two_hundred_lines_and_without_the_package():
    source = FILE.read_text(encoding="utf-8")
    assert len(source.splitlines()) <= 200
    imported = {
        (node.module if isinstance(node, ast.ImportFrom) else node.names[0].name).split(".")[0]
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Import | ast.ImportFrom)
    }
    assert imported <= {*sys.stdlib_module_names, "torch", "transformers"}


def test_a_short_alignment_raises_the_agreement(tmp_path):
    """With a seventh of the rows and of the people."""
    source = FILE.read_text(encoding="utf-8").replace("Path(__file__).parent.parent", f"Path({str(paths.ROOT)!r})")
    shortened, count = re.subn(r"= 3000, 200, 24_000,", "= 430, 60, 3_400,", source)
    assert count == 1
    script = tmp_path / "method.py"
    script.write_text(shortened, encoding="utf-8")
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=400, cwd=tmp_path)
    assert not done.returncode, done.stderr
    before, after = re.findall(r"decides rightly: (\d\.\d\d)", done.stdout)
    assert float(after) >= float(before) and float(after) > 0.45
    texts = done.stdout.split("for the target\n")[1:]
    assert len(texts) == 2 and all(text.startswith(("Yes", "No")) and len(text) > 40 for text in texts)
