"""A recommender written outside the package: a Python file with `build` and, if it is trained here, `fit`."""

import importlib.util
import sys
from types import ModuleType

from recx import paths
from recx.errors import SettingsError


def load_module(path: str) -> ModuleType:
    """Run a recommender's file, named by the user, and return it as a module.

    Raises:
        SettingsError: the file does not exist, lies in the folder of runs, fails, or has no function `build`.
    """
    file = paths.expanded(path)
    if file.suffix != ".py" or not file.is_file():
        raise SettingsError(
            f"Setting 'target.kind': {path!r} is not a Python file with a function build(items, length)."
        )
    if file.resolve().is_relative_to(paths.runs().resolve()):
        raise SettingsError(
            f"Setting 'target.kind': {path!r} lies in the folder of runs. A run may come from somebody else, so no "
            "code from there is executed; move the file elsewhere if you trust it."
        )
    spec = importlib.util.spec_from_file_location(f"recx_custom_{file.stem}", file)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses, for example, look up their module here
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise SettingsError(f"{file}: cannot be run ({type(error).__name__}: {error}).") from error
    if not callable(getattr(module, "build", None)):
        raise SettingsError(f"{file}: needs a function build(items, length) that returns the recommender.")
    return module
