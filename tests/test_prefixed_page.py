"""`recx app` without a proxy, and behind a prefix that a proxy keeps or strips; its first page needs no run."""

import asyncio
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from urllib.error import HTTPError
from urllib.parse import urljoin
from urllib.request import Request, urlopen

import psutil
import pytest
from tornado.websocket import websocket_connect

from recx import paths
from recx.pipeline.servers import free_port

PREFIX = "/user/a.b%20c+d@e/proxy/8000/"


@contextlib.contextmanager
def serving(tmp_path, prefix, name="127.0.0.1"):
    """A page without any runs: its process and address."""
    port = free_port(0)
    line = [
        sys.executable,
        "-m",
        "recx",
        "app",
        "--port",
        str(port),
        "--base-url",
        prefix.strip("/"),
        "--address",
        name,
    ]
    # A configuration that others left where the command is typed is not read.
    (tmp_path / "voila.py").write_text("raise SystemExit('read')")
    environment = os.environ | {"PYTHONPATH": str(paths.ROOT), "RECX_RUNS_DIR": str(tmp_path / "runs")}
    process = subprocess.Popen(
        line, env=environment, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    address, waited = f"http://{name}:{port}", time.monotonic()
    assert process.stdout.readline() == f"{address}{prefix} (stop with Ctrl-C)\n"
    while True:
        try:
            urlopen(f"{address}/voila/static/nothing")
        except HTTPError:
            break
        except OSError:
            assert process.poll() is None and time.monotonic() - waited < 60, process.stdout.read()
            time.sleep(0.2)
    yield process, address
    process.send_signal(signal.SIGTERM)
    said, _ = process.communicate(timeout=30)
    assert process.returncode == 0 and "recx:" not in said, said


@pytest.fixture
def server(tmp_path, foreign_kernel):
    with serving(tmp_path, PREFIX) as served:
        yield served


def get(address):
    with urlopen(address) as answer:
        return answer.read()


async def kernel_answers(address):
    socket = await websocket_connect(address)
    message = {
        "header": {"msg_id": "1", "msg_type": "kernel_info_request", "session": "s", "username": "", "version": "5.3"}
    }
    await socket.write_message(
        json.dumps(message | {"parent_header": {}, "metadata": {}, "content": {}, "channel": "shell"})
    )
    while True:
        said = json.loads(await asyncio.wait_for(socket.read_message(), 30))
        if said["header"]["msg_type"] == "kernel_info_reply":
            return said["content"]["status"]


def test_page_assets_and_kernel_answer_with_and_without_the_prefix(server):
    process, address = server
    assert urlopen(address + PREFIX.rstrip("/")).url == address + PREFIX
    for base in (PREFIX, "/"):
        page = get(address + base).decode()
        config = json.loads(re.search(r'id="jupyter-config-data"[^>]*>\s*(.*?)\s*</script>', page, re.DOTALL)[1])
        assert config["baseUrl"] == PREFIX
        assets = [a for a in re.findall(r'(?:src|href)="([^"]+)"', page) if not a.startswith(("data:", "#", "?"))]
        assert any("voila.js" in asset for asset in assets)
        assets = [urljoin(PREFIX, asset) for asset in assets]
        assert all(asset.startswith(PREFIX) for asset in assets), assets
        for asset in assets:
            assert get(address + asset) == get(address + "/" + asset.removeprefix(PREFIX))
        channels = f"{base}api/kernels/{config['kernelId']}/channels"
        assert asyncio.run(kernel_answers(address.replace("http", "ws") + channels)) == "ok"
    kernels = [c.cmdline() for c in psutil.Process(process.pid).children(recursive=True)]
    kernels = [line for line in kernels if "ipykernel_launcher" in line]
    assert len(kernels) >= 2 and all(line[0] == sys.executable for line in kernels)


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
def test_without_a_proxy_only_requests_to_this_machine_are_answered(tmp_path, foreign_kernel, name):
    """A foreign page whose name resolves to the loopback address must not read histories or start kernels."""
    with serving(tmp_path, "/", name) as (_, address):
        port = address.rsplit(":", 1)[1]
        assert b"jupyter-config-data" in get(address) and get(Request(address, headers={"Host": f"localhost:{port}"}))
        with pytest.raises(HTTPError, match="403"):
            get(Request(address, headers={"Host": f"elsewhere.example:{port}"}))
