"""Training and writing of the variants on explained pairs, on the teaching backbone."""

import dataclasses
import itertools

import pytest
import torch

from recx.alignment import pair_training as training
from recx.alignment.mean_loss import mean_loss
from recx.alignment.trainer import fit
from recx.data.registry import load_dataset
from recx.data.split import split_by_user
from recx.models.saved_models import SharedBackbone
from recx.prompts.profile_prompts import rule_made_pairs
from recx.settings import BackboneSettings, DataSettings, DemoSettings, FitSettings
from recx.storage.tensors import trainable

HOW = FitSettings(batch_size=8, epochs=2, learning_rate=1e-3, precision="float32", save_steps=1000)


@pytest.fixture(scope="module")
def encoded():
    data = load_dataset(DataSettings(min_user=3, min_item=1, demo=DemoSettings(users=120)))
    pairs = rule_made_pairs(data, 60)
    shared = SharedBackbone.load(BackboneSettings(frozen=True))
    vocabulary = shared.model.get_input_embeddings().num_embeddings
    rows = training.encode(pairs, split_by_user(pairs.users, tested=0.2, validated=0.2), shared.tokenizer, vocabulary)
    torch.manual_seed(0)
    return rows, shared, (torch.randn(pairs.user_count, 8), torch.randn(pairs.item_count + 1, 8))


def test_vectors_are_those_of_the_explained_users_and_items(encoded):
    rows, _, (users, items) = encoded
    own_items, own_users = rows.vectors(users, items)
    assert torch.equal(own_users[0], users[rows.users[0]]) and torch.equal(own_items[1], items[rows.items[0]])
    assert len(own_items) == len(rows.items) + 1 and len(own_users) == len(rows.users)


@pytest.mark.parametrize("name", training.VARIANTS)
def test_every_variant_is_trained_and_writes(encoded, tmp_path, name):
    rows, shared, vectors = encoded
    variant = training.VARIANTS[name]
    model = training.build(variant, rows, rows.vectors(*vectors), BackboneSettings(), shared=shared)
    tuned = set(trainable(model))
    if variant.tuned == "adapter":
        assert tuned and all("_projector." in n for n in tuned), "the backbone is frozen"
    before = training.mean_loss(model, rows.rows(variant.form, "train"), HOW)
    curve = training.train(model, variant, rows, HOW, tmp_path, show_progress=False)
    after = training.mean_loss(model, rows.rows(variant.form, "train"), HOW)
    assert not model.training
    if variant.tuned == "nothing":
        assert curve == [] and after == before
    else:
        assert len(curve) >= 1 and after < before, (before, after)
    written = training.write(model, rows.rows(variant.form, "test"), rows.ends, max_tokens=6)
    assert len(written) == (rows.parts == "test").sum() and all(len(ids) <= 6 for ids in written)


def test_the_epoch_with_the_least_validation_loss_is_kept(encoded, tmp_path, monkeypatch):
    rows, shared, vectors = encoded
    variant = training.VARIANTS["XRec"]
    model = training.build(variant, rows, rows.vectors(*vectors), BackboneSettings(), shared=shared)
    how, measured = dataclasses.replace(HOW, learning_rate=0.2, epochs=4, clip=100.0), []

    def worse_each_time(*of):  # so that the first epoch is the best, whatever the processor's rounding does
        measured.append(mean_loss(*of))
        return measured[-1] + 100 * len(measured)

    monkeypatch.setattr(training, "mean_loss", worse_each_time)
    curve = training.train(model, variant, rows, how, tmp_path, show_progress=False)
    assert len(curve) > 2 and [row["loss"] for row in curve] == sorted(row["loss"] for row in curve)
    kept = mean_loss(model, rows.rows("profiles", "validation"), how)
    assert kept == pytest.approx(measured[0], rel=1e-4) and kept != pytest.approx(measured[-1], rel=1e-4)


def test_a_resumed_training_measures_the_same_epochs_and_keeps_the_best_of_all(encoded, tmp_path, monkeypatch):
    rows, shared, vectors = encoded
    variant = training.VARIANTS["XRec"]
    wild = dataclasses.replace(HOW, learning_rate=0.2, epochs=4, clip=100.0)
    steps = training.steps_of(rows.rows("profiles", "train"), wild)
    wild = dataclasses.replace(wild, save_steps=steps // 2 + 1)  # between two epochs

    def trained(folder):
        model = training.build(variant, rows, rows.vectors(*vectors), BackboneSettings(), shared=shared)
        return training.train(model, variant, rows, wild, folder, show_progress=False), model

    whole, best = trained(tmp_path / "whole")
    stopped = dict(stop_after=wild.save_steps)
    with monkeypatch.context() as patch:
        patch.setattr(training, "fit", lambda *args, **named: fit(*args, **named, **stopped))
        trained(tmp_path / "parts")
    resumed, model = trained(tmp_path / "parts")
    assert [row["epoch"] for row in resumed] == [row["epoch"] for row in whole]
    assert [row["loss"] for row in resumed] == pytest.approx([row["loss"] for row in whole], rel=1e-5)
    assert all(a["seconds"] < b["seconds"] for a, b in itertools.pairwise(resumed))
    weights = trainable(best)
    assert all(torch.allclose(weights[name], tensor, rtol=1e-4) for name, tensor in trainable(model).items())
