"""Run folders: the output of one stage of one profile on one data set.

`runs/<profile>/<dataset>/<stage>/` holds the settings, tables, weights and metrics of a stage. `manifest.json` is
written last: it exists only if the stage finished, and records the fingerprint of that run.
"""

import contextlib
import hashlib
import json
import math
import os
import platform
import shutil
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl

from recx import paths
from recx.errors import CheckpointError
from recx.storage.atomic_files import replace_file, replacing
from recx.storage.locks import hold, release

RECORD = tuple("profile dataset stage method mode decoding control verdict metric value low high n".split())
_CHECKPOINTS = "checkpoints"
_PACKAGES = ("torch", "transformers", "peft", "numpy", "polars", "recx")


@dataclass
class Run:
    """One run of a stage.

    Attributes:
        profile: name of the profile.
        dataset: name of the data set.
        stage: name of the stage.
        fingerprint: hash of settings, inputs and code; equal fingerprints give equal results.
        config: settings as plain values.
        inputs: stage -> fingerprint, for the stages this one depends on.
        variant: name of a variant, whose stages are stored separately in `variants/<variant>/`.
    """

    profile: str
    dataset: str
    stage: str
    fingerprint: str
    config: dict[str, Any] = field(default_factory=dict)
    inputs: dict[str, str] = field(default_factory=dict)
    variant: str = ""
    started: float = field(default_factory=time.time)

    @property
    def folder(self) -> Path:
        """Folder of the stage's files."""
        base = paths.runs() / self.profile / self.dataset
        return (base / "variants" / self.variant if self.variant else base) / self.stage

    @property
    def texts(self) -> Path:
        """Folder of generated texts, shared by all stages of this profile and data set."""
        return paths.runs() / self.profile / self.dataset / "texts"

    def begin(self) -> "Run":
        """Create and lock the folder, delete an earlier manifest, and store the settings.

        Raises:
            CheckpointError: the folder is not writable, or another process uses it.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            hold(self.folder)
            (self.folder / "manifest.json").unlink(missing_ok=True)
            write_json(self.folder / "config.json", self.config)
        except OSError as error:
            raise CheckpointError(
                f"{self.folder} cannot be written ({error.strerror or error}). Set RECX_RUNS_DIR to another folder."
            ) from error
        return self

    def checkpoints(self) -> Path:
        """Folder for checkpoints of this fingerprint; checkpoints of other fingerprints are deleted."""
        base = self.folder / _CHECKPOINTS
        if base.is_dir():
            for other in base.iterdir():
                if other.is_dir() and other.name != self.fingerprint:
                    shutil.rmtree(other)
        return base / self.fingerprint

    def save_frame(self, name: str, frame: pd.DataFrame) -> None:
        """Write a frame as `<name>.parquet`, without its index; `read_frame` reads it back."""
        with replacing(self.folder / f"{name}.parquet") as beside:
            # Converted through lists, since pandas itself and polars' direct conversion require pyarrow.
            pl.DataFrame(frame.to_dict("list"), infer_schema_length=None).write_parquet(beside)

    def save_json(self, name: str, value: Any) -> None:
        """Write `<name>.json`."""
        write_json(self.folder / f"{name}.json", value)

    def record(self, rows: Iterable[dict[str, Any]]) -> pl.DataFrame:
        """Write `metrics.json`: rows with `method, metric, value` and optionally other fields of `RECORD`."""
        own = {"profile": self.profile, "dataset": self.dataset, "stage": self.stage}
        defaults = {"mode": "", "decoding": "", "control": "", "verdict": "", "low": None, "high": None, "n": None}
        records = [{key: _finite((own | defaults | row)[key]) for key in RECORD} for row in rows]
        write_json(self.folder / "metrics.json", records)
        return pl.DataFrame(records, infer_schema_length=None)

    def finish(self, seed: int) -> None:
        """Write the manifest, which marks the stage as finished, and delete checkpoints."""
        for weights in self.folder.rglob("*.safetensors"):  # safetensors makes them readable by their owner only
            shutil.copymode(self.folder / "config.json", weights)
        manifest = {
            "stage": self.stage,
            "fingerprint": self.fingerprint,
            "inputs": self.inputs,
            "seed": seed,
            "seconds": round(time.time() - self.started, 1),
            "finished": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
            "device": _device(),
            "versions": _versions(),
            "files": _sizes(self.folder),
        }
        write_json(self.folder / "manifest.json", manifest)
        shutil.rmtree(self.folder / _CHECKPOINTS, ignore_errors=True)  # last, as a training may have taken hours
        release(self.folder)


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """The manifest of a finished stage; None if it did not finish or the file is damaged."""
    try:
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return manifest if isinstance(manifest, dict) else None


def missing_files(folder: Path, manifest: dict[str, Any]) -> list[str]:
    """Files of a finished stage that are missing or whose size has changed since."""
    listed = manifest.get("files")
    if not isinstance(listed, dict):
        return ["files"]
    inside = [name for name in listed if not Path(name).is_absolute() and ".." not in Path(name).parts]
    if len(inside) < len(listed):
        return ["files"]
    return [name for name, size in listed.items() if _size(folder / name) != size]


def read_json(path: Path) -> Any:
    """Read a JSON file of a run.

    Raises:
        CheckpointError: the file is missing or damaged.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise CheckpointError(f"{path}: cannot be read ({error}). Delete its folder and rerun.") from error


