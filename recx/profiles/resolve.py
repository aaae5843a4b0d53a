"""Resolution of a run's settings from its profile, data set, kind of target and command line.

The overrides are TOML files beside this module: `tiny.toml` and the other profiles fit a machine, `datasets/` holds
those of each data set (in a table `[profile.NAME]` for that profile only; in `[filtering.FILE]` the filters for that
form of its files), and `targets/` those of each kind of target.
"""

import dataclasses
import difflib
import json
import math
import textwrap
import threading
import tomllib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import tyro
from tyro.constructors import ConstructorRegistry, PrimitiveConstructorSpec, PrimitiveTypeInfo

from recx.errors import SettingsError
from recx.settings import DataSettings, Settings
from recx.settings.accepted_values import NotAcceptedError, require

FOLDER = Path(__file__).parent
PROFILES = tuple(sorted(path.stem for path in FOLDER.glob("*.toml")))
BOOLEANS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_PARSING = threading.Lock()  # tyro keeps rules and caches in module globals


def resolve_settings(
    profile: str = "tiny", dataset: str = "demo", data_dir: str = "", overrides: Mapping[str, Any] | None = None
) -> Settings:
    """Settings of a profile for a data set.

    Later sources override earlier ones, in this order: profile, data set, data set on that profile, kind of target,
    `overrides`.

    Args:
        profile: one of `PROFILES`.
        dataset: name or folder.
        data_dir: folder with data sets obtained elsewhere.
        overrides: dotted keys and values, e.g. `{"target.epochs": 5}`; text is converted to the field's type.

    Raises:
        SettingsError: unknown profile or key, or a value of the wrong type.
    """
    if profile not in PROFILES:
        raise SettingsError(f"Unknown profile {profile!r}. Available: {', '.join(PROFILES)}.")
    overrides = overrides or {}
    own = _read("datasets", dataset)
    own.pop("filtering", None)
    on_profile = own.pop("profile", {}).get(profile, {})
    kind = _read("targets", str(overrides.get("target.kind", "")))
    changes = {"profile": profile, "data.name": dataset, "data.data_dir": data_dir or ""}
    for part in (_read("", profile), own, on_profile, kind):
        changes |= flatten(part)
    return _changed(Settings(), changes | dict(overrides))


def settings_of(config: Path) -> Settings:
    """Read the settings from a run's `config.json`.

    Raises:
        SettingsError: the file is damaged, or was written by another version of the kit.
    """
    try:
        values = json.loads(config.read_text(encoding="utf-8"))
        profile, data = values.pop("profile"), values["data"]
        return resolve_settings(profile, data["name"], data["data_dir"], flatten(values))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise SettingsError(f"{config} does not contain valid settings of a run ({error}).") from error


def default_filtering(dataset: str) -> dict[str, dict[str, int]]:
    """A data set's default filters (for settings of -1): the first file of a layout -> field of `Filtering` -> bound.

    The name is empty for a data set without files.
    """
    return _read("datasets", dataset).get("filtering", {})


def _read(folder: str, name: str) -> dict[str, Any]:
    """The overrides in one file; empty if a data set or kind of target has none."""
    files = {path.stem: path for path in (FOLDER / folder).glob("*.toml")}
    return tomllib.loads(files[name].read_text(encoding="utf-8")) if name in files else {}


def flatten(values: Mapping[str, Any], head: str = "") -> dict[str, Any]:
    """Flatten nested values to dotted keys: `{"target": {"epochs": 5}}` -> `{"target.epochs": 5}`."""
    flat: dict[str, Any] = {}
    for name, value in values.items():
        flat |= flatten(value, f"{head}{name}.") if isinstance(value, Mapping) else {f"{head}{name}": value}
    return flat


def differences(settings: Settings, base: Settings) -> dict[str, Any]:
    """Values that differ from those of `base`, by dotted key."""
    usual = flatten(dataclasses.asdict(base))
    return {key: value for key, value in flatten(dataclasses.asdict(settings)).items() if value != usual[key]}


