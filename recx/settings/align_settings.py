"""Settings of the section `align`: modes, what they are trained on, and where each starts."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

from recx.settings.accepted_values import PROJECTORS, require
from recx.settings.backbone_settings import BackboneSettings
from recx.settings.fit_settings import FitSettings

MODES = ("behavior", "intention", "hybrid", "relation")


def last_mode(modes: Iterable[str]) -> str:
    """The last of some modes in the order behavior, intention, hybrid, relation: the one that reads the most input.

    Other names, such as those of models that are not aligned, are passed over.
    """
    return max((mode for mode in modes if mode in MODES), key=MODES.index)


@dataclass(frozen=True)
class TaskShares:
    """Share of the training rows per task; the shares need not add up to one.

    Attributes:
        retrieval: task 1, next-item prediction.
        ranking: task 2, ordering five items as the target does.
        preference: task 3, like or dislike.
        item: task 4, facts and related items.
        conversation: task 5, general conversations.
        reconstruction: task 6, the history or its summary.
        explanation: answers in the backbone's own words that begin with the target's decision; in the relation mode,
            answers written from the effects of titles.
        attribution: what mattered, from predicted effects (relation mode only).
    """

    retrieval: float = 0.27
    ranking: float = 0.05
    preference: float = 0.36
    item: float = 0.07
    conversation: float = 0.02
    reconstruction: float = 0.04
    explanation: float = 0.19
    attribution: float = 0.0

    def __post_init__(self) -> None:
        shares = vars(self)
        for name, share in shares.items():
            require(0 <= share < math.inf, f"align.shares.{name}", "0 or more", share)
        others = sum(share for name, share in shares.items() if name not in ("explanation", "attribution"))
        require(others + self.explanation > 0, "align.shares", "above 0 for at least one task", shares)


@dataclass(frozen=True)
class AlignSettings:
    """How the language model is aligned.

    Attributes:
        modes: modes to align, separated by spaces or commas; a recommender that only gives scores supports behavior
            alone.
        backbone: the language model.
        projector: how vectors of the target become input vectors of the language model: `mlp`, two layers with a GELU
            as in RecExplainer; `linear`; or `moe`, eight linear experts with a noisy gate as in XRec.
        inject: also add the vector of each entity token to what the queries, keys and values of every layer are
            computed from at its position, as in XRec.
        fit: how it is trained.
        shares: task shares.
        relation_shares: task shares in the relation mode, which continues from the hybrid mode.
        rows_behavior: training rows of the behavior mode.
        rows_intention: training rows of the intention mode.
        rows_hybrid: training rows of the hybrid mode.
        rows_relation: training rows of the relation mode.
        measured: at most this many histories have their effects measured for the relation mode, each with twelve
            liked and twelve disliked items.
        hybrid_from: initial weights of the hybrid mode: `backbone`, as in the paper, or `intention`, the model aligned
            in that mode, whose rows are only a third as long.
        relation_from: initial weights of the relation mode: `hybrid`, the model aligned in that mode; `shipped`, the
            model that ships for this backbone; or the folder of a model aligned in the relation mode to any
            recommender. The latter two already know how to read relation tokens, which mean the same for every
            recommender; only the projectors of items and users are learnt anew, and no other mode has to be aligned.
        continued_weight: for a hybrid mode that continues from the intention mode, where it starts between the backbone
            (0) and that model (1).
        continued_rate: learning rate of a mode that continues from another, as a multiple of `fit.learning_rate`.
        variants: synthetic histories per real one, spliced from two users' histories; the target labels them too. They
            are shown as user vectors, and as titles only in the explanations that the backbone writes.
        own_words: number of explanations that the backbone writes for training.
        conversations: file or folder with conversations for task 5; built-in ones by default.
        max_tokens: longest row, in tokens.
        seed: random seed of labels, rows, projectors and order.
    """

    modes: str = "behavior intention hybrid relation"
    backbone: BackboneSettings = field(default_factory=BackboneSettings)
    projector: str = "mlp"
    inject: bool = False
    fit: FitSettings = field(default_factory=FitSettings)
    shares: TaskShares = field(default_factory=TaskShares)
    relation_shares: TaskShares = field(
        default_factory=lambda: TaskShares(0.10, 0.02, 0.16, 0.02, 0.01, 0.02, explanation=0.47, attribution=0.20)
    )
    rows_behavior: int = 14_000
    rows_intention: int = 70_000
    rows_hybrid: int = 44_000
    rows_relation: int = 60_000
    measured: int = 20_000
    hybrid_from: str = "intention"
    relation_from: str = "hybrid"
    continued_weight: float = 0.8
    continued_rate: float = 0.5
    variants: int = 1
    own_words: int = 5_000
    conversations: str = ""
    max_tokens: int = 320
    seed: int = 0

    def __post_init__(self) -> None:
        named = set(self.modes.replace(",", " ").split())
        once = len(named) == len(self.modes.replace(",", " ").split())
        require(once, "align.modes", "a list that names no mode twice", self.modes)
        require(bool(named) and named <= set(MODES), "align.modes", f"some of {', '.join(MODES)}", self.modes)
        require(bool(self.relation_from), "align.relation_from", "'hybrid', 'shipped' or a folder", self.relation_from)
        ready = "relation" not in named or "hybrid" in named or self.relation_from != "hybrid"
        needed = "'relation' together with 'hybrid', from which it continues unless align.relation_from=shipped"
        require(ready, "align.modes", needed, self.modes)
        vectors = "a list without 'behavior' (which has no projectors to tune) where align.backbone.frozen=true"
        require(not (self.backbone.frozen and "behavior" in named), "align.modes", vectors, self.modes)
        require(self.projector in PROJECTORS, "align.projector", f"one of {', '.join(PROJECTORS)}", self.projector)
        starts = ("backbone", "intention")
        require(self.hybrid_from in starts, "align.hybrid_from", "'backbone' or 'intention'", self.hybrid_from)
        require(0 <= self.continued_weight <= 1, "align.continued_weight", "between 0 and 1", self.continued_weight)

        for mode in self.mode_list:
            rows = getattr(self, f"rows_{mode}")
            require(rows > 0, f"align.rows_{mode}", "above 0", rows)
        for name, least in (("variants", 0), ("own_words", 0), ("max_tokens", 1)):
            require(getattr(self, name) >= least, f"align.{name}", f"{least} or more", getattr(self, name))
        require(0 < self.continued_rate < math.inf, "align.continued_rate", "above 0", self.continued_rate)
        require(self.measured > 0 or "relation" not in named, "align.measured", "above 0", self.measured)

    @property
    def mode_list(self) -> tuple[str, ...]:
        """The modes that are aligned, in the order behavior, intention, hybrid, relation."""
        named = self.modes.replace(",", " ").split()
        return tuple(mode for mode in MODES if mode in named)

    def start_of(self, mode: str) -> tuple[str, float]:
        """What `mode` continues from, and where between the backbone (0) and its weights (1) it starts.

        The name is that of another mode or, for the relation mode, the value of `relation_from`; it is empty for a mode
        that starts from the backbone.
        """
        if mode == "relation":
            return self.relation_from, 1.0
        if mode == "hybrid" and self.hybrid_from == "intention" and "intention" in self.mode_list:
            return "intention", self.continued_weight
        return "", 0.0

    def trains_explanations(self, mode: str) -> bool:
        """Whether a mode is trained on explanations; in the paper, explanations are requested without such training.

        The relation mode learns them from the effects of titles, the others from texts the backbone wrote itself.
        """
        shares, written = (self.relation_shares, 1) if mode == "relation" else (self.shares, self.own_words)
        return bool(shares.explanation and written)

    @property
    def main_mode(self) -> str:
        """The aligned mode that is shown and rated first."""
        return last_mode(self.mode_list)