def read_kept(path: Path, fingerprint: str) -> dict[str, Any] | None:
    """What an interrupted run kept as a JSON object with its `fingerprint`; None if missing, damaged or another's."""
    try:
        kept = read_json(path)
    except CheckpointError:
        return None
    return kept if isinstance(kept, dict) and kept.get("fingerprint") == fingerprint else None


def read_frame(path: Path) -> pd.DataFrame:
    """Read a frame written by `Run.save_frame`.

    Raises:
        CheckpointError: the file is missing or damaged.
    """
    try:
        return pd.DataFrame(pl.read_parquet(path, glob=False).to_dict(as_series=False))
    except (OSError, pl.exceptions.PolarsError) as error:
        raise CheckpointError(f"{path}: cannot be read ({error}). Delete its folder and rerun.") from error


def write_json(path: Path, value: Any) -> None:
    """Write JSON atomically, with null in place of numbers that are not finite, which JSON does not have."""
    replace_file(path, json.dumps(_all_finite(value), indent=1, default=_plain, allow_nan=False))


def results(root: Path | None = None) -> list[dict[str, Any]]:
    """Metric records of all finished stages, in folder order."""
    root = root or paths.runs()
    records: list[dict[str, Any]] = []
    for manifest in sorted(root.glob("*/*/*/manifest.json")):
        metrics = manifest.parent / "metrics.json"
        if read_manifest(manifest.parent) and metrics.is_file():
            records += read_json(metrics)
    return records


def digest(parts: Sequence[bytes | str]) -> str:
    """A short hash of an ordered sequence of texts and bytes."""
    sha = hashlib.sha256()
    for part in parts:
        raw = part.encode() if isinstance(part, str) else part
        sha.update(len(raw).to_bytes(8, "little") + raw)
    return sha.hexdigest()[:16]


def _sizes(folder: Path) -> dict[str, int]:
    """Sizes of a stage's files, except the executed notebook, which is still being written, and hidden ones."""
    files = [p for p in sorted(folder.rglob("*")) if p.is_file() and p.suffix not in (".ipynb", ".part", ".lock")]
    files = [p for p in files if not p.name.startswith(".") and p.name != "manifest.json"]
    names = {p.relative_to(folder).as_posix(): p for p in files if p.relative_to(folder).parts[0] != _CHECKPOINTS}
    return {name: path.stat().st_size for name, path in names.items()}


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return -1


def _finite(value: Any) -> Any:
    """Replace a value that is not finite (e.g. a mean over nothing) by None, since JSON has no NaN."""
    value = value.item() if isinstance(value, np.generic) else value
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _all_finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _all_finite(own) for key, own in value.items()}
    return [*map(_all_finite, value)] if isinstance(value, (list, tuple)) else _finite(value)


def _plain(value: Any) -> Any:
    """A number of numpy as a number of Python; anything else that JSON does not have, such as a path, as text."""
    return _finite(value) if isinstance(value, np.generic) else str(value)


def _versions() -> dict[str, str]:
    versions = {"python": platform.python_version()}
    for name in _PACKAGES:
        with contextlib.suppress(PackageNotFoundError):  # a plain checkout is not an installed package
            versions[name] = version(name)
    return versions


def _device() -> str:
    import torch

    return torch.cuda.get_device_name() if torch.cuda.is_available() else f"CPU, {os.cpu_count()} cores"
