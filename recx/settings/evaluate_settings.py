"""Settings of the section `evaluate`: how much is evaluated, and with what."""

from dataclasses import dataclass, field

from recx.settings.accepted_values import require
from recx.settings.chat_settings import ChatSettings


@dataclass(frozen=True)
class EvaluateSettings:
    """How much is evaluated.

    Attributes:
        users: number of users for tasks 1, 3 and 6 (0: all).
        ranking_users: number of users for task 2 (0: all).
        free_users: users for unconstrained beam search in task 1, as in the paper's code (0: all, -1: none).
        pairs: user-item pairs to explain, half of them liked by the target.
        shots: in-context examples for methods without alignment.
        rated: number of pairs whose explanations are rated.
        sources: explanations per source for discrimination and score prediction.
        discriminator: `tfidf`, or `bert` for a fine-tuned encoder.
        encoder: hub id or folder of an encoder, required by the discriminator `bert`; BERTScore is skipped if it is
            empty.
        ratings: file or folder with human ratings (JSON lines); none by default.
        imported: file or folder with explanations written elsewhere (JSON lines), one method per file; none by default.
        judge: a chat model as an additional judge.
        chat: a chat model as an additional method.
        seed: random seed for choosing users and items.
    """

    users: int = 600
    ranking_users: int = 400
    free_users: int = 100
    pairs: int = 300
    shots: int = 2
    rated: int = 500
    sources: int = 1000
    discriminator: str = "tfidf"
    encoder: str = ""
    ratings: str = ""
    imported: str = ""
    judge: ChatSettings = field(default_factory=ChatSettings)
    chat: ChatSettings = field(default_factory=ChatSettings)
    seed: int = 1

    def __post_init__(self) -> None:
        for name in ("users", "ranking_users"):
            require(getattr(self, name) >= 0, f"evaluate.{name}", "at least 0 (all)", getattr(self, name))
        require(self.free_users >= -1, "evaluate.free_users", "at least -1 (none)", self.free_users)
        for name, least in (("pairs", 2), ("shots", 0), ("rated", 1), ("sources", 1)):
            require(getattr(self, name) >= least, f"evaluate.{name}", f"at least {least}", getattr(self, name))
        known = self.discriminator in ("tfidf", "bert")
        require(known, "evaluate.discriminator", "'tfidf' or 'bert'", self.discriminator)
        named = bool(self.encoder) or self.discriminator == "tfidf"
        require(named, "evaluate.encoder", "a hub id or folder for evaluate.discriminator=bert", self.encoder)
