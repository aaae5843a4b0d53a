"""Settings of the section `llmxrec`: instruction tuning on explanations."""

from dataclasses import dataclass, field

from recx.settings.accepted_values import require
from recx.settings.fit_settings import FitSettings


@dataclass(frozen=True)
class LLMXRecSettings:
    """How a language model is tuned on explanations as instructions, and what is asked of it (notebook 13).

    Attributes:
        files: folder with the public files of LLMXRec; empty for instructions about the run's own data.
        instructions: file with your instructions about the run's own data (JSON lines, see docs/judge.md); empty for
            instructions written by rule.
        amounts: numbers of instructions to tune on, separated by spaces or commas.
        tested: recommendations per recommender, and per data set of the public files, that are explained.
        people: people about whose attributes the model is asked.
        lora_rank: rank of the LoRA adapters, which alone are tuned.
        lora_alpha: scale of the adapters.
        max_tokens: longest explanation.
        seed: random seed of all drawing, and of the adapters.
        fit: training of the model that explains.
        judge: training of the discriminator.
    """

    files: str = ""
    instructions: str = ""
    amounts: str = "0 10 20 50 100 200 240"
    tested: int = 40
    people: int = 200
    lora_rank: int = 16
    lora_alpha: int = 32
    max_tokens: int = 120
    seed: int = 0
    fit: FitSettings = field(default_factory=lambda: FitSettings(batch_size=8, epochs=5, learning_rate=1e-3))
    judge: FitSettings = field(default_factory=lambda: FitSettings(batch_size=32, epochs=2, learning_rate=1e-3))

    def __post_init__(self) -> None:
        parts = self.amounts.replace(",", " ").split()
        whole = bool(parts) and all(part.isdecimal() for part in parts)
        require(whole, "llmxrec.amounts", "whole numbers, separated by spaces", self.amounts)
        for name in ("tested", "people", "lora_rank", "lora_alpha", "max_tokens"):
            require(getattr(self, name) >= 1, f"llmxrec.{name}", "at least 1", getattr(self, name))

    @property
    def amount_list(self) -> tuple[int, ...]:
        """The numbers of instructions, in ascending order."""
        return tuple(sorted({int(part) for part in self.amounts.replace(",", " ").split()}))
