"""Settings of the section `target`: the recommender that is explained."""

from dataclasses import dataclass, field
from pathlib import Path

from recx.settings.accepted_values import TARGETS, require

_BASELINES = ("random", "popularity", "distilled", "constant")  # as tables call them


@dataclass(frozen=True)
class TargetShape:
    """Shape of a built-in target; MF uses only width and length, LightGCN also uses blocks.

    Attributes:
        width: dimension d of the vectors.
        blocks: self-attention layers; propagation layers for LightGCN.
        heads: attention heads of SASRec, a divisor of its width.
        length: number of most recent items that the target reads and that prompts show.
        dropout: dropout rate during training.
        norm: `pre` normalises the input of each part of a block, as in the SASRec paper (section III-C); `post`
            normalises each sum, as in the Transformer of 2017. Which one is better depends on the data set, see
            benchmarks/README.md.
    """

    width: int = 64
    blocks: int = 2
    heads: int = 2
    length: int = 10
    dropout: float = 0.3
    norm: str = "pre"

    def __post_init__(self) -> None:
        for name in ("width", "blocks", "heads", "length"):
            require(getattr(self, name) >= 1, f"target.model.{name}", "at least 1", getattr(self, name))
        require(0 <= self.dropout < 1, "target.model.dropout", "at least 0 and below 1", self.dropout)
        require(self.norm in ("pre", "post"), "target.model.norm", "'pre' or 'post'", self.norm)


@dataclass(frozen=True)
class FoldInSettings:
    """How given factors (`target.kind=factors`) turn a history into a user vector.

    Attributes:
        by: `mean` of the item factors, or `als`, the least squares of implicit feedback ALS.
        regularization: the regularisation with which ALS learnt the factors.
        alpha: the confidence of ALS in an interaction; that in items that were not chosen is 1.
    """

    by: str = "mean"
    regularization: float = 0.01
    alpha: float = 1.0

    def __post_init__(self) -> None:
        require(self.by in ("mean", "als"), "target.fold_in.by", "'mean' or 'als'", self.by)
        for name in ("regularization", "alpha"):
            require(0 < getattr(self, name) < float("inf"), f"target.fold_in.{name}", "above 0", getattr(self, name))


@dataclass(frozen=True)
class TargetSettings:
    """Which target to use, and how it is trained.

    Attributes:
        kind: `sasrec`, `mf` or `lightgcn`; a recommender made elsewhere, `factors`, `recbole` or `rectools`; or the
            user's own Python file that defines `build(items, length)`.
        files: folder from which a recommender made elsewhere is read.
        fold_in: how given factors read a history.
        model: shape of the target.
        epochs: largest number of passes over the training windows.
        patience: epochs without a better validation NDCG@10 before early stopping.
        batch_size: rows per step.
        stride: of SASRec's training windows (0: the window length, so that windows do not overlap). If sequences are
            much longer than windows, a smaller stride also trains on histories of full length, at a higher cost.
        average: decay per step of the moving average of SASRec's weights that is validated and kept (0: no averaging).
        learning_rate: learning rate of AdamW (Adam for MF and LightGCN).
        weight_decay: of AdamW; for MF and LightGCN, of the vectors used by each row.
        tie: relative difference in NDCG@10 below which the more diverse epoch is preferred.
        seed: random seed of weights, order and dropout.
    """

    kind: str = "sasrec"
    files: str = ""
    fold_in: FoldInSettings = field(default_factory=FoldInSettings)
    model: TargetShape = field(default_factory=TargetShape)
    epochs: int = 40
    patience: int = 10
    batch_size: int = 128
    stride: int = 0
    average: float = 0.0
    learning_rate: float = 4e-3
    weight_decay: float = 0.01
    tie: float = 0.01
    seed: int = 0

    def __post_init__(self) -> None:
        known = self.kind in TARGETS or self.kind.endswith(".py")
        require(known, "target.kind", f"{', '.join(TARGETS)} or your own Python file", self.kind)
        for name in ("epochs", "patience", "batch_size"):
            require(getattr(self, name) >= 1, f"target.{name}", "at least 1", getattr(self, name))
        require(self.learning_rate > 0, "target.learning_rate", "above 0", self.learning_rate)
        require(self.weight_decay >= 0, "target.weight_decay", "at least 0", self.weight_decay)
        require(0 <= self.tie < 1, "target.tie", "at least 0 and below 1", self.tie)
        if self.kind == "sasrec":
            divisor = f"a divisor of target.model.width ({self.model.width})"
            require(self.model.width % self.model.heads == 0, "target.model.heads", divisor, self.model.heads)
        length = self.model.length
        between = f"between 0 and target.model.length ({length})"
        require(0 <= self.stride <= length, "target.stride", between, self.stride)
        require(0 <= self.average < 1, "target.average", "at least 0 and below 1", self.average)

    @property
    def name(self) -> str:
        """The kind as shown in tables: for the user's own file, its stem, or its name where the stem means another."""
        path = Path(self.kind)
        return path.name if path.suffix == ".py" and path.stem in (*TARGETS, *_BASELINES) else path.stem
