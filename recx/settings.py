"""Every setting of the kit, as frozen dataclasses; the files in `recx/profiles` say what differs from these defaults.

A value that no run could use raises `SettingsError` when its dataclass is made.
"""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

from recx.errors import SettingsError

MODES = ("behavior", "intention", "hybrid", "relation")
NUMBER_FORMATS = ("auto", "bfloat16", "float16", "float32")


def _require(holds: bool, key: str, accepted: str, value: object) -> None:
    if not holds:
        raise SettingsError(f"Setting {key!r} is {accepted}, not {value!r}.")


@dataclass(frozen=True)
class DemoSettings:
    """Size and rules of the demo world.

    Attributes:
        users: number of people.
        seed: of everything that is drawn.
        shortest: fewest choices of a person.
        mean_length: average number of choices.
        follow_series: chance to go on with a started series, where a next entry is at hand.
        buy_accessory: chance of an accessory for the platform owned most games of.
        noise: chance of a random choice.
    """

    users: int = 3000
    seed: int = 0
    shortest: int = 5
    mean_length: float = 10.0
    follow_series: float = 0.45
    buy_accessory: float = 0.08
    noise: float = 0.06


@dataclass(frozen=True)
class Columns:
    """How one's own files are read. What is empty is found out from the files, and what was decided is said.

    Columns of a file without a header are called 1, 2, 3 and so on.

    Attributes:
        user: column of who chose, in the log of interactions.
        item: column of what was chosen, in the log and in the file of items.
        timestamp: column of when; rows keep the file's order without it.
        rating: column of the rating.
        title: column of the title, in the file of items (in the log, where there is no such file).
        separator: between two columns: one character, or tab, comma, semicolon, pipe or space.
        encoding: of the characters, e.g. utf-8, latin-1 or cp1251.
        header: yes or no: whether the first line names the columns.
        quote: around values that hold a separator: one character, or none.
        date_format: of the times, e.g. "%d/%m/%Y %H:%M"; or seconds, milliseconds, microseconds, nanoseconds (since
            1970), or number, of which only the order counts.
        value_separator: between several values of one attribute in a text column.
    """

    user: str = ""
    item: str = ""
    timestamp: str = ""
    rating: str = ""
    title: str = ""
    separator: str = ""
    encoding: str = ""
    header: str = ""
    quote: str = ""
    date_format: str = ""
    value_separator: str = "|"

    def __post_init__(self) -> None:
        _require(self.header in ("", "yes", "no"), "data.columns.header", "'yes' or 'no'", self.header)


@dataclass(frozen=True)
class DataSettings:
    """Which data set, where it lies, and what is kept of it.

    Attributes:
        name: a name that `recx data list` shows, or a folder with one's own files.
        data_dir: folder with data sets obtained elsewhere; by default `RECX_DATA_DIR`.
        top_items: the most chosen items kept before all else (0 keeps all, -1 the data set's own choice).
        sample_users: users drawn before filtering (0 keeps all, -1 the data set's own choice).
        min_user: fewest interactions of a user (-1: the data set's own choice).
        min_item: fewest interactions of an item (-1: the data set's own choice).
        columns: how one's own files are read.
        demo: size and rules of the demo world.
    """

    name: str = "demo"
    data_dir: str = ""
    top_items: int = -1
    sample_users: int = -1
    min_user: int = -1
    min_item: int = -1
    columns: Columns = field(default_factory=Columns)
    demo: DemoSettings = field(default_factory=DemoSettings)


