"""The playground as a web page: one process holds the models and answers the kernels of all visitors."""

import os
import signal
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

from recx import paths
from recx.playground.open_runs import STOPPABLE, OpenRuns
from recx.playground.rpc_client import ADDRESS_VARIABLE, HOST
from recx.playground.rpc_server import RpcServer

IDLE_MINUTES = 30


def start_model_server() -> RpcServer:
    """Answer calls from now on, and begin to load the models that the first one will need."""
    runs = OpenRuns()
    server = RpcServer(runs.methods(), STOPPABLE).start()

    def preload() -> None:
        ready = [row["name"] for row in runs.runs() if not row["why"]]
        if ready:
            runs.get(ready[0]).service("models")

    threading.Thread(target=preload, daemon=True).start()
    return server


def voila_notebook() -> dict[str, Any]:
    """The notebook that Voila shows: one cell, and no output until it runs."""
    import nbformat.v4 as v4

    code = "from recx.playground.widgets.app_form import app\n\napp()"
    metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    return v4.new_notebook(cells=[v4.new_code_cell(code)], metadata=metadata)


def run_app(port: int = 8866, address: str = HOST, dark: bool = False, idle_minutes: float = IDLE_MINUTES) -> int:
    """Serve the playground as a web page until it is stopped.

    Args:
        port: to listen on.
        address: to listen on; this machine only by default.
        dark: dark colours.
        idle_minutes: after so long without a message the kernel of a visitor is ended.

    Returns:
        Voila's exit status.
    """
    import nbformat

    server = start_model_server()
    with tempfile.TemporaryDirectory() as folder:
        notebook = Path(folder) / "recx.ipynb"
        nbformat.write(nbformat.from_dict(voila_notebook()), notebook)
        environment = os.environ | {ADDRESS_VARIABLE: f"{server.port} {server.token}"}
        for name, first in (("PYTHONPATH", paths.ROOT), ("JUPYTER_PATH", paths.shipped_data() / "page")):
            environment[name] = os.pathsep.join(filter(None, [str(first), os.environ.get(name, "")]))
        cull = "--MappingKernelManager."
        line = [sys.executable, "-m", "voila", str(notebook), "--no-browser", f"--port={port}", f"--Voila.ip={address}"]
        line += ["--template=recx", "--VoilaConfiguration.show_tracebacks=False"]
        line += [f"--theme={'dark' if dark else 'light'}", f"{cull}cull_idle_timeout={int(idle_minutes * 60)}"]
        line += [f"{cull}cull_interval={max(1, min(30, int(idle_minutes * 60)))}", f"{cull}cull_connected=True"]
        line += ["--Voila.port_retries=0"]
        child = subprocess.Popen(line, env=environment)
        with suppress(ValueError):  # signals belong to the main thread
            signal.signal(signal.SIGTERM, lambda *_: child.terminate())
        try:
            return child.wait()
        except KeyboardInterrupt:
            return 0
        finally:
            _end(child)
            server.shutdown()


def _end(child: "subprocess.Popen[bytes]") -> None:
    """Voila ends its visitors' kernels when it is asked to end."""
    child.terminate()
    try:
        child.wait(15)
    except subprocess.TimeoutExpired:
        child.kill()
