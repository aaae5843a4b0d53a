"""The set-up files are consistent with each other."""

import os
import re
import subprocess
import sys
import tomllib

import pytest

from recx import paths


def project():
    return tomllib.loads((paths.ROOT / "pyproject.toml").read_text())["project"]


def test_environment_yml_has_the_names_and_bounds_of_pyproject():
    wanted = project()["dependencies"] + [d for extra in project()["optional-dependencies"].values() for d in extra]
    text = (paths.ROOT / "environment.yml").read_text()
    listed = re.findall(r"^\s+- ([a-zA-Z0-9_-]+[<>=]=?[\d.]+)$", text, re.MULTILINE)
    python = [d for d in listed if d.startswith("python>")]
    assert python == [f"python{project()['requires-python']}"]
    assert sorted(d for d in listed if d not in python) == sorted(wanted)


def test_every_dependency_is_pinned():
    pins = dict(line.split("==") for line in (paths.ROOT / "constraints.txt").read_text().split())
    names = {re.split(r"[<>=]", d)[0] for d in project()["dependencies"]}
    names |= {re.split(r"[<>=]", d)[0] for extra in project()["optional-dependencies"].values() for d in extra}
    assert {n.replace("_", "-") for n in names} <= {p.lower().replace("_", "-") for p in pins}
    assert pins["torch"] == "2.13.0"


def test_wrong_python_is_one_sentence():
    source = (paths.ROOT / "tools" / "bootstrap.py").read_text()
    fake = "import sys\nsys.version_info = (3, 9, 1)\n__name__ = 'x'\n" + source + "\nmain()\n"
    done = subprocess.run([sys.executable, "-c", fake.replace("__file__", repr(str(paths.ROOT / "tools" / "b.py")))],
                          capture_output=True, text=True)  # fmt: skip
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    assert "Python 3.11 or newer is required, but this is 3.9" in done.stderr


def test_full_disk_is_one_sentence(tmp_path):
    (tmp_path / "tools").mkdir()
    for name in ("pyproject.toml", "constraints.txt"):
        (tmp_path / name).write_bytes((paths.ROOT / name).read_bytes())
    source = (paths.ROOT / "tools" / "bootstrap.py").read_text().replace("NEEDED_GB = 4", "NEEDED_GB = 10**9")
    (tmp_path / "tools" / "bootstrap.py").write_text(source)
    done = subprocess.run([sys.executable, tmp_path / "tools" / "bootstrap.py"], capture_output=True, text=True)
    assert done.returncode == 1 and "GB free" in done.stderr and not (tmp_path / ".venv").exists()


def test_a_folder_that_python_cannot_name_in_its_path_is_one_sentence(tmp_path):
    place = tmp_path / f"kit{os.pathsep}2" / "tools" / "bootstrap.py"
    place.parent.mkdir(parents=True)
    place.write_bytes((paths.ROOT / "tools" / "bootstrap.py").read_bytes())
    done = subprocess.run([sys.executable, place], capture_output=True, text=True)
    assert done.returncode == 1 and "Move the kit" in done.stderr and done.stderr.count("\n") == 1


# Stand-ins for `-m venv` and `-m pip` where Python was packaged without ensurepip, found in the working folder.
NO_ENSUREPIP = """
import os, runpy, sys
sys.path = [p for p in sys.path if p not in ("", os.getcwd())]
if "--without-pip" in sys.argv:
    runpy.run_module("venv", run_name="__main__", alter_sys=True)
else:
    os.makedirs(os.path.join(sys.argv[-1], "bin"))
    os.symlink(sys.executable, os.path.join(sys.argv[-1], "bin", "python"))
    sys.exit(1)
"""
OWN_PIP = {
    True: "import os, sys\nos.execv(sys.argv[2], [sys.argv[2], '-m', 'ensurepip'])",
    False: "import sys\nsys.exit('No module named pip')",
}


@pytest.mark.parametrize("with_pip", [True, False])
def test_an_environment_without_ensurepip(tmp_path, with_pip):
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools" / "bootstrap.py").write_bytes((paths.ROOT / "tools" / "bootstrap.py").read_bytes())
    (tmp_path / "venv.py").write_text(NO_ENSUREPIP)
    (tmp_path / "pip.py").write_text(OWN_PIP[with_pip])
    python = tmp_path / ".venv" / "bin" / "python"
    code = f"import runpy; print(runpy.run_path('tools/bootstrap.py')['created']({str(python)!r}))"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == str(with_pip), done.stderr
    assert (tmp_path / ".venv").exists() == with_pip, "nothing is left that passes for an environment"
    if with_pip:
        shown = subprocess.run([python, "-m", "pip", "--version"], capture_output=True, text=True, check=True)
        assert str(tmp_path / ".venv") in shown.stdout
