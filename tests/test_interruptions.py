"""A chain that is killed repeatedly without warning ends with the same results as an undisturbed one.

`RECX_KILLS=24` runs the full tier; CI kills only a few times.
"""

import hashlib
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import time

import psutil
import pytest
from small_chain import CORE, SMALL, start

from recx.pipeline import stages
from recx.profiles.resolve import resolve_settings

KILLS = int(os.environ.get("RECX_KILLS", "2"))


def left_behind(folder):
    """The metrics of each stage, except for its duration, and hashes of its weights and tables."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.suffix in (".safetensors", ".parquet"):
            found[str(path.relative_to(folder))] = hashlib.sha256(path.read_bytes()).hexdigest()
        elif path.name == "metrics.json":
            records = json.loads(path.read_text())
            found[str(path.relative_to(folder))] = [r for r in records if r["metric"] != "training_minutes"]
    return found


def kill(process, how):
    """Send SIGKILL to the command, to the kernels it started (waiting for the first one), or to both."""
    children = []
    while how != "command" and process.poll() is None and not children:
        time.sleep(0.1)
        try:
            children = psutil.Process(process.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return
    chosen = {"command": [], "kernels": children, "both": children}[how]
    if how != "kernels":
        process.kill()
    for child in chosen:
        try:
            child.kill()
        except psutil.NoSuchProcess:
            pass


@pytest.mark.interruptions
def test_killed_at_random_moments_it_ends_the_same(small_run, tmp_path):
    chance, kills = random.Random(KILLS), 0
    wanted = {name: left for name, left in left_behind(small_run).items() if f"/{CORE[-1]}/" not in name}
    assert any(name.endswith("weights.safetensors") for name in wanted) and len(wanted) > 10
    while kills < KILLS:
        folder = tmp_path / f"after-{kills}"
        while True:
            process = start(folder, CORE[:-1])
            try:
                out, _ = process.communicate(timeout=chance.uniform(1, 16) if kills < KILLS else 900)
            except subprocess.TimeoutExpired:
                kill(process, chance.choice(["command", "kernels", "both"]))
                process.communicate(timeout=120)
                kills += 1
                continue
            assert process.returncode == 0, out.decode()[-2000:]
            break
        assert left_behind(folder) == wanted
        assert not list(folder.rglob("*.part")) and not list(folder.rglob("checkpoints"))


@pytest.mark.interruptions
def test_a_deleted_artefact_is_made_again(small_run, tmp_path):
    folder = tmp_path / "runs"
    shutil.copytree(small_run, folder)
    chosen, wanted = resolve_settings("test", overrides=SMALL), left_behind(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RECX_RUNS_DIR", str(folder))
        weights = stages.folder("align-hybrid", chosen) / "weights.safetensors"
        weights.unlink()
        assert not stages.is_finished("align-hybrid", chosen) and stages.is_finished("align-intention", chosen)
    process = start(folder)
    out, _ = process.communicate(timeout=900)
    assert process.returncode == 0, out.decode()[-2000:]
    assert left_behind(folder) == wanted


@pytest.mark.interruptions
def test_two_commands_at_once_do_not_meet(small_run, tmp_path):
    """Each reports the conflict or finds stages finished; all files are complete, and a rerun finishes the chain."""
    first = start(tmp_path, CORE[:3])
    time.sleep(8)
    second = start(tmp_path, CORE[:3])
    told, _ = second.communicate(timeout=900)
    out, _ = first.communicate(timeout=900)
    assert 0 in (first.returncode, second.returncode), out.decode()[-2000:] + told.decode()[-2000:]
    for process, words in ((first, out), (second, told)):
        assert process.returncode == 0 or b"another process" in words, words.decode()[-2000:]
    whole, made = left_behind(small_run), left_behind(tmp_path)
    assert made == {name: whole[name] for name in made} and any(name.endswith("metrics.json") for name in made)
    assert {name.split("/")[2] for name in made} == set(CORE[:3])


def words_of(process):
    out, _ = process.communicate(timeout=300)
    return process.returncode, out.decode()


def test_a_folder_that_cannot_be_written_is_told():
    code, words = words_of(start("/proc/recx-runs"))
    assert code == 2 and "cannot be written" in words and "RECX_RUNS_DIR" in words and "Traceback" not in words


def test_a_disk_that_fills_up_is_told_and_leaves_nothing_half(tmp_path):
    """A limit on file sizes simulates a full disk: writing fails in the middle of a file."""

    def small_files():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, 150_000))  # the target's weights are twice that

    code, words = words_of(start(tmp_path, preexec_fn=small_files))
    assert code == 2 and "File too large" in words and "Traceback" not in words.split("recx: ")[-1]
    finished = [p.parent.name for p in tmp_path.rglob("manifest.json")]
    assert finished == ["data"]
    for stage in finished:
        (folder,) = tmp_path.glob(f"*/*/{stage}")
        listed = json.loads((folder / "manifest.json").read_text())["files"]
        assert all((folder / name).stat().st_size == size for name, size in listed.items())
