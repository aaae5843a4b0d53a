"""The settings of a run as frozen dataclasses, one file per section; `recx/profiles` overrides the defaults.

A value that no run could use raises `SettingsError` when its dataclass is created.
"""

from recx.settings.ablate_settings import AblateSettings
from recx.settings.accepted_values import NUMBER_FORMATS, PROJECTORS
from recx.settings.align_settings import MODES, AlignSettings, TaskShares
from recx.settings.backbone_settings import BackboneSettings
from recx.settings.chat_settings import ChatSettings
from recx.settings.data_settings import Columns, DataSettings, DemoSettings
from recx.settings.evaluate_settings import EvaluateSettings
from recx.settings.fit_settings import FitSettings
from recx.settings.llmxrec_settings import LLMXRecSettings
from recx.settings.reward_settings import RewardSettings
from recx.settings.run_settings import Settings
from recx.settings.target_settings import FoldInSettings, TargetSettings, TargetShape
from recx.settings.xrec_settings import XRecSettings
