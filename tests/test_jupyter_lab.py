"""`recx lab` as a user starts it, also as root and with other kernels installed."""

import json
import os
import signal
import subprocess
import sys
import time
from urllib.request import Request, urlopen

import psutil

from recx import paths
from recx.pipeline import jupyter_lab
from recx.pipeline.jupyter_lab import lab_options
from recx.pipeline.servers import free_port


def lab(port, *options):
    line = [sys.executable, "-m", "recx", "lab", "--port", str(port), "--", "--no-browser", *options]
    environment = os.environ | {"PYTHONPATH": str(paths.ROOT)}
    return subprocess.Popen(line, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def test_options_given_go_before_the_kits_own(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    own = lab_options(8888, [])
    assert {"--ServerApp.ip=127.0.0.1", "--ServerApp.port=8888", "--ServerApp.allow_root=True"} <= set(own)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert "--ServerApp.allow_root=False" in lab_options(8888, [])
    for told, own in (("--ip=0.0.0.0", "ip"), ("--notebook-dir=/x", "root_dir"), ("--ServerApp.port=1", "port")):
        line = lab_options(8888, [told])
        assert line[-1] == told and not [o for o in line if o.startswith(f"--ServerApp.{own}=") and o != told]


def test_it_starts_with_this_python_as_its_kernel_and_ends_when_asked(foreign_kernel):
    port = free_port(0)
    process = lab(port, "--IdentityProvider.token=tested")
    try:
        api = f"http://127.0.0.1:{port}/api/kernels?token=tested"
        waited = time.monotonic()
        while True:
            try:
                kernel = json.load(urlopen(Request(api, json.dumps({"name": "python3"}).encode(), method="POST")))
                break
            except ConnectionRefusedError:
                pass
            except OSError as error:
                assert "refused" in str(error), error
            assert process.poll() is None and time.monotonic() - waited < 60, process.stdout.read()
            time.sleep(0.2)
        assert kernel["name"] == "python3"
        children = psutil.Process(process.pid).children(recursive=True)
        assert [c for c in children if c.cmdline()[:3] == [sys.executable, "-m", "ipykernel_launcher"]]
    finally:
        process.send_signal(signal.SIGTERM)
        said, _ = process.communicate(timeout=30)
    assert process.returncode == 0 and "recx:" not in said, said
    assert not psutil.wait_procs(children, timeout=20)[1]


def test_what_it_said_is_repeated(tmp_path):
    process = lab(free_port(0), f"--ServerApp.root_dir={tmp_path / 'nowhere'}")
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 2
    reason = said.split("recx: JupyterLab ended with exit status 1. Its last output was:\n")[1]
    assert "nowhere" in reason and "install" not in reason


def test_notebooks_of_somebody_else_are_said_to_be(monkeypatch, capsys):
    monkeypatch.setattr(jupyter_lab, "run_server", lambda *_, **__: None)
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    jupyter_lab.run_lab(0)
    assert "your changes cannot be saved" in capsys.readouterr().out
