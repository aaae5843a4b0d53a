"""The stages of a run: their notebooks, their inputs, and when they are up to date."""

import functools
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd

from recx import paths
from recx.alignment.relation_source import relation_source
from recx.data.people import people_files
from recx.data.registry import input_files
from recx.data.table_cache import file_digest
from recx.errors import CheckpointError, SettingsError
from recx.models.pretrained import backbone_folder, is_here
from recx.pipeline.imports import reached_from_notebook
from recx.profiles.resolve import default_filtering, resolve_settings
from recx.recommenders import custom_recommender
from recx.settings import MODES, Settings
from recx.storage.run_folder import Run, digest, missing_files, read_manifest


@dataclass(frozen=True)
class Stage:
    """One stage.

    Attributes:
        notebook: stem of the notebook that produces it.
        sections: groups of settings it depends on, besides those of its inputs.
        inputs: stages it reads; `inputs_of` also considers the settings.
    """

    notebook: str
    sections: tuple[str, ...]
    inputs: tuple[str, ...] = ()


ALIGN = {mode: f"align-{mode}" for mode in MODES}
STAGES: dict[str, Stage] = {
    "tour": Stage("00_tour", ("data", "align")),
    "data": Stage("01_dataset_statistics", ("data",)),
    "target": Stage("02_train_recommender", ("target",), ("data",)),
    "tasks": Stage("03_alignment_data", ("align",), ("target",)),
    **{stage: Stage("04_align_llm", (), ("tasks",)) for stage in ALIGN.values()},
    "alignments": Stage("05_launch_alignment", (), tuple(ALIGN.values())),
    "effect": Stage("06_alignment_effect", ("evaluate",), ("target", *ALIGN.values())),
    "quality": Stage("07_explanation_quality", ("evaluate",), ("target", *ALIGN.values())),
    "discrimination": Stage("08_discrimination", ("evaluate",), ("target", *ALIGN.values())),
    "cases": Stage("09_case_studies", ("evaluate",), ("target", *ALIGN.values(), "quality")),
    "ablation": Stage("10_ablation", ("align", "evaluate", "ablate"), ("target",)),
    "faithfulness": Stage("11_faithfulness", ("evaluate",), ("target", *ALIGN.values(), "quality")),
    "playground": Stage("12_playground", (), tuple(ALIGN.values())),
    "llmxrec": Stage("13_llmxrec", ("align", "evaluate", "llmxrec"), ("target",)),
    "xrec": Stage("14_xrec", ("data", "align", "xrec", "evaluate")),
    "questions": Stage("15_hard_questions", ("evaluate",), ("target", *ALIGN.values())),
    "rewards": Stage("16_rewards", ("evaluate", "rewards"), ("target", *ALIGN.values())),
}
# The stages that `recx run` executes, in order; notebook 05 launches notebook 04 once per mode.
DEFAULT_STAGES = (
    "tour", "data", "target", "tasks", "alignments", "effect", "quality", "discrimination", "cases", "faithfulness",
    "playground",
)  # fmt: skip
# Stages executed only on request: they train additional models, or ask what no model was trained for.
OPTIONAL_STAGES = ("ablation", "llmxrec", "xrec", "questions", "rewards")
# Stages whose results, and those of all stages that read them, differ between variants of the alignment.
_ALIGNMENT_STAGES = {"tasks", *ALIGN.values()}


# Folders of shipped data that count as part of a module's code.
_SHIPPED_WITH = {"evaluation/published.py": "published", "playground/page_templates.py": "page"}


def inputs_of(stage: str, settings: Settings) -> tuple[str, ...]:
    """List the stages that a stage reads: only the modes being aligned, including the mode it continues from.

    Notebook 13 needs no target if its recommendations come from the public files of LLMXRec.
    """
    if stage == "llmxrec" and settings.llmxrec.files:
        return ()
    aligned = [ALIGN[mode] for mode in settings.align.mode_list]
    inputs = tuple(name for name in STAGES[stage].inputs if name in aligned or name not in ALIGN.values())
    start = next((settings.align.start_of(mode)[0] for mode, name in ALIGN.items() if name == stage), "")
    return inputs + ((ALIGN[start],) if start in ALIGN else ())


