"""Settings of the section `xrec`: learning from explained pairs."""

from dataclasses import dataclass, field

from recx.settings.accepted_values import PROJECTORS, require
from recx.settings.chat_settings import ChatSettings
from recx.settings.fit_settings import FitSettings
from recx.settings.target_settings import TargetSettings, TargetShape


@dataclass(frozen=True)
class XRecSettings:
    """How explained pairs are learnt as in XRec (notebook 14).

    Attributes:
        pairs: explained pairs that are made if the data set comes without any.
        reviews: draw the references of these from the users' reviews (Amazon's files only), instead of attributes.
        writer: a chat model that writes the profiles of these pairs, and distils the reviews; by rule without one.
        variants: names of `recx.alignment.pair_training.VARIANTS` to train, separated by semicolons.
        unseen: share of the test users whose interactions are all left out of the graph.
        graph: the LightGCN whose vectors the language model reads; its `kind` is not used.
        projector: one of the projectors of `align.projector`.
        fit: how each variant is trained; the epoch with the least loss on the validation users is kept.
        max_tokens: longest text.
        seed: random seed of the split, the projectors and the order.
    """

    pairs: int = 1_200
    reviews: bool = False
    writer: ChatSettings = field(default_factory=ChatSettings)
    variants: str = "XRec; XRec without profiles; XRec without injection; XRec, pairs left in"
    unseen: float = 0.2
    graph: TargetSettings = field(
        default_factory=lambda: TargetSettings(
            kind="lightgcn",
            model=TargetShape(width=64, blocks=3, length=200),
            epochs=60,
            patience=8,
            batch_size=8_192,
            learning_rate=1e-2,
            weight_decay=1e-4,
        )
    )
    projector: str = "moe"
    fit: FitSettings = field(
        default_factory=lambda: FitSettings(
            batch_size=32, epochs=5, learning_rate=4e-4, projector_rate=1.0, save_steps=10_000
        )
    )
    max_tokens: int = 100
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("pairs", "max_tokens"):
            require(getattr(self, name) > 0, f"xrec.{name}", "above 0", getattr(self, name))
        require(0 <= self.unseen < 1, "xrec.unseen", "at least 0 and below 1", self.unseen)
        require(self.projector in PROJECTORS, "xrec.projector", f"one of {', '.join(PROJECTORS)}", self.projector)
