import numpy as np
import pytest
import torch
from small_training import small_model

from recx.alignment.answer_rows import answer_log_probs
from recx.alignment.reward_tuning import fit_rewards, group_advantages, grpo_loss
from recx.decoding.sampling import drawn_tokens, sampled_texts
from recx.prompts.entity_ids import EntityIds
from recx.prompts.tokens import Prompt
from recx.settings import FitSettings
from recx.storage.tensors import trainable

SETTINGS = FitSettings(batch_size=4, epochs=10, learning_rate=1e-2, save_steps=3, precision="float32")
ENDS = [1]


def prompts(count=8):
    rng = np.random.default_rng(0)
    users = torch.randn(count, 5, generator=torch.Generator().manual_seed(1))
    return [
        Prompt(
            np.array([*rng.integers(2, 64, rng.integers(3, 6)), 64 + n % 6, EntityIds(64, 6).first("user")]), users[n]
        )
        for n in range(count)
    ]


def low_tokens(rows, texts):
    """The share of a text's tokens below 32."""
    return np.array([np.mean(text < 32) for text in texts])


def tuned(folder, **more):
    model = small_model()
    how = {"group": 6, "max_tokens": 4} | more
    return model, fit_rewards(model, prompts(), low_tokens, ENDS, SETTINGS, folder, **how)


def test_samples_follow_the_models_own_distribution():
    model, prompt = small_model().eval(), prompts(1)[0]
    torch.manual_seed(0)
    (drawn,) = sampled_texts(model, [prompt], ENDS, 4000, max_tokens=1, precision="float32")
    first = np.array([text[0] for text in drawn])
    wanted = [np.exp(answer_log_probs(model, [prompt], [np.array([t])], "float32")[0][0]) for t in range(64)]
    seen = np.bincount(first, minlength=64) / len(first)
    assert np.abs(seen - wanted).max() < 0.02 and np.corrcoef(seen, wanted)[0, 1] > 0.5


def test_with_seeds_a_prompts_texts_do_not_depend_on_the_others():
    model, five = small_model().eval(), prompts(5)
    how = {"max_tokens": 6, "precision": "float32"}
    torch.manual_seed(0)
    together = sampled_texts(model, five, ENDS, 8, **how, seeds=range(5))
    state = torch.random.get_rng_state()
    alone = [sampled_texts(model, [five[n]], ENDS, 8, **how, seeds=[n])[0] for n in range(5)]
    for one, other in zip(together, alone, strict=True):
        assert [t.tolist() for t in one] == [t.tolist() for t in other]
    assert torch.equal(state, torch.random.get_rng_state()) and len({tuple(t) for t in together[0]}) > 4


def test_seeded_draws_follow_the_probabilities():
    wanted = torch.tensor([0.0, 0.5, 0.0, 0.3, 0.2, 0.0])
    draws = [np.random.default_rng(n) for n in range(4000)]
    seen = np.bincount(drawn_tokens(wanted.repeat(4000, 1), (), draws).numpy(), minlength=6) / 4000
    assert np.abs(seen - wanted.numpy()).max() < 0.03 and seen[[0, 2, 5]].sum() == 0


def test_a_text_ends_with_its_end_token_or_at_the_limit():
    model = small_model().eval()
    torch.manual_seed(0)
    drawn = sampled_texts(model, prompts(5), [1, 5, 9, 13], 40, max_tokens=20, precision="float32")
    texts = [text for group in drawn for text in group]
    assert [len(group) for group in drawn] == [40] * 5
    ended = [np.isin(text, [1, 5, 9, 13]) for text in texts]
    assert all(not e[:-1].any() for e in ended)
    assert all(e[-1] or len(t) == 20 for e, t in zip(ended, texts, strict=True))
    assert {len(t) for t in texts} > {1, 20}


def test_colder_samples_are_more_alike():
    model = small_model().eval()
    torch.manual_seed(0)
    hot, cold = (
        sampled_texts(model, prompts(1), ENDS, 50, 3, temperature, "float32")[0] for temperature in (1.0, 0.05)
    )
    assert len({tuple(t) for t in cold}) < len({tuple(t) for t in hot})


def test_advantages_compare_within_a_group():
    got = group_advantages(torch.tensor([[0.0, 1.0, 2.0], [5.0, 5.0, 5.0]]))
    torch.testing.assert_close(got[0], torch.tensor([-1.0, 0.0, 1.0]), atol=1e-3, rtol=0)
    assert got[1].abs().max() == 0


