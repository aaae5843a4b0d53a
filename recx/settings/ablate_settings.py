"""Settings of the section `ablate`: the ablation of the training tasks."""

from dataclasses import dataclass

from recx.settings.accepted_values import require


@dataclass(frozen=True)
class AblateSettings:
    """How the ablation is run.

    Attributes:
        seeds: training runs per variant, with seeds 0, 1, ...
        scale: training rows as a fraction of those of the alignment.
        users: number of test users for the alignment metrics.
        pairs: number of pairs whose explanations are rated.
        at_once: parallel training runs (0: one with a GPU, otherwise one per core, up to four).
    """

    seeds: int = 3
    scale: float = 0.28
    users: int = 300
    pairs: int = 200
    at_once: int = 0

    def __post_init__(self) -> None:
        require(self.scale > 0, "ablate.scale", "above 0", self.scale)
        for name, least in (("seeds", 1), ("users", 0), ("pairs", 2), ("at_once", 0)):
            require(getattr(self, name) >= least, f"ablate.{name}", f"at least {least}", getattr(self, name))