@dataclass(frozen=True)
class TargetShape:
    """Shape of a target of the kit; MF reads width and length, LightGCN blocks too.

    Attributes:
        width: d of the vectors.
        blocks: layers of self-attention; steps over the graph for LightGCN.
        heads: attention heads.
        length: how many of the latest items are read, and shown in prompts.
        dropout: while it is trained; never when it is read.
        norm: `pre` norms what each part of a block reads, as SASRec's paper has it (section III-C); `post` norms each
            sum, as the Transformer of 2017. Which is better differs by data set, see benchmarks/README.md.
    """

    width: int = 64
    blocks: int = 2
    heads: int = 2
    length: int = 10
    dropout: float = 0.3
    norm: str = "pre"

    def __post_init__(self) -> None:
        for name in ("width", "blocks", "heads", "length"):
            _require(getattr(self, name) >= 1, f"target.model.{name}", "at least 1", getattr(self, name))
        divisor = f"a divisor of target.model.width ({self.width})"
        _require(self.width % self.heads == 0, "target.model.heads", divisor, self.heads)
        _require(0 <= self.dropout < 1, "target.model.dropout", "at least 0 and below 1", self.dropout)
        _require(self.norm in ("pre", "post"), "target.model.norm", "'pre' or 'post'", self.norm)


@dataclass(frozen=True)
class FoldInSettings:
    """How given factors (`target.kind=factors`) turn a history into a user vector.

    Attributes:
        by: `mean` of the item factors, or `als`, the least squares of implicit feedback ALS.
        regularization: of ALS, as the factors were learnt with it.
        alpha: of ALS, the confidence in an interaction; what is not chosen has 1.
    """

    by: str = "mean"
    regularization: float = 0.01
    alpha: float = 1.0

    def __post_init__(self) -> None:
        _require(self.by in ("mean", "als"), "target.fold_in.by", "'mean' or 'als'", self.by)
        for name in ("regularization", "alpha"):
            _require(0 < getattr(self, name) < float("inf"), f"target.fold_in.{name}", "above 0", getattr(self, name))


@dataclass(frozen=True)
class TargetSettings:
    """Which target, and how it is trained.

    Attributes:
        kind: `sasrec`, `mf`, `lightgcn`; one made elsewhere, `factors`, `recbole` or `rectools`; or a Python file of
            one's own with `build(items, length)`.
        files: folder with what a recommender made elsewhere is read from.
        fold_in: how given factors read a history.
        model: shape.
        epochs: most passes over the training windows.
        patience: epochs without a better validation NDCG@10 before it stops.
        batch_size: rows a step.
        stride: of SASRec's training windows (0: their length, so that none overlap). Where sequences are much longer
            than the windows, a smaller one teaches from histories as long as those it is asked about, at more cost.
        average: decay a step of the running average of SASRec's weights that is validated and kept (0: the weights).
        learning_rate: of AdamW (Adam for MF and LightGCN).
        weight_decay: of AdamW; of the vectors that a row touches for MF and LightGCN.
        tie: relative difference in NDCG@10 below which the more diverse epoch wins.
        seed: of weights, order and dropout.
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
        for name in ("epochs", "patience", "batch_size"):
            _require(getattr(self, name) >= 1, f"target.{name}", "at least 1", getattr(self, name))
        length = self.model.length
        between = f"between 0 and target.model.length ({length})"
        _require(0 <= self.stride <= length, "target.stride", between, self.stride)
        _require(0 <= self.average < 1, "target.average", "at least 0 and below 1", self.average)

    @property
    def name(self) -> str:
        """The kind as it stands in tables: the stem of one's own file."""
        return Path(self.kind).stem


