"""The playground's process: finds finished runs, holds their models once, and answers the forms of many visitors.

`python -m recx.playground.web_app` prints its port and token and ends when its standard input does. `recx app` runs it
with Voila.
"""

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
from recx.playground.client import ADDRESS, HOST
from recx.playground.open_runs import STOPPABLE, Shelf
from recx.playground.server import Server

IDLE_MINUTES = 30


def serve() -> Server:
    """Answer calls from now on, and begin to load what the first one will need."""
    shelf = Shelf()
    server = Server(shelf.methods(), STOPPABLE).start()

    def warm() -> None:
        ready = [row["name"] for row in shelf.runs() if not row["why"]]
        if ready:
            _ = shelf.get(ready[0]).playground

    threading.Thread(target=warm, daemon=True).start()
    return server


def page() -> dict[str, Any]:
    """The notebook that Voila shows: one cell, and no output until it runs."""
    import nbformat.v4 as v4

    code = "from recx.playground.widgets.app_form import app\n\napp()"
    metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    return v4.new_notebook(cells=[v4.new_code_cell(code)], metadata=metadata)


def run_app(port: int = 8866, address: str = HOST, dark: bool = False, idle_minutes: float = IDLE_MINUTES) -> int:
    """Serve the playground as a web page until it is stopped.

    Args:
        port: to listen on.
        address: of this machine, unless told.
        dark: dark colours.
        idle_minutes: a visitor who does nothing for so long is forgotten.

    Returns:
        Voila's exit status.
    """
    import nbformat

    server = serve()
    with tempfile.TemporaryDirectory() as folder:
        notebook = Path(folder) / "recx.ipynb"
        nbformat.write(nbformat.from_dict(page()), notebook)
        environment = os.environ | {ADDRESS: f"{server.port} {server.token}"}
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


def main() -> None:
    """Answer one process, until it ends."""
    server = serve()
    print(server.port, server.token, flush=True)
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main()
