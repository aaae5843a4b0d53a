"""Kernels of the web page's visitors."""

from jupyter_client.session import Session
from jupyter_server.services.kernels.kernelmanager import ServerKernelManager

from recx.pipeline.kernels import AttentiveSession


class VisitorKernelManager(ServerKernelManager):
    """Starts kernels whose clients send by an `AttentiveSession`: Voila executes notebooks as papermill does."""

    def _session_default(self) -> Session:
        return AttentiveSession(parent=self)
