import dataclasses
import time
import tomllib
from concurrent.futures import ThreadPoolExecutor

import pytest
import tyro

from recx import paths
from recx.data.dataset import Filtering
from recx.data.registry import SOURCES
from recx.errors import SettingsError
from recx.profiles.resolve import FOLDER, PROFILES, differences, flatten, parse_overrides, resolve_settings, show
from recx.settings import Settings, TargetSettings, TargetShape

FILES = sorted(FOLDER.rglob("*.toml"))
KINDS = ("sasrec", "mf", "lightgcn")


@pytest.mark.parametrize("profile", PROFILES)
def test_profiles_resolve_for_every_data_set_and_kind(profile):
    for dataset in SOURCES:
        for kind in KINDS:
            settings = resolve_settings(profile, dataset, overrides={"target.kind": kind})
            assert (settings.profile, settings.dataset, settings.target.kind) == (profile, dataset, kind)
    with pytest.raises(dataclasses.FrozenInstanceError):
        settings.profile = "x"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_files_say_why_and_name_what_exists(path):
    text = path.read_text(encoding="utf-8")
    assert text.startswith("# ")
    changes = tomllib.loads(text)
    by_profile = changes.pop("profile", {})
    filtering = changes.pop("filtering", {})
    known = flatten(dataclasses.asdict(Settings()))
    assert by_profile.keys() <= set(PROFILES)
    for kept in filtering.values():
        Filtering(**kept)  # names its fields
    layouts = SOURCES[path.stem].layouts if filtering else ()
    assert filtering.keys() <= {layout.files[0] for layout in layouts}
    assert {key for part in (changes, *by_profile.values()) for key in flatten(part)} <= known.keys()
    assert path.parent.name != "datasets" or path.stem in SOURCES
    assert path.parent.name != "targets" or path.stem in KINDS


