import dataclasses

import pytest

from recx.errors import SettingsError
from recx.profiles.resolve import PROFILES, parse_overrides, resolve_settings, show
from recx.settings import Settings


@pytest.mark.parametrize("profile", PROFILES)
def test_profiles_are_frozen_and_complete(profile):
    chosen = resolve_settings(profile)
    assert isinstance(chosen, Settings) and chosen.profile == profile
    with pytest.raises(dataclasses.FrozenInstanceError):
        chosen.profile = "x"


def test_overrides_convert_text_to_the_type_of_the_field():
    chosen = resolve_settings(
        overrides=parse_overrides(["target.epochs=5", "align.fit.learning_rate=1e-4", "data.name=x"])
    )
    assert (chosen.target.epochs, chosen.align.fit.learning_rate, chosen.dataset) == (5, 1e-4, "x")


@pytest.mark.parametrize(
    "pair, word",
    [
        ("target.epoch=5", "'epoch' is none of"),
        ("target.epochs=many", "takes int"),
        ("target.model=3", "is a group"),
        ("target.epochs.x=3", "no fields"),
        ("target", "key=value"),
        ("target.epochs=0", "at least 1"),
        ("target.model.length=0", "at least 1"),
        ("target.model.heads=3", "divide"),
        ("target.model.dropout=1", "below 1"),
        ("target.model.norm=none", "'pre' or 'post'"),
        ("target.stride=11", "target.model.length"),
        ("target.average=1", "below 1"),
        ("target.stride=-1", "target.model.length"),
    ],
)
def test_wrong_overrides_say_what_is_accepted(pair, word):
    with pytest.raises(SettingsError, match=word):
        resolve_settings(overrides=parse_overrides([pair]))


def test_unknown_profile_lists_the_known():
    with pytest.raises(SettingsError, match="tiny"):
        resolve_settings("huge")


def test_every_field_is_printed():
    text = show(resolve_settings())
    for group in dataclasses.fields(Settings):
        assert group.name in text
    assert "learning_rate" in text and "follow_series" in text