@dataclass(frozen=True)
class BackboneSettings:
    """Which language model is aligned, and how much of it is tuned.

    Attributes:
        name: a name that `recx backbone list` shows, a hub id or a folder.
        revision: branch, tag or commit of a hub id; empty for its main branch.
        lora_rank: rank of LoRA adapters on all linear layers; 0 tunes all weights.
        lora_alpha: scale of the adapters.
        dtype: number format of the frozen weights beside adapters, which are float32 themselves: bfloat16, float16,
            float32, or auto (bfloat16 where the hardware multiplies it, float16 on other GPUs, else float32).
        quantize: `nf4` keeps the frozen matrices in four bits (QLoRA, Dettmers et al. 2023, arXiv 2305.14314; needs the
            package bitsandbytes); empty keeps them as they are.
    """

    name: str = "recx-tiny"
    revision: str = ""
    lora_rank: int = 0
    lora_alpha: int = 16
    dtype: str = "auto"
    quantize: str = ""

    def __post_init__(self) -> None:
        accepted = f"one of {', '.join(NUMBER_FORMATS)}"
        _require(self.dtype in NUMBER_FORMATS, "align.backbone.dtype", accepted, self.dtype)
        _require(self.quantize in ("", "nf4"), "align.backbone.quantize", "'nf4' or empty", self.quantize)
        tuned = "without adapters (align.backbone.lora_rank=0), where every weight is tuned"
        whole = self.lora_rank > 0 or self.dtype in ("auto", "float32")
        _require(whole, "align.backbone.dtype", f"'auto' or 'float32' {tuned}", self.dtype)
        _require(self.lora_rank > 0 or not self.quantize, "align.backbone.quantize", f"empty {tuned}", self.quantize)


@dataclass(frozen=True)
class FitSettings:
    """How a language model is trained.

    Attributes:
        batch_size: rows of one optimizer step.
        accumulate: forward and backward passes that one optimizer step is split into; a divisor of `batch_size`, or 0
            for as few as the memory is estimated to allow.
        processes: that share the rows of a step, each on a GPU of its own (0: one for every GPU that is visible).
        gradient_checkpointing: compute activations again in the backward pass, which saves memory and costs time.
        epochs: passes over the rows.
        learning_rate: peak of the schedule.
        schedule: how the learning rate falls to zero after the warm-up, `cosine` or `linear`.
        warmup: share of the steps in which the learning rate rises linearly.
        projector_rate: learning rate of the projectors, which start from nothing, as a multiple of `learning_rate`.
        weight_decay: of AdamW.
        clip: largest norm of the gradient.
        precision: of the matrix products: bfloat16, float16 (on a GPU alone; the loss is scaled), float32, or auto,
            which chooses as `align.backbone.dtype` does.
        optimizer: `adamw`, or `paged_adamw_8bit`, whose state takes a quarter of the memory and makes room on a full
            GPU (needs the package bitsandbytes).
        save_steps: steps between checkpoints.
    """

    batch_size: int = 32
    accumulate: int = 1
    processes: int = 1
    gradient_checkpointing: bool = False
    epochs: float = 1.0
    learning_rate: float = 2e-3
    schedule: str = "cosine"
    warmup: float = 0.03
    projector_rate: float = 2.5
    weight_decay: float = 0.01
    clip: float = 1.0
    precision: str = "auto"
    optimizer: str = "adamw"
    save_steps: int = 1000

    def __post_init__(self) -> None:
        for name in ("batch_size", "epochs", "save_steps"):
            _require(getattr(self, name) > 0, f"align.fit.{name}", "above 0", getattr(self, name))
        accepted = f"one of {', '.join(NUMBER_FORMATS)}"
        _require(self.precision in NUMBER_FORMATS, "align.fit.precision", accepted, self.precision)
        optimizers = ("adamw", "paged_adamw_8bit")
        _require(self.optimizer in optimizers, "align.fit.optimizer", " or ".join(optimizers), self.optimizer)
        divides = self.accumulate >= 0 and self.batch_size % (self.accumulate or 1) == 0
        divisor = f"0 or a divisor of align.fit.batch_size ({self.batch_size})"
        _require(divides, "align.fit.accumulate", divisor, self.accumulate)
        _require(self.processes >= 0, "align.fit.processes", "0 or more", self.processes)
        _require(self.schedule in ("cosine", "linear"), "align.fit.schedule", "'cosine' or 'linear'", self.schedule)