def test_the_gradient_raises_what_earned_more_and_the_distance_pulls_back():
    log_probs = torch.tensor([[-1.0, -2.0, 0.0], [-1.5, -0.5, -3.0]], requires_grad=True)
    written = torch.tensor([[True, True, False], [True, True, True]])
    loss = grpo_loss(log_probs, torch.tensor([1.0, -2.0]), written)
    (gradient,) = torch.autograd.grad(loss, log_probs)
    torch.testing.assert_close(gradient, torch.tensor([[-0.2, -0.2, 0.0], [0.4, 0.4, 0.4]]))
    start = log_probs.detach() + torch.tensor([[0.5, -0.5, 9.0], [0.0, 0.0, 0.0]])
    loss = grpo_loss(log_probs, torch.zeros(2), written, start, beta=0.1)
    assert float(loss) == pytest.approx(0.1 * (np.exp(0.5) + np.exp(-0.5) - 2) / 5)
    (gradient,) = torch.autograd.grad(loss, log_probs)
    assert gradient[0, 0] < 0 < gradient[0, 1] and gradient[0, 2] == 0 and gradient[1].abs().max() == 0


def test_training_raises_the_reward_on_prompts_never_drawn_from(tmp_path):
    model, curve = tuned(tmp_path)
    assert curve[-1]["reward"] > curve[0]["reward"] + 0.15
    assert curve[-1]["kl"] > curve[0]["kl"] >= 0 and 1 <= curve[-1]["tokens"] <= 4
    torch.manual_seed(5)
    before, after = (
        np.mean(
            [low_tokens([], group).mean() for group in sampled_texts(m, prompts(16)[8:], ENDS, 30, 4, 1.0, "float32")]
        )
        for m in (small_model().eval(), model)
    )
    assert after > before + 0.15


def test_the_weight_of_the_distance_keeps_the_model_near(tmp_path):
    far = {beta: tuned(tmp_path / str(beta), beta=beta)[1][-1]["kl"] for beta in (0.0, 2.0)}
    assert far[2.0] < 0.5 * far[0.0]


def test_equal_rewards_teach_nothing(tmp_path):
    model = small_model()
    how = FitSettings(batch_size=4, epochs=2, learning_rate=1e-2, weight_decay=0.0, precision="float32")
    fit_rewards(model, prompts(), lambda rows, texts: np.ones(len(texts)), ENDS, how, tmp_path, 3, 4)
    for name, parameter in trainable(small_model()).items():
        assert torch.equal(parameter, trainable(model)[name]), name


def test_a_resumed_training_draws_the_same_texts_and_ends_with_the_same_weights(tmp_path):
    whole, curve = tuned(tmp_path / "whole")
    tuned(tmp_path / "cut", stop_after=7)
    resumed, again = tuned(tmp_path / "cut")
    assert [row["step"] for row in again] == [row["step"] for row in curve]
    for name, parameter in trainable(whole).items():
        assert torch.equal(parameter, trainable(resumed)[name]), name


NOW = torch.tensor([[-1.0, -2.0, -0.5], [-0.3, -0.7, 0.0], [-2.0, -1.0, -1.0], [-0.2, -3.0, 0.0]])
START = torch.tensor([[-1.5, -1.0, -0.5], [-0.6, -0.9, 0.0], [-1.0, -1.5, -1.0], [-0.4, -1.0, 0.0]])
WRITTEN = torch.tensor([[1, 1, 1], [1, 1, 0], [1, 1, 1], [1, 1, 0]]).bool()
# Of `GRPOTrainer._compute_loss` of TRL 1.16.0 (loss_type "dapo", one iteration), run once on these numbers.
TRL = {
    0.0: (-0.25, [[-0.05, -0.05, -0.05], [0.1, 0.1, 0.0], [-0.2, -0.2, -0.2], [0.15, 0.15, 0.0]]),
    0.04: (
        -0.2255321443080902,
        [
            [-0.04842612147331238, -0.056873127818107605, -0.05],
            [0.10103672742843628, 0.10072507709264755, 0.0],
            [-0.20687313377857208, -0.19842612743377686, -0.2],
            [0.1507250815629959, 0.12444378435611725, 0.0],
        ],
    ),
}


@pytest.mark.parametrize("beta", TRL)
def test_loss_and_gradient_are_those_of_trl(beta):
    now = NOW.clone().requires_grad_()
    loss = grpo_loss(now, torch.tensor([0.5, -1.0, 2.0, -1.5]), WRITTEN, START, beta)
    (gradient,) = torch.autograd.grad(loss, now)
    assert float(loss) == pytest.approx(TRL[beta][0], abs=1e-6)
    np.testing.assert_allclose(gradient, TRL[beta][1], atol=1e-6)
