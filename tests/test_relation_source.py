"""A relation mode can start from a model that was aligned to another recommender."""

import json
import shutil

import pytest
import torch

from recx.alignment.relation_source import relation_source
from recx.data.demo import demo_catalogue
from recx.errors import SettingsError
from recx.models.saved_models import build_aligned, continue_from, save_aligned
from recx.pipeline import stages
from recx.profiles.resolve import resolve_settings
from recx.recommenders.sasrec import SASRec
from recx.settings import BackboneSettings, TargetShape
from recx.storage.tensors import trainable

BACKBONE = BackboneSettings(lora_rank=2, lora_alpha=4)


def untrained(width, seed, mode="relation"):
    torch.manual_seed(seed)
    target = SASRec(len(demo_catalogue()), TargetShape(width=width)).eval().requires_grad_(False)
    users = target.encode_users(torch.randint(1, 50, (8, 10)))
    return build_aligned(BACKBONE, target.item_vectors(), users, seed, relations=mode == "relation")[0]


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """A model of the relation mode whose weights are all different from those at the start of a training."""
    folder, model = tmp_path_factory.mktemp("source") / "relation", untrained(16, 1)
    for parameter in trainable(model).values():
        torch.nn.init.normal_(parameter, std=0.02)
    save_aligned(model, BACKBONE, "relation", folder)
    return folder, {n: p.detach().clone() for n, p in trainable(model).items()}


def settings_from(folder, **more):
    sets = {"align.modes": "relation", "align.relation_from": str(folder), "align.backbone.lora_rank": 2}
    return resolve_settings("test", overrides=sets | {"align.backbone.lora_alpha": 4} | more)


def test_all_but_the_projectors_of_items_and_users_is_taken_over(source):
    folder, theirs = source
    model = untrained(24, 2)  # vectors of another width, too
    before = {n: p.detach().clone() for n, p in trainable(model).items()}
    continue_from(model, folder, same_target=False)
    for name, parameter in trainable(model).items():
        own = "item_projector." in name or "user_projector." in name
        assert torch.equal(parameter, before[name] if own else theirs[name]), name
    assert any("lora_B" in name for name in theirs) and any("relation_projector." in name for name in theirs)


def test_the_relation_mode_is_then_aligned_alone(source):
    folder, _ = source
    assert relation_source(settings_from(folder).align) == folder
    assert stages.inputs_of("align-relation", settings_from(folder)) == ("tasks",)
    assert stages.inputs_of("align-relation", resolve_settings("test")) == ("tasks", "align-hybrid")
    assert relation_source(resolve_settings("test").align) is None
    with pytest.raises(SettingsError, match=r"'hybrid', from which it continues unless align\.relation_from=shipped"):
        resolve_settings("test", overrides={"align.modes": "relation"})


def test_the_stage_follows_the_files_of_the_other_model(source, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(source[0], folder)
    before = stages.fingerprint("align-relation", settings_from(folder))
    assert before == stages.fingerprint("align-relation", settings_from(folder))
    record = json.loads((folder / "aligned.json").read_text())
    (folder / "aligned.json").write_text(json.dumps(record | {"reads_told": False}))
    assert before != stages.fingerprint("align-relation", settings_from(folder))


def test_what_does_not_fit_is_refused_before_anything_is_trained(source, tmp_path):
    folder, _ = source
    save_aligned(untrained(16, 1, "hybrid"), BACKBONE, "hybrid", tmp_path / "hybrid")
    for settings, told in (
        (settings_from(tmp_path), "no folder of an aligned model: it contains no aligned.json"),
        (settings_from(tmp_path / "hybrid"), "was aligned in the hybrid mode; expected a model of the relation mode"),
        (
            settings_from(folder, **{"align.backbone.lora_rank": 4}),
            r"lora_rank=2, .* these settings have .*lora_rank=4",
        ),
        (settings_from(folder, **{"align.inject": True}), "inject=False, but .*inject=True"),
        (settings_from(folder, **{"align.backbone.revision": "abc"}), "revision='', .* revision='abc'"),
        (settings_from("shipped"), "no aligned model ships for the backbone 'recx-tiny', only for smollm2-135m"),
    ):
        with pytest.raises(SettingsError, match=told):
            relation_source(settings.align)
    small = resolve_settings("small", overrides={"align.modes": "relation", "align.relation_from": "shipped"})
    assert relation_source(small.align).parts[-2:] == ("demo-smollm2-135m", "relation")
