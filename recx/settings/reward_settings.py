"""Settings of the section `rewards`: tuning on rewards measured on the target."""

from dataclasses import dataclass, field

from recx.settings.accepted_values import require
from recx.settings.fit_settings import FitSettings


@dataclass(frozen=True)
class RewardSettings:
    """How an aligned model is tuned on rewards measured on the target (notebook 16).

    Attributes:
        pairs: training pairs of a history and an item.
        samples: texts drawn for each pair, of which the best and the worst become a preference.
        temperature: sampling temperature of these texts.
        gap: least difference between the rewards of the two texts of a preference.
        good: least reward of a text that is preferred; where none reaches it, the worst is rewritten.
        beta: how strongly preferences hold the model to its start, in 1 / nats.
        preferences: training on preferences; a row is a pair of texts.
        prompts: number of prompts in the reinforcement learning of each reward.
        group: texts drawn for each prompt.
        kl: weight of the KL divergence from the model before tuning, in reinforcement learning.
        reinforcement: settings of the reinforcement learning; a row is a prompt.
        max_tokens: longest text.
        seed: random seed of the pairs, the texts and the order.
    """

    pairs: int = 320
    samples: int = 6
    temperature: float = 1.0
    gap: float = 0.2
    good: float = 0.7
    beta: float = 0.1
    preferences: FitSettings = field(
        default_factory=lambda: FitSettings(batch_size=32, epochs=2, learning_rate=2e-4, projector_rate=1.0)
    )
    prompts: int = 160
    group: int = 8
    kl: float = 0.02
    reinforcement: FitSettings = field(
        default_factory=lambda: FitSettings(
            batch_size=8, epochs=1, learning_rate=3e-4, projector_rate=1.0, save_steps=20
        )
    )
    max_tokens: int = 120
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("samples", "group"):
            require(getattr(self, name) >= 2, f"rewards.{name}", "at least 2", getattr(self, name))
        for name in ("pairs", "prompts", "max_tokens", "temperature", "beta"):
            require(getattr(self, name) > 0, f"rewards.{name}", "above 0", getattr(self, name))
        require(self.kl >= 0, "rewards.kl", "0 or more", self.kl)
