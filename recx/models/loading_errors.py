"""Explanations of why a model cannot be loaded from the hub or a folder, with a remedy."""

from collections.abc import Iterator
from pathlib import Path

from huggingface_hub import errors as hub

from recx.errors import RecxError

_LONGEST = 400
_CONVERT = (
    "python -c \"from transformers import AutoModelForCausalLM as M, AutoTokenizer as T; n, to = '{name}', '{to}'; "
    "M.from_pretrained(n, {revision}use_safetensors=False, weights_only=True, dtype='auto').save_pretrained(to); "
    'T.from_pretrained(n{tokenizer}).save_pretrained(to)"'
)


def explain(error: Exception, name: str, revision: str = "") -> str:
    """Explain an error of transformers' `from_pretrained`.

    Args:
        error: the error raised; its causes say more than the error itself.
        name: hub id or folder.
        revision: revision of the hub id, if one was requested.
    """
    chain = list(_causes(error))

    def holds(*kinds: type[BaseException]) -> bool:
        return any(isinstance(e, kinds) for e in chain)

    if isinstance(error, RecxError):
        return str(error)
    if holds(hub.GatedRepoError):
        return (
            "its owner gives access only to those who have accepted the licence. Accept it on the model's page on the "
            "hub, create a token there, and log in on this machine with: hf auth login"
        )
    if holds(hub.RepositoryNotFoundError):
        return (
            "there is no folder and no repository on the hub of that name, or the repository is private. Names look "
            "like owner/model; for a private one, log in first: hf auth login"
        )
    if holds(hub.RevisionNotFoundError):
        return f"the repository has no branch, tag or commit {revision or 'main'!r} (align.backbone.revision)."
    if holds(hub.LocalEntryNotFoundError, hub.OfflineModeIsEnabled):
        return (
            "the hub cannot be reached (or HF_HUB_OFFLINE is set), and there is no local copy. Load the model once "
            "with a network connection, or name a folder; `recx backbone list` shows what works without the hub."
        )
    if "trust_remote_code" in str(error):
        return (
            "it contains its own Python code, which is never run here. Choose a model of a family that transformers "
            "itself supports."
        )
    folder = Path(name)
    if folder.is_dir() and not (folder / "config.json").is_file():
        return "the folder was not written by model.save_pretrained(folder): it has no config.json."
    if folder.is_dir() and not any(folder.glob("tokenizer*")) and not any(folder.glob("vocab*")):
        return "the folder has no tokenizer. Save the model's tokenizer to it: tokenizer.save_pretrained(folder)"
    if _lacks_safetensors(error, name):
        asked = f"revision='{revision}', " if revision else ""
        command = _CONVERT.format(
            name=name,
            to=f"{name.rstrip('/').rsplit('/', 1)[-1]}-safetensors",
            revision=asked,
            tokenizer=f", {asked[:-2]}" if asked else "",
        )
        return (
            "it has no weights in safetensors, only pickles (.bin) or none. Pickles can run code and are never read "
            f"here. This command reads only tensors and saves them as safetensors to a folder of your own: {command}"
        )
    return " ".join(str(error).split())[:_LONGEST]


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _lacks_safetensors(error: Exception, name: str) -> bool:
    """Whether safetensors are missing; transformers reports that with an OSError that names the file."""
    folder = Path(name)
    if folder.is_dir():
        return any(folder.glob("*.bin")) and not any(folder.glob("*.safetensors"))
    return isinstance(error, OSError) and "does not appear to have a file named model.safetensors" in str(error)
