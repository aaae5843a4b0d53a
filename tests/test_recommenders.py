import numpy as np
import pytest
import torch

from recx.data.split import leave_one_out
from recx.errors import CheckpointError
from recx.recommenders import neighbours as neighbours_module
from recx.recommenders import training as fitting
from recx.recommenders.neighbours import neighbours
from recx.recommenders.popularity import PopularityRecommender, RandomRecommender
from recx.recommenders.protocol import TwoTower, mask_seen, pad_histories
from recx.recommenders.ranking import Ranked, rank
from recx.recommenders.sasrec import SASRec
from recx.recommenders.target_kinds import load_target, save_target
from recx.recommenders.training import fit_sasrec, sliding_windows
from recx.settings import TargetSettings, TargetShape


def cycles(rng, users=300, items=12):
    """Everybody follows the same cycle from a random start, so the next item is predictable."""
    return [(rng.integers(items) + np.arange(6)) % items + 1 for _ in range(users)]


def test_padding_and_masking():
    padded = pad_histories([[1, 2, 3], [4]], 2)
    assert padded.tolist() == [[2, 3], [0, 4]]
    assert mask_seen(torch.zeros(2, 5), [[1, 2, 3], [4]]).isinf().sum(1).tolist() == [4, 2]


@pytest.mark.parametrize("stride", [0, 1, 2, 3, 4])
@pytest.mark.parametrize("size", [0, 1, 2, 4, 5, 6, 11, 12])
def test_windows_make_each_item_a_target_once_after_the_items_before_it(size, stride):
    inputs, targets = sliding_windows([np.arange(1, size + 1), np.arange(1, 3)], 4, stride)
    assert sorted(targets[targets > 0].tolist()) == sorted([*range(2, size + 1), 2])
    for row, column in (targets > 0).nonzero().tolist():
        shown, wanted = inputs[row, : column + 1], int(targets[row, column])
        before = shown[shown > 0].tolist()
        assert before == list(range(wanted - len(before), wanted))
        assert len(before) >= min(4 - (stride or 4) + 1, wanted - 1)


@pytest.mark.parametrize("norm", ["pre", "post"])
def test_user_vector_ignores_padding_and_the_future(norm):
    model = SASRec(9, TargetShape(width=16, length=6, norm=norm)).eval()
    short, padded = torch.tensor([[1, 2, 3]]), torch.tensor([[0, 0, 0, 1, 2, 3]])
    assert torch.allclose(model.encode_users(short), model.encode_users(padded), atol=1e-6)
    longer = torch.tensor([[1, 2, 3, 4, 5, 6]])
    changed = torch.tensor([[1, 2, 3, 9, 8, 7]])
    assert torch.allclose(model.states(longer)[:, :3], model.states(changed)[:, :3], atol=1e-6)
    assert isinstance(model, TwoTower)


@pytest.mark.parametrize("norm", ["pre", "post"])
@pytest.mark.parametrize("blocks", [1, 2])
def test_the_user_vector_is_the_state_after_the_latest_item(norm, blocks):
    torch.manual_seed(0)
    model = SASRec(20, TargetShape(width=16, blocks=blocks, heads=2, length=6, norm=norm)).eval()
    histories = pad_histories([[3], [4, 5, 6], [1, 2, 3, 4, 5, 6, 7]], 6)
    with torch.no_grad():
        torch.testing.assert_close(model.encode_users(histories), model.states(histories)[:, -1])


