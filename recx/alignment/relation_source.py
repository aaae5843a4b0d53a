"""The model of another recommender from which a relation mode can start, instead of from its own hybrid mode.

Relation tokens mean the same for every recommender: roles, effects and places. A language model that has learnt to put
them into words does so for any other one, whose encoder is all that has to be fitted (docs/decisions/109).
"""

from pathlib import Path

from recx import paths
from recx.errors import SettingsError
from recx.models.saved_models import read_record
from recx.settings import AlignSettings

_MUST_MATCH = ("name", "revision", "lora_rank", "lora_alpha", "frozen")


def relation_source(align: AlignSettings) -> Path | None:
    """The folder of the model that `align.relation_from` names; None if the relation mode starts from the hybrid mode.

    Raises:
        SettingsError: there is no such model, or it does not fit the settings.
        CheckpointError: its record is damaged.
    """
    if align.relation_from == "hybrid" or "relation" not in align.mode_list:
        return None
    given, name = f"align.relation_from={align.relation_from!r}", align.backbone.name
    if align.relation_from == "shipped":
        folder = paths.shipped_data() / "aligned" / f"demo-{name}" / "relation"
        if not folder.is_dir():
            raise SettingsError(
                f"{given}: no aligned model ships for the backbone {name!r}, only for smollm2-135m (--profile small)."
            )
    else:
        folder = paths.expanded(align.relation_from)
    if not (folder / "aligned.json").is_file():
        raise SettingsError(
            f"{given} is neither 'hybrid' nor 'shipped', and {folder} is no folder of an aligned model: it contains no "
            "aligned.json."
        )
    backbone, mode, record = read_record(folder)
    if mode != "relation":
        raise SettingsError(f"{given} was aligned in the {mode} mode; expected a model of the relation mode.")
    theirs, ours = ({n: getattr(b, n) for n in _MUST_MATCH} for b in (backbone, align.backbone))
    theirs["inject"], ours["inject"] = bool(record.get("inject", False)), align.inject
    if theirs != ours:
        raise SettingsError(f"{given} was aligned with {_named(theirs)}, but these settings have {_named(ours)}.")
    return folder


def _named(values: dict[str, object]) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in values.items())
