"""Kinds of targets: each learns, folds in unseen histories, is saved and loaded, and is selected by a setting."""

import dataclasses

import numpy as np
import pytest
import torch

from recx import paths
from recx.alignment.corpus import build_corpus
from recx.data.catalogue import build_catalogue
from recx.data.split import leave_one_out, prefixes
from recx.errors import CheckpointError, DataError, SettingsError
from recx.evaluation.recommendation_quality import collapse_warning
from recx.evaluation.test_set import draw_test_set, pairs_of
from recx.recommenders.blackbox import BlackBox
from recx.recommenders.custom_recommender import load_module
from recx.recommenders.distillation import distil
from recx.recommenders.lightgcn import LightGCN
from recx.recommenders.mf import MF, fold_in
from recx.recommenders.popularity import PopularityRecommender
from recx.recommenders.protocol import Scorer, TwoTower
from recx.recommenders.ranking import Ranked, rank
from recx.recommenders.target_kinds import fit_target, load_target, save_target
from recx.settings import AlignSettings, EvaluateSettings, TargetSettings, TargetShape

EXAMPLE = str(paths.ROOT / "docs" / "own_recommender.py")
SHAPE = TargetShape(width=16, length=8)


def groups(rng, users=240, items=30):
    """People who like one of three groups of ten items and occasionally choose something else."""
    out = []
    for user in range(users):
        own = rng.permutation(10)[:7] + 10 * (user % 3)
        other = rng.integers(0, items)
        out.append(np.array([*own[:3], *([other] if other not in own else []), *own[3:]]) + 1)
    return leave_one_out(out)


@pytest.fixture(scope="module")
def split():
    return groups(np.random.default_rng(3))


def settings(kind, **more):
    how = {"learning_rate": 0.02, "weight_decay": 1e-3, "epochs": 30, "patience": 8, "batch_size": 128} | more
    return TargetSettings(kind=kind, model=SHAPE, **how)


