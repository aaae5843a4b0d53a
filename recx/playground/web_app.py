"""The playground as a web page: one process holds the models and serves the kernels of all visitors."""

import os
import sys
import tempfile
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

from recx import paths
from recx.errors import RecxError
from recx.pipeline.kernels import MANAGER
from recx.pipeline.servers import run_server
from recx.playground.open_runs import STOPPABLE
from recx.playground.rpc_client import ADDRESS_VARIABLE, HOST
from recx.playground.rpc_server import RpcServer
from recx.playground.shipped_run import open_runs

IDLE_MINUTES = 30


def start_model_server() -> RpcServer:
    """Start the server for calls, and load the first run's models in the background."""
    runs = open_runs()
    server = RpcServer(runs.methods(), STOPPABLE).start()

    def preload() -> None:
        ready = [row["name"] for row in runs.runs() if not row["why"]]
        if ready:
            with suppress(RecxError):  # the page says so when it asks for this run
                runs.get(ready[0]).service("models")

    threading.Thread(target=preload, daemon=True).start()
    return server


def voila_notebook() -> dict[str, Any]:
    """Build the notebook that Voila serves, with a single cell."""
    import nbformat.v4 as v4

    code = "from recx.playground.widgets.app_form import app\n\napp()"
    metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    return v4.new_notebook(cells=[v4.new_code_cell(code)], metadata=metadata)


def run_app(
    port: int = 8866,
    address: str = HOST,
    base_url: str = "/",
    dark: bool = False,
    idle_minutes: float = IDLE_MINUTES,
) -> None:
    """Serve the playground as a web page until it is stopped.

    Args:
        port: port to listen on, from `recx.pipeline.servers.free_port`.
        address: address to listen on; by default this machine only.
        base_url: path under which visitors see the page, from `recx.pipeline.servers.checked_prefix`.
        dark: use dark colours.
        idle_minutes: time without a message after which a visitor's kernel is shut down.

    Raises:
        RecxError: Voila ended with an error.
    """
    import nbformat

    server = start_model_server()
    with tempfile.TemporaryDirectory() as folder:
        notebook = Path(folder) / "recx.ipynb"
        nbformat.write(nbformat.from_dict(voila_notebook()), notebook)
        templates = [str(paths.shipped_data() / "page"), os.environ.get("JUPYTER_PATH", "")]
        environment = os.environ | {
            ADDRESS_VARIABLE: f"{server.port} {server.token}",
            "JUPYTER_PATH": os.pathsep.join(filter(None, templates)),
        }
        options = {
            "Voila.port": port,
            "Voila.port_retries": 0,
            "Voila.ip": address,
            "Voila.base_url": base_url,
            "VoilaConfiguration.kernel_spec_manager_class": MANAGER,
            "MappingKernelManager.kernel_manager_class": "recx.playground.visitor_kernels.VisitorKernelManager",
            "VoilaConfiguration.template": "recx",
            "VoilaConfiguration.theme": "dark" if dark else "light",
            "VoilaConfiguration.show_tracebacks": False,
            "MappingKernelManager.cull_idle_timeout": int(idle_minutes * 60),
            "MappingKernelManager.cull_interval": max(1, min(30, int(idle_minutes * 60))),
            "MappingKernelManager.cull_connected": True,
        }
        line = [sys.executable, "-m", "recx.playground.prefixed_page", str(notebook), "--no-browser"]
        line += [f"--{name}={value}" for name, value in options.items()]
        try:
            # Voila reads configuration from its working directory, so others must not be able to write there.
            run_server("Voila", line, environment, Path(folder))
        finally:
            server.shutdown()