def begin_stage(stage: str, settings: Settings) -> Run:
    """Prepare the run folder of a stage for writing.

    Raises:
        CheckpointError: an input is not finished; the message names the notebook that produces it.
    """
    pd.set_option("display.html.use_mathjax", False)  # a "$" in a title begins no formula
    run = run_of(stage, settings)
    if settings.target.kind.endswith(".py"):
        custom_recommender.remember(settings.target.kind)
    for name in inputs_of(stage, settings):
        if not is_finished(name, settings):
            raise CheckpointError(
                f"Stage {stage!r} depends on {name!r}, which is not finished for these settings. "
                f"Run notebook {STAGES[name].notebook} first (recx run executes all of them in order)."
            )
    return run.begin()


def run_of(stage: str, settings: Settings) -> Run:
    """Describe the run of a stage, whether finished or not, without writing anything.

    Raises:
        SettingsError: there is no such stage.
    """
    if stage not in STAGES:
        raise SettingsError(f"Unknown stage {stage!r}. Known: {', '.join(STAGES)}.")
    known: dict[str, str] = {}
    inputs = {name: _fingerprint(name, settings, known) for name in inputs_of(stage, settings)}
    variant = settings.variant if "align" in STAGES[stage].sections or inputs.keys() & _ALIGNMENT_STAGES else ""
    return Run(
        settings.profile,
        settings.dataset,
        stage,
        _fingerprint(stage, settings, known),
        asdict(settings),
        inputs,
        variant,
    )


def folder(stage: str, settings: Settings) -> Path:
    """Return the folder of a finished stage for reading.

    Raises:
        CheckpointError: the stage is not finished for these settings.
    """
    run = run_of(stage, settings)
    why = why_unfinished(stage, settings)
    if why:
        raise CheckpointError(
            f"{run.folder}: stage {stage!r} is not finished for these settings ({why}). Run this first, with the same "
            f"--set options: recx run --profile {settings.profile} --dataset {settings.dataset}"
        )
    return run.folder


def is_finished(stage: str, settings: Settings) -> bool:
    """Whether the stage was finished with exactly these settings, inputs and code, and its files are intact."""
    return not why_unfinished(stage, settings)


def why_unfinished(stage: str, settings: Settings) -> str:
    """Explain why a stage has to be run (again); empty if it is finished."""
    if stage == "alignments":  # its notebook trains the modes, so it is finished only if they are
        for name in inputs_of(stage, settings):
            why = why_unfinished(name, settings)
            if why:
                return f"{name}: {why}"
    run = run_of(stage, settings)
    manifest = read_manifest(run.folder)
    if manifest is None:
        return "not finished yet"
    if manifest.get("fingerprint") != run.fingerprint:
        return "settings, inputs or code have changed"
    gone = missing_files(run.folder, manifest)
    return f"files missing or changed on disk: {', '.join(gone[:3])}" if gone else ""


def has_current_inputs(stage: str, settings: Settings) -> bool:
    """Whether a stage was finished with today's inputs and its files are intact, whatever else has changed since."""
    run = run_of(stage, settings)
    manifest = read_manifest(run.folder)
    return bool(manifest) and manifest.get("inputs") == run.inputs and not missing_files(run.folder, manifest)


def fingerprint(stage: str, settings: Settings) -> str:
    """Hash a stage's settings, code, notebook and inputs (data files by their content)."""
    return _fingerprint(stage, settings, {})


def _fingerprint(stage: str, settings: Settings, known: dict[str, str]) -> str:
    """`fingerprint`, which keeps those of all stages in `known`: most stages are inputs of several others."""
    if stage not in known:
        known[stage] = digest(_what_it_depends_on(stage, settings, known))
    return known[stage]


