"""What settings accept: names to choose from, and the check of a value."""

from recx.errors import SettingsError

NUMBER_FORMATS = ("auto", "bfloat16", "float16", "float32")
PROJECTORS = ("mlp", "linear", "moe")
TARGETS = ("sasrec", "mf", "lightgcn", "factors", "recbole", "rectools")


class NotAcceptedError(SettingsError):
    """A value that a setting does not accept.

    Attributes:
        key: the setting; one that several groups of settings have is named as in the first of them.
        reason: what is accepted, and what was given.
    """

    def __init__(self, key: str, reason: str) -> None:
        super().__init__(f"Setting {key!r} {reason}")
        self.key, self.reason = key, reason


def require(holds: bool, key: str, accepted: str, value: object) -> None:
    """Check a value of a setting.

    Args:
        holds: whether the value is accepted.
        key: the setting as a user writes it, e.g. `align.fit.epochs`.
        accepted: what is accepted, as it follows "must be".
        value: the value.

    Raises:
        NotAcceptedError: the value is not accepted.
    """
    if not holds:
        raise NotAcceptedError(key, f"must be {accepted}, not {value!r}.")