@dataclass(frozen=True)
class TaskShares:
    """Share of the training rows that each task gets; they need not add up to one.

    Attributes:
        retrieval: task 1, the target's next item.
        ranking: task 2, five items in the target's order.
        preference: task 3, like or dislike.
        item: task 4, facts and related items.
        conversation: task 5, general conversations.
        reconstruction: task 6, the history or its summary.
        explanation: answers in the backbone's own words that begin with the target's decision; in the relation mode
            answers written from measured effects.
        attribution: what mattered, from measured effects (relation mode only).
    """

    retrieval: float = 0.27
    ranking: float = 0.05
    preference: float = 0.36
    item: float = 0.07
    conversation: float = 0.02
    reconstruction: float = 0.04
    explanation: float = 0.19
    attribution: float = 0.0


@dataclass(frozen=True)
class AlignSettings:
    """How the language model is aligned.

    Attributes:
        modes: which modes are aligned, with spaces or commas between; a recommender that only scores allows behavior.
        backbone: which one.
        fit: how it is trained.
        shares: of the tasks.
        relation_shares: of the tasks in the relation mode, which goes on from the hybrid one.
        rows_behavior: training rows of the behavior mode.
        rows_intention: training rows of the intention mode.
        rows_hybrid: training rows of the hybrid mode.
        rows_relation: training rows of the relation mode.
        measured: histories whose effects are measured for it, each with four liked and four disliked items.
        hybrid_from: what the hybrid mode starts from: `backbone`, as in the paper, or `intention`, the model aligned in
            that mode, whose rows are a third as long.
        continued_weight: how far from the backbone (0) to the intention model (1) the hybrid mode starts then.
        continued_rate: learning rate where a mode goes on from another one, as a multiple of `fit.learning_rate`.
        variants: further histories for each one of the data, spliced from two persons'; the target labels them too.
            They are read as user vectors; as titles only where the backbone's own words are about them.
        own_words: explanations the backbone writes for training.
        conversations: file or folder with conversations for task 5; by default the built-in ones.
        max_tokens: longest row.
        seed: of labels, rows, projectors and order.
    """

    modes: str = "behavior intention hybrid relation"
    backbone: BackboneSettings = field(default_factory=BackboneSettings)
    fit: FitSettings = field(default_factory=FitSettings)
    shares: TaskShares = field(default_factory=TaskShares)
    relation_shares: TaskShares = field(
        default_factory=lambda: TaskShares(0.10, 0.02, 0.16, 0.02, 0.01, 0.02, explanation=0.47, attribution=0.20)
    )
    rows_behavior: int = 14_000
    rows_intention: int = 70_000
    rows_hybrid: int = 44_000
    rows_relation: int = 40_000
    measured: int = 12_000
    hybrid_from: str = "intention"
    continued_weight: float = 0.8
    continued_rate: float = 0.5
    variants: int = 1
    own_words: int = 5_000
    conversations: str = ""
    max_tokens: int = 320
    seed: int = 0

    def __post_init__(self) -> None:
        named = set(self.modes.replace(",", " ").split())
        _require(bool(named) and named <= set(MODES), "align.modes", f"some of {', '.join(MODES)}", self.modes)
        alone = "relation" not in named or "hybrid" in named
        _require(alone, "align.modes", "'relation' together with 'hybrid', which it goes on from", self.modes)
        starts = ("backbone", "intention")
        _require(self.hybrid_from in starts, "align.hybrid_from", "'backbone' or 'intention'", self.hybrid_from)
        _require(0 <= self.continued_weight <= 1, "align.continued_weight", "between 0 and 1", self.continued_weight)

    @property
    def mode_list(self) -> tuple[str, ...]:
        """The modes that are aligned, in the order behavior, intention, hybrid, relation."""
        named = self.modes.replace(",", " ").split()
        return tuple(mode for mode in MODES if mode in named)

    def start_of(self, mode: str) -> tuple[str, float]:
        """The mode that one goes on from, and how far from the backbone (0) to that one's weights (1) it starts.

        Empty for a mode that starts from the backbone.
        """
        if mode == "relation":
            return "hybrid", 1.0
        if mode == "hybrid" and self.hybrid_from == "intention" and "intention" in self.mode_list:
            return "intention", self.continued_weight
        return "", 0.0

    def trains_explanations(self, mode: str) -> bool:
        """Whether explanations are among a mode's training rows; the paper's are asked for without having been trained.

        The relation mode learns them from measured effects, the others from what the backbone wrote itself.
        """
        shares, written = (self.relation_shares, 1) if mode == "relation" else (self.shares, self.own_words)
        return bool(shares.explanation and written)

    @property
    def main_mode(self) -> str:
        """The aligned mode that is shown and rated first: the last, which reads most."""
        return self.mode_list[-1]