def _what_it_depends_on(stage: str, settings: Settings, known: dict[str, str]) -> list[str | bytes]:
    spec = STAGES[stage]
    values = {name: asdict(getattr(settings, name)) for name in spec.sections}
    if "data" in values:  # the location of the files does not matter, only their content
        values["data"] = values["data"] | {"data_dir": "", "name": settings.dataset}
        values["filtering"] = default_filtering(settings.data.name)
    if stage == "tour":  # it opens the shipped model, where that is complete
        aligned = paths.shipped_data() / "aligned"
        backbone = resolve_settings("small", "demo").align.backbone.name
        values["shipped"] = [_files_in(str(folder)) for folder in sorted(aligned.rglob("*")) if folder.is_dir()]
        values["ready"] = is_here(backbone)
    if stage == ALIGN["relation"] and (source := relation_source(settings.align)):
        values["source"] = _files_in(str(source))
    if stage == "llmxrec":
        values["people"] = [file_digest(path) for path in people_files(settings.data)]
    if "evaluate" in values:
        values["encoder"] = _files_in(settings.evaluate.encoder)
    if "target" in values and settings.target.kind.endswith(".py"):
        values["target"] |= {"kind": settings.target.name, "file": _files_in(settings.target.kind)}
    if "target" in values and settings.target.files:
        values["target"] |= {"files": _files_in(settings.target.files)}
    if "evaluate" in values and settings.evaluate.imported:
        values["imported"] = _files_in(settings.evaluate.imported)
    if stage == "quality" and settings.evaluate.ratings:
        values["ratings"] = _files_in(settings.evaluate.ratings)
    if "llmxrec" in values:
        values["llmxrec"] |= {name: _files_in(values["llmxrec"][name]) for name in ("files", "instructions")}
    if "align" in values:
        values["backbone"] = _backbone_files(settings)
        general = str(paths.shipped_data() / "instructions")
        values["conversations"] = _files_in(settings.align.conversations or general)
    parts = [stage, settings.profile, json.dumps(values, sort_keys=True, default=str), code_digest(stage)]
    parts += [(paths.notebooks() / f"{spec.notebook}.ipynb").read_bytes()]
    if "data" in spec.sections:
        parts += [file_digest(p) for p in input_files(settings.data)]
    return parts + [_fingerprint(name, settings, known) for name in inputs_of(stage, settings)]


def code_digest(stage: str) -> str:
    """Hash the code that a stage depends on: all modules that its notebook imports, directly or indirectly.

    Modules that define settings are excluded: the settings' values are hashed instead, so that changing an unrelated
    default does not make the stage stale.
    """
    notebook = paths.notebooks() / f"{STAGES[stage].notebook}.ipynb"
    package, shipped = paths.ROOT / "recx", [paths.shipped_data() / folder for folder in _SHIPPED_WITH.values()]
    return _code_digest(notebook, _state_of([notebook, package, *shipped]))


@functools.lru_cache(maxsize=len(STAGES))
def _code_digest(notebook: Path, state: tuple[tuple[str, int, int], ...]) -> str:
    """`code_digest` of a notebook while the files are as `state` says."""
    package = paths.ROOT / "recx"
    modules = {m for m in reached_from_notebook(notebook) if m.parent.name not in ("settings", "profiles")}
    for module, folder in _SHIPPED_WITH.items():
        if package / module in modules:
            modules |= {p for p in (paths.shipped_data() / folder).rglob("*") if p.is_file()}
    return digest([p.read_bytes() for p in sorted(modules)])


def _state_of(places: Sequence[Path]) -> tuple[tuple[str, int, int], ...]:
    """Path, time of change and size of files, and of everything in folders: equal as long as nothing has changed."""
    inside = (os.path.join(folder, name) for place in places for folder, _, names in os.walk(place) for name in names)
    files = [*(str(place) for place in places if place.is_file()), *(p for p in inside if not p.endswith(".pyc"))]
    # An editor's link to nowhere is no file.
    return tuple((p, (found := os.stat(p)).st_mtime_ns, found.st_size) for p in files if os.path.exists(p))


def _files_in(files: str) -> list[tuple[str, str]]:
    """Name and hash of each file in a folder, or of one file; none where there is neither."""
    folder = paths.expanded(files)
    found = [p for p in (sorted(folder.iterdir()) if folder.is_dir() else [folder]) if files and p.is_file()]
    return [(p.name, file_digest(p)) for p in found]


def _backbone_files(settings: Settings) -> str:
    """Hash the backbone's files, or return its hub id if it is not on disk."""
    backbone = settings.align.backbone
    folder = Path(backbone_folder(backbone.name))
    if not folder.is_dir():
        return f"{backbone.name}@{backbone.revision}" if backbone.revision else backbone.name
    # Files are hashed one by one, so that a large backbone is never held in memory and is read once per process.
    kinds = ("json", "jinja", "safetensors", "txt", "model", "tiktoken")
    return digest([file_digest(p) for kind in kinds for p in sorted(folder.glob(f"*.{kind}"))])