@pytest.mark.parametrize("kind", ["mf", "lightgcn", EXAMPLE])
def test_each_kind_learns_and_survives_the_disk(split, tmp_path, kind):
    target, curve = fit_target(split, 30, settings(kind), show_progress=False)
    assert isinstance(target, TwoTower) and not target.training
    ranked = rank(target, split.test_histories, split.test, target.length)
    chance = rank(PopularityRecommender(split.train, 30), split.test_histories, split.test, target.length)
    # Of ten items of the group about four are unseen, so five places nearly always hold the next one.
    assert ranked.hits(5).mean() > 0.8 > chance.hits(5).mean() + 0.2
    assert all(row["loss"] > 0 for row in curve)
    save_target(target, 30, settings(kind), tmp_path)
    unseen = torch.tensor([[0, 0, 0, 0, 3, 5, 7, 9], [0, 0, 0, 0, 0, 0, 0, 25]])
    again = load_target(tmp_path, settings(kind))
    assert torch.equal(again.score(unseen), target.score(unseen))
    assert torch.allclose(target.score(unseen), target.encode_users(unseen) @ target.item_vectors().T, atol=1e-5)
    best = again.score(unseen).argmax(1) - 1
    assert (best // 10).tolist() == [0, 2]


def test_the_same_seed_gives_the_same_weights(split):
    one, two = (fit_target(split, 30, settings("mf", epochs=3), show_progress=False)[0] for _ in range(2))
    assert torch.equal(one.item_vectors(), two.item_vectors())


def test_folding_in_solves_the_ridge_problem(rng):
    vectors = torch.from_numpy(rng.normal(size=(12, 4)))
    vectors[0] = 0
    from recx.recommenders.mf import RIDGE, UNCHOSEN

    history = [2, 5, 7]
    found = fold_in(vectors, torch.tensor([[0, *history]]))[0]
    size = vectors[1:].square().sum(1).mean()

    def loss(u):
        scores = vectors[1:] @ u
        chosen = torch.zeros(11, dtype=torch.float64)
        chosen[[i - 1 for i in history]] = 1
        weight = torch.where(chosen > 0, 1.0, UNCHOSEN)
        return (weight * (scores - chosen).square()).sum() + RIDGE * size * u.square().sum()

    best = loss(found)
    for step in torch.from_numpy(rng.normal(size=(50, 4))) * 1e-3:
        assert loss(found + step) >= best


def test_a_user_of_the_graph_is_encoded_as_the_graph_has_them(split):
    model = LightGCN(30, 8, 20, 2, split.train)
    model.refresh()
    padded = torch.zeros(len(split.train), 20, dtype=torch.long)
    for row, history in enumerate(split.train):
        padded[row, 20 - len(history) :] = torch.from_numpy(history)
    _, users = model.propagate()
    assert torch.allclose(model.encode_users(padded), users, atol=1e-5)
    assert isinstance(model, TwoTower) and isinstance(MF(5, 4, 3), TwoTower)


def test_no_explained_pair_is_an_edge_of_the_graph(split):
    model = LightGCN(30, 8, 20, 2, split.train)
    model.refresh()
    pairs = pairs_of(draw_test_set(split, model, 20, EvaluateSettings(users=0)), 100)
    owners = {history.tobytes(): user for user, history in enumerate(split.test_histories)}
    users = np.array([owners[history.tobytes()] for history in pairs.histories])
    edges = model._graph.to_dense() > 0
    assert len(pairs) == 100 and len(owners) == len(split.test_histories)
    assert not edges[users, pairs.items].any() and edges[users[0], split.train[users[0]]].all()


def test_a_distilled_recommender_agrees_more_the_longer_it_learns(split):
    teacher, _ = fit_target(split, 30, settings("sasrec", learning_rate=4e-3), show_progress=False)
    wanted = rank(teacher, split.test_histories, split.test, 8).top[:, 0]
    shares = []
    for epochs in (1, 30):
        student, curve = distil(teacher, prefixes(split.train), 30, settings("sasrec"), epochs, show_progress=False)
        found = rank(student, split.test_histories, split.test, 8).top[:, 0]
        shares.append((found == wanted).mean())
    assert shares[1] > shares[0] and shares[1] > 0.5
    divergences = [row["divergence"] for row in curve]
    assert divergences[-1] < 0.3 * divergences[0]


def test_a_black_box_is_held_to_its_shape():
    box = BlackBox(lambda histories: np.array([[0.0, *h[-1:], 1, 2] for h in histories]), 3, 2)
    assert isinstance(box, Scorer) and not isinstance(box, TwoTower)
    assert box.score(torch.tensor([[0, 3], [2, 1]])).tolist() == [[0, 3, 1, 2], [0, 1, 1, 2]]
    with pytest.raises(DataError, match=r"shape \(1, 2\) for 1 histories; expected \(1, 4\)"):
        BlackBox(lambda histories: np.zeros((len(histories), 2)), 3, 2).score(torch.tensor([[0, 3]]))
    with pytest.raises(DataError, match="NaN"):
        BlackBox(lambda histories: np.full((1, 4), np.nan), 3, 2).score(torch.tensor([[0, 3]]))


@pytest.mark.parametrize("value", [float("nan"), float("-inf")])
def test_scores_that_are_not_finite_are_refused_wherever_they_are_ranked(split, value):
    """NaN would count as a hit, and minus infinity would tie with masked items."""

    class Odd:
        length = 8

        def score(self, histories):
            scores = torch.rand(len(histories), 31)
            scores[:, 7] = value
            return scores

    with pytest.raises(DataError, match="not finite"):
        rank(Odd(), split.test_histories, split.test, 8)
    with pytest.raises(DataError, match="not finite"):
        distil(Odd(), prefixes(split.train), 30, settings("sasrec"), 1, show_progress=False)


def test_a_black_box_allows_behavior_only(split):
    catalogue = build_catalogue([str(n) for n in range(30)], [f"Title {n}" for n in range(30)], {})
    box = BlackBox(lambda histories: np.random.default_rng(len(histories)).random((len(histories), 31)), 30, 8)
    with pytest.raises(SettingsError, match=r"align\.modes=behavior"):
        build_corpus(catalogue, split, box, 8, AlignSettings(), show_progress=False)
    corpus = build_corpus(catalogue, split, box, 8, AlignSettings(modes="behavior"), show_progress=False)
    assert corpus.vectors() == {} and corpus.data.neighbours is None


PLAIN = """from __future__ import annotations
import torch
from dataclasses import dataclass
@dataclass
class Plain:
    length: int
    def score(self, histories):
        return torch.zeros(len(histories), {})
def build(items, length):
    return Plain(length)
"""


def test_a_plain_class_may_be_a_recommender_of_ones_own(split, tmp_path):
    (tmp_path / "mine.py").write_text(PLAIN.format("31"))
    target, curve = fit_target(split, 30, settings(str(tmp_path / "mine.py")), show_progress=False)
    assert target.length == 8 and curve == []


TIED = """
import torch

class Fading(torch.nn.Module):
    def __init__(self, items, length):
        super().__init__()
        self.items, self.length = items, length
        self.old = self.recent = torch.nn.Parameter(torch.ones(3))

    def score(self, histories):
        numbers = torch.arange(self.items + 1)
        return self.old.sum() * self.recent.sum() - (numbers - histories[:, -1:]).abs().float()

def build(items, length):
    return Fading(items, length)

def fit(target, split):
    torch.nn.init.constant_(target.old, 2.0)
"""


def test_weights_of_ones_own_may_be_shared_and_fewer_than_items(split, tmp_path):
    (tmp_path / "mine.py").write_text(TIED)
    chosen = settings(str(tmp_path / "mine.py"))
    target, _ = fit_target(split, 30, chosen, show_progress=False)
    save_target(target, 30, chosen, tmp_path / "kept")
    history = torch.tensor([[0, 0, 0, 0, 0, 1, 2, 3]])
    again = load_target(tmp_path / "kept", chosen).score(history)
    assert torch.equal(again, target.score(history)) and again.max() == 36


BIASED = """
import torch

class Biased(torch.nn.Module):
    def __init__(self, items, length):
        super().__init__()
        self.items, self.length = items, length
        self.vectors = torch.nn.Parameter(torch.randn(items + 1, 4))

    def encode_users(self, histories):
        return self.vectors[histories].mean(1)

    def item_vectors(self):
        return self.vectors

    def score(self, histories):
        return self.encode_users(histories) @ self.vectors.T + BIAS * torch.arange(self.items + 1)

def build(items, length):
    return Biased(items, length)
"""


def test_scores_are_the_products_of_the_vectors(split, tmp_path):
    (tmp_path / "mine.py").write_text(BIASED.replace("BIAS", "0.0"))
    fit_target(split, 30, settings(str(tmp_path / "mine.py")), show_progress=False)
    (tmp_path / "other.py").write_text(BIASED.replace("BIAS", "0.1"))
    with pytest.raises(SettingsError, match="score differs from encode_users"):
        fit_target(split, 30, settings(str(tmp_path / "other.py")), show_progress=False)


@pytest.mark.parametrize(
    "text, words",
    [
        ("x = 1\n", "needs a function build"),
        ("raise RuntimeError('boom')\n", "RuntimeError: boom"),
        ("def build(items, length):\n    return object()\n", r"score\(histories\)"),
        (PLAIN.format("31") + "def fit(target, split):\n    target.x = 1\n", "only be kept in a torch.nn.Module"),
        (PLAIN.format("30"), r"score returns shape \(1, 30\) for one history; expected \(1, 31\)"),
    ],
)
def test_own_files_that_do_not_fit_say_why(split, tmp_path, text, words):
    (tmp_path / "mine.py").write_text(text)
    with pytest.raises(SettingsError, match=words):
        fit_target(split, 30, settings(str(tmp_path / "mine.py")), show_progress=False)


def test_unknown_kinds_and_damaged_targets(split, tmp_path):
    with pytest.raises(SettingsError, match="sasrec, mf, lightgcn"):
        fit_target(split, 30, settings("bert4rec"), show_progress=False)
    (tmp_path / "target.json").write_text('{"kind": "mf", "items": 30}')
    with pytest.raises(CheckpointError, match="cannot load the target"):
        load_target(tmp_path, settings("mf"))
    target, _ = fit_target(split, 30, dataclasses.replace(settings("mf"), epochs=1), show_progress=False)
    for items, words in ((2 * 10**8, "no dimension of its weights"), ("many", "'many' items"), (True, "True items")):
        save_target(target, items, settings("mf"), tmp_path)
        with pytest.raises(CheckpointError, match=words):
            load_target(tmp_path, settings("mf"))
    save_target(target, 30, settings("mf"), tmp_path)
    other = dataclasses.replace(settings("mf"), model=dataclasses.replace(SHAPE, width=8))
    with pytest.raises(CheckpointError, match="its shape differs from the settings"):
        load_target(tmp_path, other)
    (tmp_path / "target.json").write_text('{"kind": "mf", "items": 30}')
    with pytest.raises(CheckpointError, match="its kind is 'mf', but the settings say 'sasrec'"):
        load_target(tmp_path, settings("sasrec"))


def test_a_strangers_folder_runs_no_code(tmp_path):
    (tmp_path / "evil.py").write_text("raise SystemExit('ran')")
    (tmp_path / "target.json").write_text('{"kind": "evil.py", "items": 3, "settings": {}}')
    with pytest.raises(CheckpointError, match="the settings say 'sasrec'"):
        load_target(tmp_path, settings("sasrec"))


def test_a_target_that_says_the_same_to_many_is_told_by_its_item():
    ranks = np.zeros(10, int)
    alike = Ranked(ranks, np.array([[2, 1]] * 6 + [[1, 2]] * 4), ranks)
    notice = collapse_warning(alike, ["", "Ada", "Bob <b>"])
    assert "60%" in notice and "'Bob <b>'" in notice and "constant predictor" in notice
    assert collapse_warning(Ranked(ranks, np.arange(1, 21).reshape(10, 2), ranks), [str(n) for n in range(21)]) == ""


@pytest.mark.parametrize("loss", ["full", "sampled", "bce", "gbce"])
def test_losses_of_the_benchmark_reward_the_item_chosen(monkeypatch, loss):
    monkeypatch.syspath_prepend(str(paths.ROOT / "benchmarks"))
    from sasrec import summed_loss

    table = torch.cat([torch.zeros(1, 16), 4 * torch.eye(16)])
    wanted = torch.arange(1, 17)
    draws = torch.Generator().manual_seed(0)
    right, wrong = (summed_loss(loss, table[w], wanted, table, draws, negatives=12) for w in (wanted, wanted.flip(0)))
    assert 0 < right < wrong


def test_code_among_the_runs_is_not_executed(tmp_path, monkeypatch):
    monkeypatch.setenv("RECX_RUNS_DIR", str(tmp_path / "runs"))
    folder = tmp_path / "runs" / "tiny" / "demo"
    folder.mkdir(parents=True)
    for place in (folder / "own.py", tmp_path / "own.py"):
        place.write_text("from pathlib import Path\nPath(__file__).with_suffix('.ran').touch()\nbuild = print\n")
    with pytest.raises(SettingsError, match="folder of runs"):
        load_module(str(tmp_path / "runs" / "tiny" / ".." / "tiny" / "demo" / "own.py"))
    assert not (folder / "own.ran").exists()
    load_module(str(tmp_path / "own.py"))
    assert (tmp_path / "own.ran").exists()
