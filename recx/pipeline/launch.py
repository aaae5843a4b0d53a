"""Executing notebooks as runs: each in its own kernel, with parameters passed by papermill."""

import os
import sys
import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recx import paths
from recx.data.registry import find_source, is_name, obtain, warnings_of
from recx.data.xrec_files import holds_pairs, read_explained_pairs
from recx.errors import RecxError, SettingsError
from recx.models.pretrained import require_here
from recx.pipeline.stages import ALIGN, DEFAULT_STAGES, OPTIONAL_STAGES, STAGES, run_of, why_unfinished
from recx.profiles.resolve import resolve_settings
from recx.settings import Settings
from recx.settings.accepted_values import TARGETS
from recx.storage.locks import hold, release

LAUNCH = ".launch.lock"
FILES = (
    "align.conversations", "evaluate.ratings", "evaluate.imported", "target.files", "llmxrec.files",
    "llmxrec.instructions",
)  # fmt: skip
NAMES = (*TARGETS, "hybrid", "shipped")
# These may be names instead of paths.
PATHS = (*FILES, "align.backbone.name", "align.relation_from", "target.kind", "evaluate.encoder")
# Settings that have their own command-line option.
OPTIONS = {"profile": "profile", "data.name": "dataset", "data.data_dir": "data-dir"}
QUIET = {
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",  # also hides "Loading weights" of transformers
    "TRANSFORMERS_VERBOSITY": "error",  # its advice is logged as warnings
    "PYTHONWARNINGS": "ignore::DeprecationWarning,ignore::FutureWarning,ignore:Glyph:UserWarning",
}

KERNEL = [
    "--IPKernelApp.log_level=50",  # a kernel logs its shutdown as an error
    "--IPKernelApp.exec_lines=from recx.pipeline.collector import spare_imports; spare_imports(); del spare_imports",
]


@dataclass(frozen=True)
class Plan:
    """What a run will do, checked in advance.

    Attributes:
        settings: settings of the run.
        stages: stages to execute, in order.
        parameters: parameters of every notebook: profile, dataset, data_dir, overrides.
    """

    settings: Settings
    stages: tuple[str, ...]
    parameters: dict[str, Any]


def quiet_libraries() -> None:
    """Suppress other libraries' progress bars and advice in this process and its future subprocesses.

    Environment variables that are already set keep their values.
    """
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    for category in (DeprecationWarning, FutureWarning):  # this process has already read its variables
        warnings.simplefilter("ignore", category)


def resolve_notebooks(names: Sequence[str]) -> list[str]:
    """Convert notebook names (number, stem or stage) to stages, in order; all default stages if there are none.

    Raises:
        SettingsError: there is no notebook of that name.
    """
    if not names:
        return list(DEFAULT_STAGES)
    stages, chosen = (*DEFAULT_STAGES, *OPTIONAL_STAGES), []
    for name in names:
        stem = Path(name).name.removesuffix(".ipynb")
        fits = [s for s in stages if stem in (s, STAGES[s].notebook, STAGES[s].notebook.split("_")[0])]
        if not fits and stem in ("04", STAGES["align-hybrid"].notebook):
            fits = ["alignments"]  # one notebook, launched once per mode
        if not fits:
            known = ", ".join(sorted(STAGES[s].notebook for s in stages))
            raise SettingsError(f"There is no notebook {name!r}. Known: {known}.")
        chosen += fits
    return sorted(set(chosen), key=stages.index)


def launch(stage: str, chosen: Settings, parameters: dict[str, Any], quiet: bool = False) -> bool:
    """Execute the notebook of a stage unless it is up to date.

    Args:
        stage: name of the stage.
        chosen: settings, which determine the run folder.
        parameters: values for the notebook's parameters cell.
        quiet: do not show a progress bar.

    Returns:
        Whether it was executed (False if it was already finished).

    Raises:
        RecxError: a cell failed; the message is the cell's error, and the executed copy shows the details.
    """
    spec, run = STAGES[stage], run_of(stage, chosen)
    if not why_unfinished(stage, chosen):
        print(f"{stage:<18} already finished, skipped", flush=True)
        return False
    try:
        run.folder.mkdir(parents=True, exist_ok=True)
        hold(run.folder, LAUNCH)  # detects another launch before the notebook starts
    except OSError as error:
        raise RecxError(
            f"{run.folder} cannot be written ({error.strerror or error}). Name another folder with RECX_RUNS_DIR."
        ) from error
    try:
        hold(run.folder)  # a kernel left by a killed command may still be at work; then our own kernel takes the lock
        release(run.folder)
        why = why_unfinished(stage, chosen)
        if not why:
            print(f"{stage:<18} finished by another command in the meantime, skipped", flush=True)
            return False
        started = time.monotonic()
        print(f"{stage:<18} {spec.notebook} ... ({why})", flush=True)
        _execute(stage, spec.notebook, run.folder, parameters, quiet)
        print(f"{stage:<18} done in {time.monotonic() - started:.0f} s", flush=True)
        return True
    finally:
        release(run.folder, LAUNCH)


