"""Jupyter kernels: `python3` always means the running Python, whatever kernels the user has installed."""

import sys
from typing import Any

import zmq
import zmq.asyncio
from ipykernel.kernelspec import RESOURCES, get_kernel_dict
from jupyter_client.kernelspec import NATIVE_KERNEL_NAME, KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from jupyter_client.session import Session

MANAGER = f"{__name__}.OwnKernelSpecs"  # the value of JupyterLab's and Voila's options


class OwnKernelSpecs(KernelSpecManager):
    """Kernel specs in which `python3` is `sys.executable`; other kernels are found by Jupyter's usual rules.

    By default Jupyter prefers a `python3` in the user's home or in `JUPYTER_PATH` to the one of the environment.
    """

    def find_kernel_specs(self) -> dict[str, str]:
        """Find the names and folders of kernel specs."""
        return {NATIVE_KERNEL_NAME: RESOURCES} | super().find_kernel_specs() | {NATIVE_KERNEL_NAME: RESOURCES}

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        """Return the kernel spec of a name."""
        if kernel_name.lower() != NATIVE_KERNEL_NAME:
            return super().get_kernel_spec(kernel_name)
        spec = get_kernel_dict()
        # Jupyter formats the command once, so braces within the path of this Python are preserved.
        spec["argv"][0] = sys.executable.replace(sys.prefix, "{prefix}", 1)
        return self.kernel_spec_class(name=NATIVE_KERNEL_NAME, resource_dir=RESOURCES, **spec)


class AttentiveSession(Session):
    """Sends messages without missing a reply that arrives at that moment.

    A socket reports a new message once. Sending on the same socket uses this report up, and `Session` sends on a copy
    of the socket of which the waiting coroutine learns nothing: it would wait forever for a message that is there.
    Nbclient sends while it waits for a cell's reply, because it mirrors the outputs of widgets.
    """

    def send(self, stream: Any, *args: Any, **options: Any) -> dict[str, Any] | None:
        """Send a message; arguments as for `Session.send`."""
        message = super().send(stream, *args, **options)
        if isinstance(stream, zmq.asyncio.Socket):
            stream.get(zmq.EVENTS)  # schedules reading if a message is there
        return message


class OwnKernelManager(AsyncKernelManager):
    """Starts kernels of `OwnKernelSpecs`, whose clients send by an `AttentiveSession`."""

    def _session_default(self) -> Session:
        return AttentiveSession(parent=self)

    def _kernel_spec_manager_default(self) -> KernelSpecManager:
        return OwnKernelSpecs(parent=self)
