"""What the record of a saved target says, read without loading the target."""

import json
from pathlib import Path

from recx.errors import CheckpointError
from recx.settings import TargetSettings


def length_read(folder: Path, settings: TargetSettings) -> int:
    """How many of the latest items a saved target reads, which a recommender of the user's own decides by itself.

    Args:
        folder: folder of the target.
        settings: settings that it was made with, whose length counts if there is no record.

    Raises:
        CheckpointError: the record is damaged.
    """
    file = folder / "target.json"
    if not file.exists():
        return settings.model.length
    try:
        length = json.loads(file.read_text(encoding="utf-8")).get("length", settings.model.length)
        if type(length) is not int or length < 1:
            raise ValueError(f"a length of {str(length)[:20]!r}")
    except (OSError, AttributeError, ValueError) as error:
        raise CheckpointError(f"{file}: cannot read the target's record ({error}). Rerun notebook 02.") from error
    return length