@dataclass(frozen=True)
class ChatSettings:
    """A chat model behind an address that speaks OpenAI's protocol; by default there is none.

    Attributes:
        address: e.g. `http://127.0.0.1:8000/v1`; empty for none.
        model: name of the model there.
        key_variable: environment variable that holds the key; the key itself is stored nowhere.
        seconds: longest wait for one reply.
        retries: further attempts after a time-out, a rate limit or an error of the server, waiting longer each time.
        replies: attempts to get a reply of the form asked for.
        parallel: requests at once.
        max_tokens: longest reply, with what a reasoning model thinks before it; such a one wants a few thousand.
        price_in: of a million tokens sent, in whatever currency.
        price_out: of a million tokens received.
    """

    address: str = ""
    model: str = ""
    key_variable: str = "OPENAI_API_KEY"
    seconds: float = 60.0
    retries: int = 4
    replies: int = 3
    parallel: int = 4
    max_tokens: int = 300
    price_in: float = 0.0
    price_out: float = 0.0


@dataclass(frozen=True)
class EvaluateSettings:
    """How much is measured.

    Attributes:
        users: users for tasks 1, 3 and 6 (0: all).
        ranking_users: users for task 2 (0: all).
        free_users: users for the unconstrained beams of task 1, as in the paper's code (0: all, -1: none).
        pairs: user-item pairs to explain, half of them liked by the target.
        shots: in-context examples for methods that are not aligned.
        rated: pairs whose explanations are rated.
        sources: explanations of each source for the discrimination and the score prediction.
        discriminator: `tfidf`, or `bert` for a fine-tuned encoder.
        encoder: hub id or folder of the encoder for `bert` and for BERTScore; neither without one.
        ratings: file or folder with ratings by people (JSON lines); by default none.
        imported: file or folder with explanations written elsewhere (JSON lines), one method per file; by default none.
        judge: a chat model as a further judge.
        chat: a chat model as a further method.
        seed: of the choice of users and items.
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


@dataclass(frozen=True)
class AblateSettings:
    """How the ablation is done.

    Attributes:
        seeds: trainings of each variant, with seeds 0, 1, ...
        scale: training rows as a share of those of the alignment.
        users: test users for the alignment metrics.
        pairs: pairs whose explanations are rated.
        at_once: trainings at a time (0: one with a GPU, else one a core, up to four).
    """

    seeds: int = 3
    scale: float = 0.28
    users: int = 300
    pairs: int = 200
    at_once: int = 0


@dataclass(frozen=True)
class Settings:
    """All settings of a run.

    Attributes:
        profile: name of the profile they come from.
        variant: name of a variant of the alignment, kept apart from the others; the ablation sets it.
        data: the data set.
        target: the recommender.
        align: the alignment.
        evaluate: the evaluation.
        ablate: the ablation.
    """

    profile: str = "tiny"
    variant: str = ""
    data: DataSettings = field(default_factory=DataSettings)
    target: TargetSettings = field(default_factory=TargetSettings)
    align: AlignSettings = field(default_factory=AlignSettings)
    evaluate: EvaluateSettings = field(default_factory=EvaluateSettings)
    ablate: AblateSettings = field(default_factory=AblateSettings)

    @property
    def dataset(self) -> str:
        """Name of the data set as it stands in folders and results; an own folder has a hash of its path added."""
        path = Path(self.data.name)
        if path.name == self.data.name:
            return self.data.name
        return f"{path.name}-{hashlib.sha256(str(path).encode()).hexdigest()[:6]}"
