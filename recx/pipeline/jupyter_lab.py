"""JupyterLab for the notebooks, with this Python as their kernel."""

import os
import sys
from collections.abc import Sequence
from typing import Any

from recx import paths
from recx.pipeline.kernels import MANAGER
from recx.pipeline.launch import quiet_libraries, settle_environment
from recx.pipeline.servers import LOCALHOST, free_port, require_installed, run_server


def run_lab(port: int, options: Sequence[str] = ()) -> None:
    """Run JupyterLab until it is stopped.

    Args:
        port: port to listen on; 0 for any free port.
        options: command-line options for JupyterLab, which take precedence over the kit's own.

    Raises:
        RecxError: JupyterLab is not installed or ended with an error, or the port is not available.
    """
    require_installed("jupyterlab", "JupyterLab")
    port = free_port(port)
    quiet_libraries()
    settle_environment()
    if not os.access(paths.notebooks(), os.W_OK):
        print(
            f"You cannot write to {paths.notebooks()}: its notebooks run, but your changes cannot be saved. "
            "To save changes, copy the folder and open the copy: recx lab -- --ServerApp.root_dir=COPY",
            flush=True,
        )
    run_server("JupyterLab", [sys.executable, "-m", "jupyterlab", *lab_options(port, options)], cwd=paths.notebooks())


def lab_options(port: int, options: Sequence[str]) -> list[str]:
    """Combine the kit's options for JupyterLab with the given ones, which take precedence."""
    ours: dict[str, Any] = {
        "ip": LOCALHOST,
        "port": port,
        "root_dir": paths.notebooks(),
        "kernel_spec_manager_class": MANAGER,
        # JupyterLab refuses to run as root by default, but containers usually run as root. It still requires a token
        # and listens on this machine only, and `recx run` executes root's notebooks as root as well.
        "allow_root": getattr(os, "geteuid", lambda: 1)() == 0,
    }
    # JupyterLab accepts each option only once; "-y" lets Ctrl-C end it without confirmation.
    named = {_trait(option) for option in options}
    return ["-y", *(f"--ServerApp.{k}={v}" for k, v in ours.items() if k not in named), *options]


def _trait(option: str) -> str:
    """Return the trait that an option sets; `--notebook-dir=x` and `--ServerApp.root_dir=x` both set `root_dir`."""
    name = option.lstrip("-").partition("=")[0].removeprefix("ServerApp.").replace("-", "_")
    return "root_dir" if name == "notebook_dir" else name
