"""A recommender written outside the package: a Python file with `build` and, if it is trained here, `fit`."""

import contextlib
import hashlib
import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

from recx import paths
from recx.errors import SettingsError
from recx.storage.atomic_files import replace_file


def remember(path: str) -> None:
    """Record that the user has run a recommender's file, in its present form, by naming it in the settings."""
    file = paths.expanded(path).resolve()
    with contextlib.suppress(OSError):  # then it has to be named again
        record = _record() | {str(file): _digest(file)}
        paths.config().mkdir(parents=True, exist_ok=True)
        replace_file(_record_file(), json.dumps(record, indent=1))


def require_remembered(path: str) -> None:
    """Refuse a recommender's file that a run names, and that the user has never run in this form.

    A run may come from somebody else, together with a file whose code would then be executed when the run is opened.

    Raises:
        SettingsError: the file was never named in this user's settings, or has changed since.
    """
    file = paths.expanded(path).resolve()
    try:
        known = _record().get(str(file)) == _digest(file)
    except OSError:
        known = True  # `load_module` says what is wrong with it
    if not known:
        raise SettingsError(
            f"This run names the recommender in {file}. To open it, that code has to be executed, and you have not run "
            "it in its present form. If you trust it, name it yourself once: recx run 02 --set target.kind=... with "
            "the other settings of the run."
        )


def _record_file() -> Path:
    return paths.config() / "recommenders.json"


def _record() -> dict[str, str]:
    try:
        record = json.loads(_record_file().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


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
        del sys.modules[spec.name]
        raise SettingsError(f"{file}: cannot be run ({type(error).__name__}: {error}).") from error
    if not callable(getattr(module, "build", None)):
        raise SettingsError(f"{file}: needs a function build(items, length) that returns the recommender.")
    return module
