"""On a simulated GPU, the kit's targets train and answer with the same numbers as on the CPU."""

import dataclasses

import numpy as np
import pytest
import torch
from fake_gpu import GPU, FakeGpu

from recx import paths
from recx.data.split import leave_one_out
from recx.recommenders import devices, training
from recx.recommenders.distillation import distil
from recx.recommenders.item_rank import item_ranks, top_items
from recx.recommenders.labels import label_histories
from recx.recommenders.ranking import rank
from recx.recommenders.target_kinds import fit_target, load_target, save_target
from recx.settings import TargetSettings, TargetShape

ITEMS, HISTORY = 20, torch.tensor([[0, 0, 0, 1, 2, 3]])


@pytest.fixture(scope="module")
def split():
    rng = np.random.default_rng(0)
    return leave_one_out([rng.permutation(ITEMS)[:8] + 1 for _ in range(60)])


@pytest.fixture
def gpu(monkeypatch):
    fake, step, backward = FakeGpu(), training._step, torch.Tensor.backward

    def unwatched(function):
        def call(*arguments, **more):  # gradients are made below what the pretended GPU sees
            with torch._C.DisableTorchFunction():
                return function(*arguments, **more)

        return call

    monkeypatch.setattr(training, "_step", unwatched(step))
    monkeypatch.setattr(torch.Tensor, "backward", unwatched(backward))
    monkeypatch.setattr(torch.optim.AdamW, "step", unwatched(torch.optim.AdamW.step))
    for module in (devices, training):
        monkeypatch.setattr(module, "preferred_device", lambda: GPU)
    return fake


def settings(kind, **more):
    shape = TargetShape(width=8, length=6, dropout=0)
    return TargetSettings(kind=kind, model=shape, epochs=2, batch_size=16, learning_rate=0.02, **more)


def answers(target, split):
    """The results of everything that queries a target."""
    labels = label_histories(target, split.train, 6, np.random.default_rng(1))
    ranked = rank(target, split.test_histories, split.test, 6)
    yield from (labels.top, labels.ranked, labels.liked, labels.disliked, ranked.ranks, ranked.top)
    yield [dataclasses.astuple(place) for place in item_ranks(target, split.train[:5], 3, 6)]
    yield top_items(target, split.train[0], 6)


KINDS = [("sasrec", {"average": 0.9}), ("sasrec", {"stride": 2}), ("mf", {}), ("lightgcn", {})]


@pytest.mark.parametrize("kind, more", KINDS)
def test_a_target_learns_and_answers_on_the_gpu_as_on_the_cpu(split, tmp_path, monkeypatch, gpu, kind, more):
    how = settings(kind, **more)
    with gpu:
        trained, _ = fit_target(split, ITEMS, how, show_progress=False)
        save_target(trained, ITEMS, how, tmp_path)
        loaded = load_target(tmp_path, how)
        assert all(gpu.holds(t) for model in (trained, loaded) for t in model.state_dict().values())
        results = [list(answers(model, split)) for model in (trained, loaded)]
        vectors = [devices.item_vectors(loaded), devices.encode_users(loaded, HISTORY)]
        assert not any(gpu.holds(v) for v in vectors)
        with pytest.raises(RuntimeError, match="same device"):
            loaded.score(HISTORY)
    monkeypatch.undo()
    target, _ = fit_target(split, ITEMS, how, show_progress=False)
    for result in results:
        for ours, expected in zip(result, answers(target, split), strict=True):
            np.testing.assert_array_equal(ours, expected)
    assert torch.equal(vectors[0], target.item_vectors()) and torch.equal(vectors[1], target.encode_users(HISTORY))


def test_a_distilled_recommender_learns_on_the_gpu(split, monkeypatch, gpu):
    with gpu:
        teacher, _ = fit_target(split, ITEMS, settings("sasrec"), show_progress=False)
        student, curve = distil(teacher, split.train, ITEMS, settings("sasrec"), 1, show_progress=False)
        assert all(gpu.holds(weights) for weights in student.parameters())
    monkeypatch.undo()
    teacher, _ = fit_target(split, ITEMS, settings("sasrec"), show_progress=False)
    assert curve == distil(teacher, split.train, ITEMS, settings("sasrec"), 1, show_progress=False)[1]


def test_what_is_no_module_is_given_histories_on_the_cpu(split, gpu):
    class Plain:
        length = 6

        def score(self, histories):
            return torch.from_numpy(histories.numpy()[:, -1:] * np.arange(ITEMS + 1) % 7).float()

    with gpu:
        on_gpu = list(answers(Plain(), split))
    for ours, expected in zip(on_gpu, answers(Plain(), split), strict=True):
        np.testing.assert_array_equal(ours, expected)


def test_a_users_module_stays_where_its_file_puts_it(split, tmp_path, gpu):
    how = settings(str(paths.ROOT / "docs" / "own_recommender.py"))
    with gpu:
        target, _ = fit_target(split, ITEMS, how, show_progress=False)
        save_target(target, ITEMS, how, tmp_path)
        loaded = load_target(tmp_path, how)
        assert not any(gpu.holds(t) for t in [*target.buffers(), *loaded.buffers()])
        assert rank(loaded, split.test_histories, split.test, 6).ranks.shape == (60,)
        moved = loaded.to(GPU)
        assert devices.device_of(moved) == GPU
        assert not gpu.holds(devices.item_vectors(moved))


def test_the_gpu_is_preferred_where_there_is_one(monkeypatch):
    assert devices.preferred_device() == torch.device("cpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 2)
    assert devices.preferred_device() == torch.device("cuda", 2), "what torch.cuda.set_device chose for this process"
