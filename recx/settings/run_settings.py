"""All settings of a run, section by section."""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

from recx.settings.ablate_settings import AblateSettings
from recx.settings.align_settings import AlignSettings
from recx.settings.data_settings import DataSettings
from recx.settings.evaluate_settings import EvaluateSettings
from recx.settings.llmxrec_settings import LLMXRecSettings
from recx.settings.reward_settings import RewardSettings
from recx.settings.target_settings import TargetSettings
from recx.settings.xrec_settings import XRecSettings


@dataclass(frozen=True)
class Settings:
    """All settings of a run.

    Attributes:
        profile: name of the profile that the settings come from.
        variant: name of a variant of the alignment, stored separately; set by the ablation.
        data: the data set.
        target: the recommender.
        align: the alignment.
        evaluate: the evaluation.
        ablate: the ablation.
        llmxrec: instruction tuning on explanations.
        xrec: learning from explained pairs.
        rewards: tuning on rewards measured on the target.
    """

    profile: str = "tiny"
    variant: str = ""
    data: DataSettings = field(default_factory=DataSettings)
    target: TargetSettings = field(default_factory=TargetSettings)
    align: AlignSettings = field(default_factory=AlignSettings)
    evaluate: EvaluateSettings = field(default_factory=EvaluateSettings)
    ablate: AblateSettings = field(default_factory=AblateSettings)
    llmxrec: LLMXRecSettings = field(default_factory=LLMXRecSettings)
    xrec: XRecSettings = field(default_factory=XRecSettings)
    rewards: RewardSettings = field(default_factory=RewardSettings)

    @property
    def dataset(self) -> str:
        """Name of the data set in folders and results; the name of a user's own folder includes a hash of its path."""
        path = Path(self.data.name)
        if path.name == self.data.name:
            return self.data.name
        return f"{path.name}-{hashlib.sha256(str(path).encode()).hexdigest()[:6]}"
