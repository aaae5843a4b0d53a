"""The kernel of the kit: whatever kernels a user has installed, `python3` is the Python that runs here."""

import sys

from ipykernel.kernelspec import RESOURCES, get_kernel_dict
from jupyter_client.kernelspec import NATIVE_KERNEL_NAME, KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager

MANAGER = f"{__name__}.OwnKernelSpecs"  # as the options of JupyterLab and Voila name it


class OwnKernelSpecs(KernelSpecManager):
    """Kernel specs among which `python3` is `sys.executable`; those of other names are found as Jupyter finds them.

    Jupyter itself prefers a `python3` in the user's home or in `JUPYTER_PATH` to that of the environment.
    """

    def find_kernel_specs(self) -> dict[str, str]:
        """Names and folders of kernel specs."""
        return {NATIVE_KERNEL_NAME: RESOURCES} | super().find_kernel_specs() | {NATIVE_KERNEL_NAME: RESOURCES}

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        """The spec of a name."""
        if kernel_name.lower() != NATIVE_KERNEL_NAME:
            return super().get_kernel_spec(kernel_name)
        spec = get_kernel_dict()
        # Braces in a command are filled in once: those that stand in the path of this Python stay so.
        spec["argv"][0] = sys.executable.replace(sys.prefix, "{prefix}", 1)
        return self.kernel_spec_class(name=NATIVE_KERNEL_NAME, resource_dir=RESOURCES, **spec)


class OwnKernelManager(AsyncKernelManager):
    """Starts kernels of `OwnKernelSpecs`."""

    def _kernel_spec_manager_default(self) -> KernelSpecManager:
        return OwnKernelSpecs(parent=self)