@pytest.mark.parametrize("blocks", [1, 2])
def test_a_norm_after_each_part_is_the_transformers_encoder(blocks):
    """torch's own layer is the independent implementation."""
    shape = TargetShape(width=16, length=6, norm="post", blocks=blocks, dropout=0)
    torch.manual_seed(0)
    model = SASRec(9, shape).eval()
    x, causal = torch.randn(3, 6, 16), torch.ones(6, 6, dtype=torch.bool).tril()
    wanted = found = x
    for block in model.blocks:
        layer = torch.nn.TransformerEncoderLayer(16, shape.heads, 64, 0.0, "gelu", batch_first=True)
        same = {"self_attn.in_proj_weight": "qkv.weight", "self_attn.in_proj_bias": "qkv.bias"}
        same |= {f"self_attn.out_proj.{part}": f"out.{part}" for part in ("weight", "bias")}
        same |= {f"linear1.{part}": f"feed.0.{part}" for part in ("weight", "bias")}
        same |= {f"linear2.{part}": f"feed.3.{part}" for part in ("weight", "bias")}
        same |= {f"norm1.{part}": f"norm_attention.{part}" for part in ("weight", "bias")}
        same |= {f"norm2.{part}": f"norm_feed.{part}" for part in ("weight", "bias")}
        weights = block.state_dict()
        layer.load_state_dict({theirs: weights[ours] for theirs, ours in same.items()})
        wanted, found = layer.eval()(wanted, src_mask=~causal), block(found, causal[None, None])
    assert torch.allclose(found, wanted, atol=1e-5)
    assert model.norm(found) is found and "norm.weight" not in model.state_dict()


def test_sasrec_learns_a_circle(rng):
    split = leave_one_out(cycles(rng))
    settings = TargetSettings(model=TargetShape(width=32, length=5, dropout=0.1), epochs=20, batch_size=32)
    model, curve = fit_sasrec(split, 12, settings, show_progress=False)
    assert not model.training
    ranked = rank(model, split.test_histories, split.test, 5)
    assert ranked.hits(1).mean() > 0.95
    popular = rank(PopularityRecommender(split.train, 12), split.test_histories, split.test, 5)
    assert popular.hits(1).mean() < 0.6
    again, _ = fit_sasrec(split, 12, settings, show_progress=False)
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), again.parameters(), strict=True))


def test_what_is_kept_of_averaged_weights_is_their_running_average(rng, monkeypatch):
    """The average spans about ten steps, so it lags behind the trained weights."""
    split, steps = leave_one_out(cycles(rng)), []
    step = fitting._step

    def recorded(optimizer, loss):
        step(optimizer, loss)
        steps.append(optimizer.param_groups[0]["params"][0].detach().clone())

    monkeypatch.setattr(fitting, "_step", recorded)
    settings = TargetSettings(model=TargetShape(width=16, length=5), epochs=1, batch_size=32, average=0.9, stride=3)
    model, _ = fit_sasrec(split, 12, settings, show_progress=False)
    wanted = steps[0]
    for weights in steps[1:]:
        wanted = 0.9 * wanted + 0.1 * weights
    kept = next(iter(model.parameters()))
    assert torch.allclose(kept, wanted, atol=1e-6) and not torch.allclose(kept, steps[-1], atol=1e-3)
    assert not model.training and model.score(torch.tensor([[1, 2, 3]])).shape == (1, 13)


def test_rank_equals_the_slow_way(rng):
    histories = [rng.permutation(20)[:4] + 1 for _ in range(30)]
    targets = np.array([next(i for i in rng.permutation(20) + 1 if i not in h) for h in histories])
    scorer = RandomRecommender(20, seed=2)
    ranked = rank(scorer, histories, targets, 4)
    scores = scorer.score(pad_histories(histories, 4)).numpy()
    for row, (history, target) in enumerate(zip(histories, targets, strict=True)):
        unseen = [i for i in range(1, 21) if i not in history]
        order = sorted(unseen, key=lambda i: -scores[row, i])
        assert ranked.ranks[row] == order.index(target) and ranked.top[row].tolist() == order[:10]
    assert ranked.tied_share() == 0


def test_constant_scores_earn_what_chance_does(rng):
    class Flat:
        def score(self, histories):
            return torch.zeros(len(histories), 41)

    drawn = np.array([rng.permutation(40)[:5] + 1 for _ in range(3000)])
    ranked = rank(Flat(), list(drawn[:, :4]), drawn[:, 4], 4)
    assert ranked.hits(5).mean() == pytest.approx(5 / 36, abs=0.025)
    assert ranked.tied_share() == 1 and (ranked.tied == 35).all()
    assert ranked.top1_share() < 0.04 and ranked.coverage(40, 10) == 1
    places = (ranked.top == drawn[:, 4:]).argmax(1)
    assert (places == ranked.ranks)[ranked.ranks < 10].all(), "the rank is the place in the list that is shown"


