"""What settings accept: names to choose from, and the check of a value."""

from recx.errors import SettingsError

NUMBER_FORMATS = ("auto", "bfloat16", "float16", "float32")
PROJECTORS = ("mlp", "linear", "moe")
TARGETS = ("sasrec", "mf", "lightgcn", "factors", "recbole", "rectools")


def require(holds: bool, key: str, accepted: str, value: object) -> None:
    """Check a value of a setting.

    Args:
        holds: whether the value is accepted.
        key: the setting as a user writes it, e.g. `align.fit.epochs`.
        accepted: what is accepted, as it follows "must be".
        value: the value.

    Raises:
        SettingsError: the value is not accepted.
    """
    if not holds:
        raise SettingsError(f"Setting {key!r} must be {accepted}, not {value!r}.")
