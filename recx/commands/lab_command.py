"""`recx lab`: JupyterLab on the notebooks."""

from dataclasses import dataclass
from typing import Annotated

import tyro


@dataclass(frozen=True)
class LabCommand:
    """Open JupyterLab on the notebooks, on this machine only."""

    options: Annotated[tyro.conf.Positional[tuple[str, ...]], tyro.conf.arg(metavar="[OPTION ...]")] = ()
    """Options for JupyterLab, after two dashes: recx lab -- --no-browser --ServerApp.base_url=/lab/"""
    port: int = 8888
    """Port to listen on; 0 picks a free one."""

    def run(self) -> None:
        """Run JupyterLab until it is stopped."""
        from recx.pipeline.jupyter_lab import run_lab

        run_lab(self.port, self.options)
