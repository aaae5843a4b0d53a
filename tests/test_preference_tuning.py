import numpy as np
import pytest
import torch
from small_training import small_model

from recx.alignment.answer_rows import answer_log_probs, perplexities
from recx.alignment.preference_tuning import Preference, dpo_loss, fit_preferences
from recx.prompts.entity_ids import EntityIds
from recx.prompts.tokens import Prompt
from recx.settings import FitSettings
from recx.storage.tensors import trainable

SETTINGS = FitSettings(batch_size=8, epochs=6, learning_rate=3e-3, save_steps=3, precision="float32")


def preferences(count=24):
    """After an item's token, one of two words is preferred; after another person's vector, the other one."""
    rng = np.random.default_rng(0)
    users = torch.randn(2, 5, generator=torch.Generator().manual_seed(1))
    out = []
    for n in range(count):
        before = rng.integers(2, 64, rng.integers(3, 8))
        prompt = Prompt(np.array([*before, 64 + n % 6, EntityIds(64, 6).first("user")]), users[n % 2])
        answers = [np.array([20, 21, 1]), np.array([30, 1])]
        out.append(Preference(prompt, *(answers if n % 2 else answers[::-1])))
    return out


def margins(model, start, pairs):
    def sums(m, answers):
        return np.array([own.sum() for own in answer_log_probs(m, [p.prompt for p in pairs], answers, "float32")])

    good, bad = [p.preferred for p in pairs], [p.rejected for p in pairs]
    return (sums(model, good) - sums(start, good)) - (sums(model, bad) - sums(start, bad))


def test_the_log_probability_of_an_answer_is_that_of_its_tokens_one_by_one():
    model, (pair, other) = small_model().eval(), preferences(2)
    got = answer_log_probs(model, [pair.prompt, other.prompt], [pair.preferred, other.preferred], "float32")
    for p, own in zip((pair, other), got, strict=True):
        ids = torch.from_numpy(np.concatenate([p.prompt.ids, p.preferred]))[None]
        with torch.no_grad(), model.reading(ids, p.prompt.user[None]) as embeddings:
            states = model.decoder_outputs(inputs_embeds=embeddings).last_hidden_state[0]
            every = model.logits(states).log_softmax(-1)
        places = np.arange(len(p.prompt.ids), ids.shape[1]) - 1
        np.testing.assert_allclose(own, every[places, p.preferred].numpy(), atol=1e-5)
    np.testing.assert_allclose(
        perplexities(model, [pair.prompt], [pair.preferred], "float32"), np.exp(-got[0].mean()), rtol=1e-5
    )
    assert np.isnan(perplexities(model, [pair.prompt], [pair.preferred[:0]], "float32")[0])


def test_answers_are_read_with_the_vector_of_the_person():
    model, (pair, other) = small_model().eval(), preferences(2)
    same = Prompt(pair.prompt.ids, other.prompt.user)
    one, two = answer_log_probs(model, [pair.prompt, same], [pair.preferred] * 2, "float32")
    assert np.abs(one - two).max() > 1e-4


def test_the_loss_is_log_2_at_the_start_and_falls_with_the_margin():
    a, b = torch.tensor([-3.0, -5.0]), torch.tensor([-4.0, -1.0])
    assert float(dpo_loss(a, b, (a, b), 0.1)) == pytest.approx(np.log(2))
    assert float(dpo_loss(a + 1, b, (a, b), 0.1)) == pytest.approx(np.log1p(np.exp(-0.1)))
    assert float(dpo_loss(a, b + 1, (a, b), 0.1)) == pytest.approx(np.log1p(np.exp(0.1)))


def test_training_raises_what_is_preferred_over_what_is_rejected(tmp_path):
    model, start, pairs = small_model(), small_model().eval(), preferences()
    curve = fit_preferences(model, pairs, SETTINGS, tmp_path / "checkpoints", beta=0.5, show_progress=False)
    assert (margins(model, start, pairs) > 0).mean() > 0.9
    assert curve[-1]["loss"] < curve[0]["loss"] <= np.log(2) + 1e-3
    assert curve[-1]["margin_positive"] > 0.8


def test_a_larger_beta_keeps_the_model_nearer_to_its_start(tmp_path):
    pairs, far = preferences(), {}
    for beta in (0.1, 5.0):
        model = small_model()
        fit_preferences(model, pairs, SETTINGS, tmp_path / str(beta), beta=beta)
        far[beta] = np.abs(margins(model, small_model().eval(), pairs)).mean()
    assert far[5.0] < far[0.1]


def test_accumulated_batches_take_the_same_steps(tmp_path):
    pairs, weights = preferences(), []
    for accumulate in (1, 4):
        model = small_model()
        how = FitSettings(batch_size=8, accumulate=accumulate, epochs=2, learning_rate=1e-3, precision="float32")
        fit_preferences(model, pairs, how, tmp_path / str(accumulate))
        weights.append(torch.cat([p.detach().flatten() for p in trainable(model).values()]))
    torch.testing.assert_close(*weights, atol=2e-5, rtol=1e-3)


def test_a_resumed_training_ends_with_the_same_weights(tmp_path):
    pairs, whole, resumed = preferences(), small_model(), small_model()
    fit_preferences(whole, pairs, SETTINGS, tmp_path / "whole")
    fit_preferences(resumed, pairs, SETTINGS, tmp_path / "cut", stop_after=7)
    resumed = small_model()
    fit_preferences(resumed, pairs, SETTINGS, tmp_path / "cut")
    for name, parameter in trainable(whole).items():
        assert torch.equal(parameter, trainable(resumed)[name]), name


# Of two pairs of answers: log-probabilities of their tokens now and at the start, the preferred answers first.
NOW = torch.tensor([[-1.0, -2.0, -0.5], [-0.3, -0.7, 0.0], [-2.0, -1.0, -1.0], [-0.2, -3.0, 0.0]])
START = torch.tensor([[-1.5, -1.0, -0.5], [-0.6, -0.9, 0.0], [-1.0, -1.5, -1.0], [-0.4, -1.0, 0.0]])


def test_loss_and_gradient_are_those_of_trl():
    """The figures come from `DPOTrainer._compute_loss` of TRL 1.16.0 (beta = 0.1), run once on these numbers."""
    now = NOW.clone().requires_grad_()
    loss = dpo_loss(*now.sum(1).chunk(2), START.sum(1).chunk(2), 0.1)
    (gradient,) = torch.autograd.grad(loss, now)
    assert float(loss) == pytest.approx(0.6389461755752563, abs=1e-6)
    np.testing.assert_allclose(gradient[:, 0], [-0.025, -0.022137608379125595, 0.025, 0.022137608379125595], atol=1e-6)
