"""A recommender written outside the package: a Python file with `build` and, where it learns, `fit`."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

from recx.errors import SettingsError


def load_module(path: str) -> ModuleType:
    """Run a recommender's file, which the user named, and return it as a module.

    Raises:
        SettingsError: there is no such file, it fails, or it has no function `build`.
    """
    file = Path(path).expanduser()
    if file.suffix != ".py" or not file.is_file():
        raise SettingsError(f"Setting 'target.kind': {path!r} is no Python file with a function build(items, length).")
    spec = importlib.util.spec_from_file_location(f"recx_custom_{file.stem}", file)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where dataclasses, for one, look their module up
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise SettingsError(f"{file}: cannot be run ({type(error).__name__}: {error}).") from error
    if not callable(getattr(module, "build", None)):
        raise SettingsError(f"{file}: needs a function build(items, length) that gives the recommender.")
    return module