def test_coverage_is_the_share_of_items_that_anybody_is_recommended():
    none = np.zeros(3, dtype=int)
    ranked = Ranked(none, np.array([[1, 2], [1, 3], [2, 1]]), none)
    assert ranked.coverage(10, 2) == 0.3 and ranked.coverage(10, 1) == 0.2


def test_what_was_chosen_before_is_never_among_the_best(rng):
    histories = [rng.permutation(8)[:n] + 1 for n in (5, 4)]
    ranked = rank(RandomRecommender(8), histories, np.array([0, 0]) + 8, 8)
    for history, top in zip(histories, ranked.top, strict=True):
        best = top[top > 0]
        assert set(best) == set(range(1, 9)) - set(history.tolist()) and not top[len(best) :].any()
    assert ranked.coverage(8, 8) <= 1


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2)])
def test_of_equally_good_epochs_the_most_diverse_is_kept_in_whatever_order_they_come(order, monkeypatch):
    epochs = [(0.1000, 0.05), (0.1001, 0.90), (0.0500, 0.01)]  # the last is not as good
    model, run = torch.nn.Linear(1, 1, bias=False), iter(order)
    model.length, now = 5, []

    def epoch():
        now.append(next(run))
        with torch.no_grad():
            model.weight.fill_(float(now[-1]))
        return 0.0

    class Measured:
        def ndcg(self, k):
            return np.array([epochs[now[-1]][0]])

        def top1_share(self):
            return epochs[now[-1]][1]

    monkeypatch.setattr(fitting, "rank", lambda *_: Measured())
    split = leave_one_out([np.arange(1, 6)] * 3)
    settings = TargetSettings(epochs=3, patience=3, tie=0.01)
    curve = fitting.train_with_early_stopping(model, epoch, split, settings, show_progress=False)
    assert len(curve) == 3 and int(model.weight) == 0


def test_neighbours_leave_the_item_itself_out():
    vectors = torch.tensor([[0.0, 0], [1, 0], [1, 0.1], [0, 1]])
    assert neighbours(vectors, 1)[1:, 0].tolist() == [2, 1, 2]


def test_neighbours_are_those_of_the_whole_matrix(monkeypatch):
    vectors = torch.randn(50, 8, generator=torch.Generator().manual_seed(0))
    whole = neighbours(vectors, 7)
    monkeypatch.setattr(neighbours_module, "BATCH", 16)
    assert torch.equal(neighbours(vectors, 7)[1:], whole[1:])


def test_items_equally_near_are_neighbours_by_chance():
    """Items that nobody chose have a zero vector, so all others are equally far from them."""
    near = neighbours(torch.cat([torch.zeros(201, 2), torch.ones(40, 2)]), 3)[1:].numpy()
    assert (near[200:] > 200).all() and all(item not in row for item, row in enumerate(near, 1))
    counts = np.bincount(near[:200].ravel(), minlength=241)
    assert counts[0] == 0 and counts.max() < 14 and near[:200].mean() == pytest.approx(120, abs=10)


def test_saved_target_loads_back_and_damage_is_an_error(tmp_path):
    model = SASRec(9, TargetShape(width=16, length=6)).eval()
    settings = TargetSettings(model=TargetShape(width=16, length=6))
    save_target(model, 9, settings, tmp_path)
    histories = torch.tensor([[0, 0, 0, 1, 2, 3]])
    assert torch.equal(load_target(tmp_path, settings).score(histories), model.score(histories))
    weights = tmp_path / "target.safetensors"
    weights.write_bytes(weights.read_bytes()[:-50])
    with pytest.raises(CheckpointError, match="cannot load the target"):
        load_target(tmp_path, settings)