def test_files_are_installed_with_the_package():
    project = tomllib.loads((paths.ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    patterns = project["tool"]["setuptools"]["package-data"]["recx"]
    assert FILES == sorted({path for pattern in patterns for path in (paths.ROOT / "recx").glob(pattern)})


def test_the_later_change_has_the_last_word():
    mf = {"target.kind": "mf"}
    assert resolve_settings().target.model.blocks == 1  # the data set over the defaults
    assert resolve_settings("test", "games").target.epochs == 60  # the data set over the profile
    assert resolve_settings("tiny", "games").align.variants == 10  # on that profile only
    assert resolve_settings("gpu", "games").align.variants == 1
    assert resolve_settings("tiny", "games", overrides=mf).target.learning_rate == 5e-3  # the kind over the data set
    assert resolve_settings("tiny", "games", overrides=mf | {"target.learning_rate": "0.1"}).target.learning_rate == 0.1
    assert resolve_settings(dataset="../tiny").target == Settings().target, "a name leads to no other file"


def test_overrides_convert_text_to_the_type_of_the_field():
    pairs = [
        "target.epochs=2e2",
        "align.fit.learning_rate=1e-4",
        "data.name=x",
        "align.fit.gradient_checkpointing=true",
    ]
    settings = resolve_settings(overrides=parse_overrides(pairs))
    assert settings.target.epochs == 200 and isinstance(settings.target.epochs, int)
    assert settings.align.fit.learning_rate == 1e-4 and settings.dataset == "x"
    assert settings.align.fit.gradient_checkpointing is True
    assert resolve_settings(overrides={"align.seed": 3.0, "align.fit.clip": 1}).align.fit.clip == 1.0


@pytest.mark.parametrize("text", ["/a folder/b", "-x", "--help", "--target.epochs=3", "a=b", "", "Ünï{code}", "a\nb"])
def test_any_text_survives(text):
    assert resolve_settings(overrides={"align.conversations": text}).align.conversations == text
    assert resolve_settings(data_dir=text).data.data_dir == text


@pytest.mark.parametrize(
    "pair, word",
    [
        ("target.epoch=5", "Unknown setting 'target.epoch'. Similar settings: target.epochs"),
        ("target.model.colour=5", "target.model.width, target.model.blocks"),
        ("nonsense=5", "ablate, align, data, evaluate"),
        ("target.epochs=many", "must be of type int, not 'many'"),
        ("target.epochs=1.5", "must be of type int"),
        ("target.epochs=nan", "must be of type int"),
        ("target.learning_rate=fast", "'target.learning_rate' must be of type float"),
        ("align.fit.gradient_checkpointing=maybe", "must be of type bool"),
        ("target.model=3", "is a group of settings; set one of width"),
        ("target.epochs.x=3", "Unknown setting"),
        ("target", "key=value"),
        ("target.epochs=0", "at least 1"),
        ("align.fit.batch_size=0", "above 0"),
        ("align.fit.epochs=-1", "above 0"),
        ("align.fit.precision=half", "bfloat16"),
        ("target.model.length=0", "at least 1"),
        ("target.model.heads=3", "divisor"),
        ("target.model.dropout=1", "below 1"),
        ("target.model.norm=none", "'pre' or 'post'"),
        ("target.stride=11", "target.model.length"),
        ("target.average=1", "below 1"),
        ("target.stride=-1", "target.model.length"),
        ("align.modes=hybrid sideways", "behavior, intention, hybrid"),
        ("align.hybrid_from=behavior", "'backbone' or 'intention'"),
        ("align.continued_weight=1.5", "between 0 and 1"),
        ("align.fit.schedule=constant", "'cosine' or 'linear'"),
        ("align.fit.accumulate=5", "divisor of align.fit.batch_size"),
        ("xrec.fit.epochs=0", "'xrec.fit.epochs' must be above 0"),
        ("rewards.preferences.precision=half", "'rewards.preferences.precision' must be one of"),
        ("xrec.graph.epochs=0", "'xrec.graph.epochs' must be at least 1"),
        ("data.demo.mean_length=4", r"at least data\.demo\.shortest \(5\)"),
        ("target.tie=2", "at least 0 and below 1"),
        ("data.top_items=-5", "-1 for the data set's default"),
        ("evaluate.ranking_users=-1", r"at least 0 \(all\)"),
        ("evaluate.free_users=-2", r"at least -1 \(none\)"),
        ("evaluate.pairs=-1", "at least 2"),
        ("evaluate.shots=-1", "at least 0"),
        ("evaluate.rated=0", "at least 1"),
        ("ablate.seeds=0", "at least 1"),
        ("ablate.scale=-1", "above 0"),
        ("xrec.max_tokens=0", "above 0"),
        ("llmxrec.lora_alpha=0", "at least 1"),
        ("evaluate.discriminator=svm", "'tfidf' or 'bert'"),
        ("evaluate.discriminator=bert", "'evaluate.encoder' must be a hub id or folder"),
    ],
)
def test_wrong_overrides_say_what_is_accepted(pair, word, capsys):
    with pytest.raises(SettingsError, match=word) as caught:
        resolve_settings(overrides=parse_overrides([pair]))
    assert "\n" not in str(caught.value) and capsys.readouterr() == ("", "")


def test_impossible_settings_cannot_be_made():
    with pytest.raises(SettingsError, match="divisor"):
        TargetSettings(model=TargetShape(width=10, heads=3))


@pytest.mark.parametrize("width", ["xrec.graph.model.width=63", "target.kind=mf target.model.width=63"])
def test_recommenders_without_attention_have_any_width(width):
    resolve_settings(overrides=parse_overrides(width.split()))


def test_unknown_profile_lists_the_known():
    with pytest.raises(SettingsError, match="tiny"):
        resolve_settings("huge")


def test_threads_take_turns_at_parsing(monkeypatch):
    """Every call of tyro empties a module cache that another thread may be reading (a rare KeyError)."""
    inside, most, parse = [], [], tyro.cli

    def watched(*arguments, **options):
        inside.append(1)
        most.append(len(inside))
        time.sleep(0.01)
        settings = parse(*arguments, **options)
        inside.pop()
        return settings

    monkeypatch.setattr(tyro, "cli", watched)
    with ThreadPoolExecutor(4) as pool:
        seeds = list(pool.map(lambda n: resolve_settings(overrides={"align.seed": n}).align.seed, range(8)))
    assert seeds == list(range(8)) and max(most) == 1


def test_a_run_prints_what_differs():
    settings = resolve_settings("test", "games", overrides={"target.seed": 7, "align.conversations": "a b"})
    text = show(settings)
    assert text.startswith("Profile test, data set games.") and len(text.splitlines()) < 10
    changed = differences(settings, Settings(profile="test"))
    assert {"target.seed", "align.conversations", "target.model.dropout", "data.demo.users"} < changed.keys()
    flat = " ".join(text.split())
    assert all(f"{key}={value}" in flat for key, value in changed.items() if key != "data.name")
    assert "follow_series" not in text and "target.seed=7" in text
    assert show(Settings()).endswith("nothing")


def test_every_field_is_printed_on_request():
    words = show(resolve_settings(), verbose=True).split()
    for key in flatten(dataclasses.asdict(resolve_settings())):
        assert any(word.startswith(f"{key.rpartition('.')[2]}=") for word in words), key
    assert "follow_series=0.45" in words


def test_the_papers_recipe():
    """Section 3.2 and Tables B1 and B2 of the paper."""
    shapes = {"games": (256, 9), "movies": (192, 13), "steam": (256, 16)}
    rows = {"games": 102_490, "movies": 89_096, "steam": 88_871}
    for dataset, shape in shapes.items():
        settings = resolve_settings("paper", dataset)
        assert (settings.target.model.width, settings.target.model.length) == shape
        align, fit = settings.align, settings.align.fit
        assert (fit.epochs, fit.learning_rate, fit.warmup, fit.schedule) == (10, 1e-4, 0.1, "linear")
        assert fit.batch_size == 64 and fit.accumulate > 1 and fit.gradient_checkpointing
        shares = dataclasses.asdict(align.shares)
        assert sum(shares.values()) == align.rows_intention == rows[dataset]
        assert align.rows_behavior == rows[dataset] - shares["reconstruction"] and align.own_words == 0
        assert align.rows_hybrid == align.rows_behavior + 2 * align.rows_intention
        assert "vicuna-7b-v1.3" in align.backbone.name and align.hybrid_from == "backbone"


def test_explanations_are_zero_shot_where_none_are_trained():
    tiny, small, paper = (resolve_settings(name).align for name in ("tiny", "small", "paper"))
    assert all(tiny.trains_explanations(mode) for mode in tiny.mode_list)
    assert [mode for mode in small.mode_list if small.trains_explanations(mode)] == ["relation"]
    assert not any(paper.trains_explanations(mode) for mode in paper.mode_list)