def _execute(stage: str, notebook: str, folder: Path, parameters: dict[str, Any], quiet: bool) -> None:
    import papermill
    from nbclient.exceptions import DeadKernelError
    from papermill.exceptions import PapermillExecutionError

    from recx.pipeline.kernels import OwnKernelManager

    executed = folder / f"{notebook}.ipynb"
    quiet_libraries()
    try:
        papermill.execute_notebook(
            _literal(paths.notebooks() / f"{notebook}.ipynb"),
            _literal(executed),
            parameters=parameters,
            kernel_name="python3",
            kernel_manager_class=OwnKernelManager,
            cwd=str(paths.ROOT),
            progress_bar=not quiet and sys.stderr.isatty(),
            log_output=False,
            extra_arguments=KERNEL,
        )
    except PapermillExecutionError as error:
        raise RecxError(
            f"Stage {stage!r} failed in cell {error.exec_count} of {notebook}: {error.ename}: {error.evalue}\n"
            f"The executed copy is {executed}"
        ) from error
    except DeadKernelError as error:
        raise RecxError(
            f"Stage {stage!r}: the process that ran {notebook} died, most likely because it ran out of memory. Rerun "
            f"the same command to resume from the last checkpoint. The cells executed so far are in {executed}"
        ) from error
    except RuntimeError as error:  # from the client, which waits for the kernel to respond
        raise RecxError(
            f"Stage {stage!r}: {sys.executable} could not start a kernel ({error}). See above for the reason."
        ) from error
    except OSError as error:
        raise RecxError(
            f"Stage {stage!r}: {executed} cannot be written ({error.strerror or error}). Finished work is kept; rerun "
            "the same command to resume."
        ) from error


def _literal(path: Path) -> str:
    """Escape braces in a path, because papermill substitutes parameters for `{name}` in paths."""
    return str(path).replace("{", "{{").replace("}", "}}")


def launch_alignments(chosen: Settings, parameters: dict[str, Any]) -> dict[str, str]:
    """Run notebook 04 once for each mode of the settings.

    Args:
        chosen: settings of the run.
        parameters: parameters of the notebook, except `mode`.

    Returns:
        mode -> "trained" or "finished before".
    """
    return {
        mode: "trained" if launch(ALIGN[mode], chosen, parameters | {"mode": mode}, quiet=True) else "finished before"
        for mode in chosen.align.mode_list
    }


def run_parameters(profile: str, dataset: str, data_dir: str, overrides: Mapping[str, str]) -> dict[str, Any]:
    """The arguments of `resolve_settings` that identify a run; they are parameters of the notebooks too.

    Kernels run in the folder of the kit, so paths relative to the current folder are made absolute.

    Args:
        profile: name of the profile.
        dataset: name or folder of the data set.
        data_dir: folder with data sets obtained elsewhere.
        overrides: dotted keys and values.

    Raises:
        SettingsError: a setting has its own command-line option, or names a file that does not exist.
    """
    data_dir = _absolute(data_dir) if data_dir else ""
    dataset = _absolute(dataset) if not is_name(dataset) and paths.expanded(dataset).is_dir() else dataset
    overrides = dict(overrides)
    for key, option in OPTIONS.items():
        if key in overrides:
            raise SettingsError(f"Use --{option} instead of --set for the setting {key!r}.")
    for key in PATHS:
        value = str(overrides.get(key, ""))
        if value in NAMES:  # even if there is a folder of that name
            continue
        if value and paths.expanded(value).exists():
            overrides[key] = _absolute(value)
        elif value and (key in FILES or value.endswith(".py")):
            raise SettingsError(f"Setting {key!r} is {value!r}, but there is no such file or folder.")
    return {"profile": profile, "dataset": dataset, "data_dir": data_dir, "overrides": overrides}


def prepare(names: Sequence[str], profile: str, dataset: str, data_dir: str, overrides: Mapping[str, str]) -> Plan:
    """Check everything that a run needs, and download the data set if it is missing and can be downloaded.

    Args:
        names: names of notebooks, as for `resolve_notebooks`.
        profile: name of the profile.
        dataset: name or folder of the data set.
        data_dir: folder with data sets obtained elsewhere.
        overrides: dotted keys and values.

    Raises:
        SettingsError: there is no such notebook, profile, data set, setting or file.
        DataError: files of the data set are missing and cannot be downloaded.
        CheckpointError: the backbone has to be downloaded first.
    """
    parameters = run_parameters(profile, dataset, data_dir, overrides)
    plan = Plan(resolve_settings(**parameters), tuple(resolve_notebooks(names)), parameters)
    require_here(plan.settings.align.backbone.name)
    source = find_source(parameters["dataset"])
    obtain(source, parameters["data_dir"])
    if plan.stages == ("xrec",) and holds_pairs(source.custom_folder):  # it reads them as they are, unfiltered
        read_explained_pairs(source.custom_folder)
        return plan
    for warning in warnings_of(plan.settings.data):
        print(f"Note: {warning}", flush=True)
    return plan


def run_all(plan: Plan) -> int:
    """Execute the notebooks of a plan that are not up to date, in order; returns the number executed."""
    settle_environment()
    return sum(launch(stage, plan.settings, plan.parameters) for stage in plan.stages)


def settle_environment() -> None:
    """Set environment variables so that subprocesses find the package and the same folders wherever they run.

    Raises:
        RecxError: Python cannot import packages from the folder of the kit.
    """
    if os.pathsep in str(paths.ROOT):
        raise RecxError(f"{paths.ROOT}: Python cannot import from a path that contains {os.pathsep!r}. Move the kit.")
    for name in ("RECX_RUNS_DIR", "RECX_DATA_DIR", "RECX_CACHE_DIR", "RECX_CONFIG_DIR"):
        if os.environ.get(name):
            os.environ[name] = _absolute(os.environ[name])
    # The kernel must find the package even if it is not installed.
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(paths.ROOT), os.environ.get("PYTHONPATH", "")]))


def _absolute(path: str) -> str:
    return str(paths.expanded(path).resolve())
