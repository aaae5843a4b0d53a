"""JupyterLab on the notebooks, with this Python as their kernel."""

import os
import sys
from collections.abc import Sequence
from typing import Any

from recx import paths
from recx.pipeline.kernels import MANAGER
from recx.pipeline.launch import quiet_libraries, settle_environment
from recx.pipeline.servers import LOCALHOST, free_port, require_installed, run_server


def run_lab(port: int, options: Sequence[str] = ()) -> None:
    """Open JupyterLab until it is stopped.

    Args:
        port: to listen on; 0 for any that is free.
        options: for JupyterLab, as on its command line; they go before the kit's own.

    Raises:
        RecxError: it is not installed, the port cannot be had, or JupyterLab ended with an error.
    """
    require_installed("jupyterlab", "JupyterLab")
    port = free_port(port)
    quiet_libraries()
    settle_environment()
    if not os.access(paths.notebooks(), os.W_OK):
        print(
            f"{paths.notebooks()} is not yours to write: its notebooks run, but what you change in them is not kept. "
            "To keep it, copy the folder and open the copy: recx lab -- --ServerApp.root_dir=COPY",
            flush=True,
        )
    run_server("JupyterLab", [sys.executable, "-m", "jupyterlab", *lab_options(port, options)], cwd=paths.notebooks())


def lab_options(port: int, options: Sequence[str]) -> list[str]:
    """Options of JupyterLab: the kit's own, but for those that are given otherwise, and those given."""
    ours: dict[str, Any] = {
        "ip": LOCALHOST,
        "port": port,
        "root_dir": paths.notebooks(),
        "kernel_spec_manager_class": MANAGER,
        # JupyterLab refuses to run as root, which one is in a container. It asks for a token and listens on this
        # machine only by default, and under `recx run` root's notebooks run as root as well.
        "allow_root": getattr(os, "geteuid", lambda: 1)() == 0,
    }
    # JupyterLab takes an option once only; Ctrl-C ends it without a question.
    named = {_trait(option) for option in options}
    return ["-y", *(f"--ServerApp.{k}={v}" for k, v in ours.items() if k not in named), *options]


def _trait(option: str) -> str:
    """The trait that an option sets: `--notebook-dir=x` and `--ServerApp.root_dir=x` both set `root_dir`."""
    name = option.lstrip("-").partition("=")[0].removeprefix("ServerApp.").replace("-", "_")
    return "root_dir" if name == "notebook_dir" else name
