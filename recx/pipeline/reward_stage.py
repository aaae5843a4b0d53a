"""What notebook 16 runs: an aligned model tuned on rewards measured on the target, and what has become of its texts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import pandas as pd
import torch

from recx.alignment.preference_tuning import Preference, fit_preferences
from recx.alignment.reward_tuning import Reward, fit_rewards
from recx.attribution.removal import value_function
from recx.evaluation import reward_study as study
from recx.evaluation import text_rewards, written_lists
from recx.evaluation.pair_effects import PairEffects, effects_of
from recx.evaluation.test_set import Pairs, TestSet, draw_test_set, pairs_of
from recx.explaining.aligned import AlignedExplainer
from recx.explaining.measured import measure_evidence, template_explanations
from recx.models.saved_models import load_aligned
from recx.pipeline import stages
from recx.pipeline.finished import FinishedRun, open_finished
from recx.prompts.requests import Request
from recx.prompts.tokens import Prompt
from recx.recommenders.labels import label_histories
from recx.settings import Settings
from recx.storage.run_folder import Run

Measured = dict[str, dict[str, np.ndarray]]
EFFECT, RANKING, SUMMARY = "effect", "ranking", "summary"


@dataclass(frozen=True)
class RewardStage:
    """What is tuned, on what, and what it is tested on.

    Attributes:
        settings: settings of the run.
        run: run of the stage, for checkpoints.
        opened: data, target and explainers.
        untuned: the explainer of the main mode.
        test_set: test histories.
        pairs: test pairs.
        effects: their effects on the target.
        own: training pairs.
        own_effects: their effects on the target.
    """

    settings: Settings
    run: Run
    opened: FinishedRun
    untuned: AlignedExplainer
    test_set: TestSet
    pairs: Pairs
    effects: list[PairEffects]
    own: Pairs
    own_effects: list[PairEffects]

    @property
    def requests(self) -> list[Request]:
        """The questions about the test pairs."""
        return self.untuned.explanation_requests(self.pairs.histories, self.pairs.items.tolist())


def open_stage(settings: Settings, run: Run) -> RewardStage:
    """Open the finished run and draw the training pairs."""
    opened, how = open_finished(settings), settings.rewards
    target, length = opened.target, opened.target.length
    test_set = draw_test_set(opened.split, target, length, settings.evaluate)
    pairs = pairs_of(test_set, settings.evaluate.pairs)
    value = value_function(target, opened.split.train, length)
    own = study.training_pairs(opened.split, target, length, how.pairs, how.seed)
    untuned = opened.explainers[settings.align.main_mode]
    effects, own_effects = effects_of(value, pairs), effects_of(value, own)
    return RewardStage(settings, run, opened, untuned, test_set, pairs, effects, own, own_effects)


def draw_preferences(stage: RewardStage) -> tuple[list[Preference], pd.DataFrame]:
    """Preferences among random texts about the training pairs, see `recx.evaluation.reward_study`."""
    torch.manual_seed(stage.settings.rewards.seed)
    return study.draw_preferences(
        stage.untuned, stage.own, stage.own_effects, stage.settings.rewards, show_progress=True
    )


def tune_on_preferences(stage: RewardStage, preferences: Sequence[Preference]) -> tuple[AlignedExplainer, pd.DataFrame]:
    """The explainer tuned on preferences, and its training curve."""
    model, how = _tunable(stage), stage.settings.rewards
    folder = stage.run.checkpoints() / "preferences"
    curve = fit_preferences(model, preferences, how.preferences, folder, how.beta, how.seed, show_progress=True)
    return stage.untuned.with_model(model.requires_grad_(False)), pd.DataFrame(curve)


def tune_on_effects(stage: RewardStage) -> tuple[AlignedExplainer, pd.DataFrame]:
    """The explainer tuned on the effect of what its own texts cite, and its training curve."""
    own, count = stage.own, stage.settings.rewards.prompts
    requests = stage.untuned.explanation_requests(own.histories[:count], own.items[:count].tolist())
    reward = study.effect_rewards(stage.untuned, requests, stage.own_effects)
    return _tune(stage, EFFECT, stage.untuned.prompts(requests), reward)


def tune_on_rankings(stage: RewardStage) -> tuple[AlignedExplainer, pd.DataFrame]:
    """The explainer tuned on the NDCG of its own rankings, as in Rec-R1, and its training curve."""
    requests, ideal = ranking_questions(stage, training=True)
    reward = written_lists.ranking_rewards(stage.untuned, ideal)
    return _tune(stage, RANKING, stage.untuned.prompts(requests), reward)


def tune_on_summaries(stage: RewardStage) -> tuple[AlignedExplainer, pd.DataFrame]:
    """The explainer tuned on how well the target ranks from the explainer's summaries (after ReLSum), and its curve."""
    histories = stage.own.histories[: stage.settings.rewards.prompts]
    requests = stage.untuned.requests("history", histories)
    reward = written_lists.summary_reward(stage.untuned, stage.opened.target, histories)
    return _tune(stage, SUMMARY, stage.untuned.prompts(requests), reward)


