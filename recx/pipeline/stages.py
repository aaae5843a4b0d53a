"""The stages of the kit: which notebook makes which, from which inputs, and when one is up to date."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from recx import paths
from recx.data.registry import input_files
from recx.data.table_cache import file_digest
from recx.errors import CheckpointError, SettingsError
from recx.models.pretrained import backbone_folder
from recx.pipeline.imports import reached_from_notebook
from recx.settings import MODES, Settings
from recx.storage.run_folder import Run, digest, missing_files, read_manifest


@dataclass(frozen=True)
class Stage:
    """One stage.

    Attributes:
        notebook: stem of the notebook that makes it.
        sections: groups of settings it depends on, besides those of its inputs.
        inputs: stages it reads; `inputs_of` has those that depend on settings too.
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
}
# What `recx run` executes, in order; 05 launches 04 once for every mode.
DEFAULT_STAGES = (
    "tour", "data", "target", "tasks", "alignments", "effect", "quality", "discrimination", "cases", "faithfulness",
    "playground",
)  # fmt: skip
# What it executes only where it is named: the ablation trains anew.
OPTIONAL_STAGES = ("ablation",)
# Stages whose results differ between variants of the alignment, and so do those of whatever reads them.
_ALIGNMENT_STAGES = {"tasks", *ALIGN.values()}


# Folders of shipped data that a module reads as if they were part of it.
_SHIPPED_WITH = {"evaluation/published.py": "published", "playground/page_templates.py": "page"}


def inputs_of(stage: str, settings: Settings) -> tuple[str, ...]:
    """Stages that a stage reads: of the modes only those aligned; a mode may go on from another one."""
    aligned = [ALIGN[mode] for mode in settings.align.mode_list]
    inputs = tuple(name for name in STAGES[stage].inputs if name in aligned or name not in ALIGN.values())
    start = next((settings.align.start_of(mode)[0] for mode, name in ALIGN.items() if name == stage), "")
    return inputs + ((ALIGN[start],) if start else ())


def begin_stage(stage: str, settings: Settings) -> Run:
    """The run folder of a stage, ready to be written to.

    Raises:
        CheckpointError: an input has not been made yet; the message names the notebook that makes it.
    """
    run = run_of(stage, settings)
    for name in inputs_of(stage, settings):
        if not is_finished(name, settings):
            raise CheckpointError(
                f"Stage {stage!r} builds on {name!r}, which is not finished for these settings. "
                f"Run notebook {STAGES[name].notebook} first (recx run does all in order)."
            )
    return run.begin()


def run_of(stage: str, settings: Settings) -> Run:
    """The run of a stage, finished or not; nothing is written.

    Raises:
        SettingsError: there is no such stage.
    """
    if stage not in STAGES:
        raise SettingsError(f"Unknown stage {stage!r}. Known: {', '.join(STAGES)}.")
    inputs = {name: fingerprint(name, settings) for name in inputs_of(stage, settings)}
    variant = settings.variant if "align" in STAGES[stage].sections or inputs.keys() & _ALIGNMENT_STAGES else ""
    return Run(
        settings.profile, settings.dataset, stage, fingerprint(stage, settings), asdict(settings), inputs, variant
    )


def folder(stage: str, settings: Settings) -> Path:
    """Folder of a finished stage, to read from.

    Raises:
        CheckpointError: it is not finished for these settings.
    """
    run = run_of(stage, settings)
    if not is_finished(stage, settings):
        raise CheckpointError(f"{run.folder}: stage {stage!r} is not finished for these settings. Run recx run first.")
    return run.folder


def is_finished(stage: str, settings: Settings) -> bool:
    """Whether the stage was finished with just these settings, inputs and code, and its files are still there."""
    return not why_unfinished(stage, settings)


def why_unfinished(stage: str, settings: Settings) -> str:
    """Why a stage has to be made (again), in words; empty for a finished one."""
    if stage == "alignments":  # its notebook makes the modes, so it is finished only where they are
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
    return f"gone or changed on disk: {', '.join(gone[:3])}" if gone else ""


def fingerprint(stage: str, settings: Settings) -> str:
    """Hash of a stage's settings, code, notebook and inputs (data files by content)."""
    spec = STAGES[stage]
    values = {name: asdict(getattr(settings, name)) for name in spec.sections}
    if "data" in values:  # where the files lie does not matter, what is in them does
        values["data"] = values["data"] | {"data_dir": "", "name": settings.dataset}
    if "target" in values and settings.target.kind.endswith(".py"):
        values["target"] |= {"kind": settings.target.name, "file": _code_of_target(settings.target.kind)}
    if "target" in values and settings.target.files:
        values["target"] |= {"files": _files_of_target(settings.target.files)}
    if "align" in values:
        values["backbone"] = _backbone_files(settings)
        values["conversations"] = _conversation_files(settings)
    parts = [stage, settings.profile, json.dumps(values, sort_keys=True, default=str), code_digest(stage)]
    parts += [(paths.notebooks() / f"{spec.notebook}.ipynb").read_bytes()]
    if "data" in spec.sections:
        parts += [file_digest(p) for p in input_files(settings.data)]
    parts += [fingerprint(name, settings) for name in inputs_of(stage, settings)]
    return digest(parts)


def code_digest(stage: str) -> str:
    """Hash of the code that a stage depends on: whatever its notebook reaches through imports.

    The modules of settings are left out: their values are hashed, and a default changed elsewhere makes nothing stale.
    """
    package = paths.ROOT / "recx"
    reached = reached_from_notebook(paths.notebooks() / f"{STAGES[stage].notebook}.ipynb")
    modules = {m for m in reached if m != package / "settings.py" and m.parent.name != "profiles"}
    for module, folder in _SHIPPED_WITH.items():
        if package / module in modules:
            modules |= {p for p in (paths.shipped_data() / folder).rglob("*") if p.is_file()}
    return digest([p.read_bytes() for p in sorted(modules)])


def _code_of_target(kind: str) -> str:
    """A hash of the user's Python file; empty where there is none."""
    path = Path(kind).expanduser()
    return digest([path.read_bytes()]) if path.is_file() else ""


def _files_of_target(files: str) -> list[tuple[str, str]]:
    """Name and hash of each file that a recommender made elsewhere is read from; none where there is no such folder."""
    folder = Path(files).expanduser()
    return [(p.name, file_digest(p)) for p in sorted(folder.iterdir()) if p.is_file()] if folder.is_dir() else []


def _backbone_files(settings: Settings) -> str:
    """A hash of the backbone's files; the hub's name where it lies on no disk."""
    backbone = settings.align.backbone
    folder = Path(backbone_folder(backbone.name))
    if not folder.is_dir():
        return f"{backbone.name}@{backbone.revision}" if backbone.revision else backbone.name
    # By each file's own hash: a backbone of billions of weights is never held in memory, and read once a process.
    return digest([file_digest(p) for s in ("json", "jinja", "safetensors") for p in sorted(folder.glob(f"*.{s}"))])


def _conversation_files(settings: Settings) -> str:
    """A hash of the general conversations of task 5."""
    named = settings.align.conversations
    path = Path(named).expanduser() if named else paths.shipped_data() / "instructions"
    files = sorted(path.glob("*.json*")) if path.is_dir() else [path] if path.is_file() else []
    return digest([p.read_bytes() for p in files])
