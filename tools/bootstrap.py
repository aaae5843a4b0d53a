"""Create the virtual environment `.venv` with pinned packages; uses only the standard library, for any Python 3.

Arguments are further extras of pyproject.toml to install, such as `docs`.
"""

import hashlib
import os
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VENV = os.path.join(ROOT, ".venv")
NEEDED_GB = 4  # twice as much where pip takes PyTorch with its GPU libraries


def stop(sentence):
    """Print one sentence and exit."""
    sys.stderr.write("recx: " + sentence + "\n")
    sys.exit(1)


def wanted():
    """A hash of everything that determines the environment."""
    digest = hashlib.sha256()
    for name in ("pyproject.toml", "constraints.txt"):
        with open(os.path.join(ROOT, name), "rb") as file:
            digest.update(file.read())
    digest.update(sys.version.encode())
    return digest.hexdigest()


def created(python):
    """Create the environment, where `python` will lie; returns whether that succeeded.

    Debian, Ubuntu and Colab package Python without what puts pip into an environment; then this Python's own pip does.
    """
    if subprocess.call([sys.executable, "-m", "venv", VENV], stdout=subprocess.DEVNULL) == 0:
        return True
    shutil.rmtree(VENV, ignore_errors=True)  # what was begun would pass for an environment
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "pip"]
    if not subprocess.call([sys.executable, "-m", "venv", "--without-pip", VENV]) and not subprocess.call(pip):
        return True
    shutil.rmtree(VENV, ignore_errors=True)
    return False


def main():
    if sys.version_info < (3, 11):
        stop(
            "Python 3.11 or newer is required, but this is %d.%d. Choose another with: make PYTHON=python3.12 demo"
            % sys.version_info[:2]
        )
    if os.pathsep in ROOT:
        stop(
            "%s: Python cannot create an environment in a folder with %r in its path. Move the kit."
            % (ROOT, os.pathsep)
        )
    stamp = os.path.join(VENV, "-".join(["recx-installed"] + sys.argv[1:]))
    if os.path.isfile(stamp):
        with open(stamp) as file:
            if file.read() == wanted():
                return
    free = shutil.disk_usage(ROOT).free / 1e9
    if free < NEEDED_GB and not os.path.isdir(VENV):
        stop(
            "The disk has %.1f GB free, but the packages need %d GB (twice that with PyTorch's GPU libraries)."
            % (free, NEEDED_GB)
        )
    print("Setting up .venv (once, a few minutes) ...", flush=True)
    python = os.path.join(VENV, "Scripts" if os.name == "nt" else "bin", "python")
    if not os.path.exists(python) and not created(python):
        stop("The virtual environment could not be created; on Debian and Ubuntu install python3-venv first.")
    line = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-c", "constraints.txt"]
    extras = ",".join(["lab", "llm", "test"] + sys.argv[1:])
    done = subprocess.run([*line, "-e", ".[" + extras + "]"], cwd=ROOT, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        sys.stderr.write(done.stderr[-2000:])
        if "No space left" in done.stderr:
            stop("The disk is full; free %d GB and run the same command again." % (2 * NEEDED_GB))
        if any(w in done.stderr for w in ("Connection", "NewConnectionError", "resolve", "timed out", "No matching")):
            stop("The packages could not be downloaded; check the network connection and run the same command again.")
        stop("The packages could not be installed; see pip's message above.")
    with open(stamp, "w") as file:
        file.write(wanted())


if __name__ == "__main__":
    main()