def explain(stage: RewardStage, explainers: Mapping[str, AlignedExplainer]) -> tuple[Measured, dict[str, list[str]]]:
    """Explain the test pairs with each explainer; beside them stand the untuned one that is told, and the template.

    Returns:
        What `measure_explanations` says of each, and the texts.
    """
    pairs, requests, length = stage.pairs, stage.requests, stage.settings.rewards.max_tokens
    value = stage.effects[0].value
    answers = {name: study.answers_of(own, requests, length) for name, own in explainers.items()}
    told = stage.untuned.with_evidence(partial(measure_evidence, value))
    asked = told.explanation_requests(pairs.histories, pairs.items.tolist())
    filled = template_explanations(value, stage.opened.data.catalogue, pairs.histories, pairs.items.tolist())
    plain = {"told the causes": (asked, study.answers_of(told, asked, length).texts)}
    plain["template"] = (asked, [e.text for e in filled])
    for name, (own, texts) in plain.items():
        answers[name] = replace(study.retold(stage.untuned, requests, texts), requests=own)
    measured = {n: study.measure_explanations(stage.untuned, own, stage.effects) for n, own in answers.items()}
    return measured, {name: own.texts for name, own in answers.items()}


def rank(stage: RewardStage, explainers: Mapping[str, AlignedExplainer]) -> Measured:
    """Let each explainer write its ranking of every test history's candidates."""
    requests, ideal = ranking_questions(stage, training=False)
    length = stage.settings.rewards.max_tokens
    return {
        name: written_lists.measure_rankings(stage.untuned, study.answers_of(own, requests, length), ideal)
        for name, own in explainers.items()
    }


def summarise(stage: RewardStage, explainers: Mapping[str, AlignedExplainer]) -> Measured:
    """Let each explainer summarise the test histories by titles; beside them stand summaries without a model."""
    target, length = stage.opened.target, stage.untuned.max_history
    histories, asked = _summarised(stage)
    next_items = np.array([whole[-1] for whole in asked])
    requests = stage.untuned.requests("history", histories)
    measured = {
        name: written_lists.measure_summaries(
            stage.untuned,
            study.answers_of(own, requests, stage.settings.rewards.max_tokens),
            target,
            histories,
            next_items,
        )
        for name, own in explainers.items()
    }
    return measured | {
        name: written_lists.summary_metrics(target, own, histories, next_items, length)
        for name, own in written_lists.plain_summaries(target, histories, length).items()
    }


def ranking_questions(stage: RewardStage, training: bool) -> tuple[list[Request], np.ndarray]:
    """Task 2 about training or test histories, and the candidates (R, 5) in the target's order."""
    if not training:
        count = stage.test_set.ranking_users
        shown, ideal = stage.test_set.candidates[:count], stage.test_set.labels.ranked[:count]
        return stage.untuned.requests("ranking", stage.test_set.histories[:count], shown), ideal
    rng = np.random.default_rng(stage.settings.rewards.seed)
    histories = stage.own.histories[: stage.settings.rewards.prompts]
    ideal = label_histories(stage.opened.target, histories, stage.untuned.max_history, rng).ranked
    return stage.untuned.requests("ranking", histories, rng.permuted(ideal, axis=1)), ideal


def _summarised(stage: RewardStage) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Test histories without their last item, and as they are: those with more items than a summary has."""
    whole = [
        h
        for h in stage.test_set.histories[: stage.test_set.ranking_users]
        if len(np.unique(h[:-1])) > text_rewards.SUMMARY
    ]
    whole = [h for h in whole if h[-1] not in h[:-1]]
    return [h[:-1] for h in whole], whole


def _tunable(stage: RewardStage) -> torch.nn.Module:
    mode = stage.settings.align.main_mode
    return load_aligned(stages.folder(stages.ALIGN[mode], stage.settings), tunable=True)[0]


def _tune(
    stage: RewardStage, name: str, prompts: Sequence[Prompt], reward: Reward
) -> tuple[AlignedExplainer, pd.DataFrame]:
    model, how = _tunable(stage), stage.settings.rewards
    curve = fit_rewards(
        model,
        prompts,
        reward,
        stage.untuned.encoder.ends,
        how.reinforcement,
        stage.run.checkpoints() / name,
        how.group,
        how.max_tokens,
        how.kl,
        how.seed,
        show_progress=True,
    )
    return stage.untuned.with_model(model.requires_grad_(False)), pd.DataFrame(curve)
