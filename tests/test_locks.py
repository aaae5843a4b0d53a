import subprocess
import sys

import pytest
from filelock import FileLock, Timeout

from recx.errors import CheckpointError
from recx.storage import locks
from recx.storage.locks import hold, release

HOLDER = """
import sys, time
from pathlib import Path
from recx.storage.locks import hold
hold(Path(sys.argv[1]))
print("held", flush=True)
time.sleep(60)
"""


@pytest.fixture
def other(tmp_path):
    process = subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()


def test_a_folder_held_by_another_process_is_told(other, tmp_path, monkeypatch):
    monkeypatch.setattr(locks, "PATIENCE", 0.2)
    with pytest.raises(CheckpointError, match="another process"):
        hold(tmp_path)


def test_a_killed_process_lets_go(other, tmp_path):
    other.kill()
    hold(tmp_path)
    release(tmp_path)


def test_one_process_may_hold_twice(tmp_path):
    for _ in range(2):
        hold(tmp_path)
    with pytest.raises(Timeout):
        FileLock(tmp_path / ".lock").acquire(timeout=0)
    for _ in range(2):
        release(tmp_path)
        FileLock(tmp_path / ".lock").acquire(timeout=0).lock.release()
