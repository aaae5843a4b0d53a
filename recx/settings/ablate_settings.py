"""Settings of the section `ablate`: the ablation of the training tasks."""

from dataclasses import dataclass


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
