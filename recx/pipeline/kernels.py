"""Jupyter kernels: `python3` always means the running Python, whatever kernels the user has installed."""

import sys

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


class OwnKernelManager(AsyncKernelManager):
    """Starts kernels of `OwnKernelSpecs`.

    Messages to them are copied whatever their size. Papermill sometimes waits forever for a cell whose widget shows
    80 kB; this makes it rarer, but the cause is not known yet (ipykernel 6.31 and 7.4, pyzmq 27.3).
    """

    def _session_default(self) -> Session:
        return Session(parent=self, copy_threshold=sys.maxsize)

    def _kernel_spec_manager_default(self) -> KernelSpecManager:
        return OwnKernelSpecs(parent=self)