def _changed(settings: Settings, changes: Mapping[str, Any]) -> Settings:
    """Apply changes through tyro, which converts each value to the type of its field."""
    known = flatten(dataclasses.asdict(settings))
    for key in changes:
        if key not in known:
            raise _unknown(key, known)
    words = [f"--{key}={value}" for key, value in changes.items()]
    try:
        with _PARSING:
            chosen = tyro.cli(
                Settings,
                default=settings,
                args=words,
                registry=_REGISTRY,
                config=(tyro.conf.FlagConversionOff,),
                add_help=False,
                console_outputs=False,
            )
        for key, value in flatten(dataclasses.asdict(chosen)).items():
            require(not key.endswith("seed") or value >= 0, key, "at least 0", value)
        return chosen
    except _WrongTypeError as error:
        key = next(k for k, v in changes.items() if type(known[k]) is error.kind and str(v) == error.text)
        raise SettingsError(f"Setting {key!r} must be of type {error.kind.__name__}, not {error.text!r}.") from error
    except NotAcceptedError as error:
        # Several groups have the same settings (`align.fit`, `xrec.fit`): the one that was changed is meant.
        field = error.key.rpartition(".")[2]
        meant = [key for key in changes if key.rpartition(".")[2] == field]
        if error.key in meant or not meant:
            raise
        raise SettingsError(f"Setting {meant[-1]!r} {error.reason}") from error


def _unknown(key: str, known: Iterable[str]) -> SettingsError:
    inside = [name.removeprefix(f"{key}.") for name in known if name.startswith(f"{key}.")]
    if inside:
        return SettingsError(f"Setting {key!r} is a group of settings; set one of {', '.join(inside)}.")
    near = difflib.get_close_matches(key, known, 3, cutoff=0.85)
    group = key.rpartition(".")[0]
    siblings = [name for name in known if group and name.rpartition(".")[0] == group]
    groups = sorted({name.partition(".")[0] for name in known})
    return SettingsError(f"Unknown setting {key!r}. Similar settings: {', '.join(near or siblings or groups)}.")


class _WrongTypeError(Exception):
    """Text that cannot be converted; not a ValueError, which tyro would print in its own format."""

    def __init__(self, kind: type, text: str) -> None:
        super().__init__(text)
        self.kind, self.text = kind, text


def _whole(text: str) -> int:
    """Parse an integer, also one written as 2e4."""
    number = float(text)
    if number != int(number):
        raise ValueError(text)
    return int(number)


def _finite(text: str) -> float:
    """Parse a number; NaN and infinity mean nothing in any setting."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def _rule(kind: type, convert: Callable[[str], Any]) -> Callable[[PrimitiveTypeInfo], PrimitiveConstructorSpec | None]:
    def read(texts: list[str]) -> Any:
        try:
            return convert(texts[0])
        except (ValueError, KeyError, OverflowError) as error:
            raise _WrongTypeError(kind, texts[0]) from error

    def rule(info: PrimitiveTypeInfo) -> PrimitiveConstructorSpec | None:
        if info.type is not kind:
            return None
        return PrimitiveConstructorSpec(1, kind.__name__, read, lambda x: isinstance(x, kind), lambda x: [str(x)])

    return rule


_REGISTRY = ConstructorRegistry()
for _kind, _convert in ((int, _whole), (float, _finite), (bool, lambda text: BOOLEANS[text.lower()])):
    _REGISTRY.primitive_rule(_rule(_kind, _convert))


def show(settings: Settings, verbose: bool = False) -> str:
    """Format settings as text, each with the key for `--set`.

    Args:
        settings: settings of a run.
        verbose: show every field, one paragraph per group, instead of only those that differ from the defaults.
    """
    if not verbose:
        changed = differences(settings, Settings(profile=settings.profile, data=DataSettings(settings.data.name)))
        pairs = [_pair(key, value) for key, value in changed.items()] or ["nothing"]
        head = f"Profile {settings.profile}, data set {settings.data.name}. Different from the defaults: "
        return _wrapped(head, pairs, indent="")
    groups: dict[str, list[str]] = {}
    for key, value in flatten(dataclasses.asdict(settings)).items():
        group, _, name = key.rpartition(".")
        groups.setdefault(group or "run", []).append(_pair(name, value))
    return "\n".join(
        _wrapped(f"{group:<16}", pairs, indent=" " * max(16, len(group))) for group, pairs in groups.items()
    )


def _wrapped(head: str, pairs: list[str], indent: str) -> str:
    lines = textwrap.wrap(" ".join(pairs), 110, initial_indent=head, subsequent_indent=indent, break_on_hyphens=False)
    return "\n".join(lines)


def _pair(key: str, value: Any) -> str:
    return f"{key}={value if value != '' else repr(value)}"


def parse_overrides(pairs: Iterable[str]) -> dict[str, str]:
    """`["a.b=1", ...]` -> `{"a.b": "1", ...}`.

    Raises:
        SettingsError: a pair has no "=".
    """
    overrides = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise SettingsError(f"--set expects key=value, e.g. target.epochs=5, not {pair!r}.")
        overrides[key.strip()] = value.strip()
    return overrides
