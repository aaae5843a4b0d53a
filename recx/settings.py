"""All settings of the kit, as frozen dataclasses; the files in `recx/profiles` override these defaults.

A value that no run could use raises `SettingsError` when its dataclass is created.
"""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

from recx.errors import SettingsError

MODES = ("behavior", "intention", "hybrid", "relation")
NUMBER_FORMATS = ("auto", "bfloat16", "float16", "float32")
PROJECTORS = ("mlp", "linear", "moe")


def _require(holds: bool, key: str, accepted: str, value: object) -> None:
    if not holds:
        raise SettingsError(f"Setting {key!r} must be {accepted}, not {value!r}.")


@dataclass(frozen=True)
class DemoSettings:
    """Size and rules of the demo world.

    Attributes:
        users: number of people.
        seed: random seed for everything that is drawn.
        shortest: smallest number of choices per person.
        mean_length: average number of choices per person.
        follow_series: probability of continuing a started series if a next entry exists.
        buy_accessory: probability of choosing an accessory for the platform of which most games are owned.
        noise: probability of a random choice.
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
    """How the user's own files are read. Empty fields are inferred from the files, and the decisions are reported.

    Columns of a file without a header are named 1, 2, 3 and so on.

    Attributes:
        user: user column of the interaction log.
        item: item column of the interaction log and of the item file.
        timestamp: time column; without one, rows keep the order of the file.
        rating: rating column.
        title: title column of the item file (of the log if there is no item file).
        separator: column separator: one character, or tab, comma, semicolon, pipe or space.
        encoding: character encoding, e.g. utf-8, latin-1 or cp1251.
        header: yes or no: whether the first line holds the column names.
        quote: quote character around values that contain a separator, or none.
        date_format: format of the times, e.g. "%d/%m/%Y %H:%M"; or seconds, milliseconds, microseconds or nanoseconds
            (since 1970); or number, of which only the order is used.
        value_separator: separator between several values of one attribute in a text column.
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
    """Which data set to use, where its files are, and how it is filtered.

    Attributes:
        name: a name shown by `recx data list`, or a folder with the user's own files.
        data_dir: folder with data sets obtained elsewhere; `RECX_DATA_DIR` by default.
        top_items: number of most popular items kept before any other filter (0: all, -1: the data set's default).
        sample_users: number of users sampled before filtering (0: all, -1: the data set's default).
        min_user: smallest number of interactions per user (-1: the data set's default).
        min_item: smallest number of interactions per item (-1: the data set's default).
        columns: how the user's own files are read.
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
    """Shape of a built-in target; MF uses only width and length, LightGCN also uses blocks.

    Attributes:
        width: dimension d of the vectors.
        blocks: self-attention layers; propagation layers for LightGCN.
        heads: attention heads.
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
        for name in ("epochs", "patience", "batch_size"):
            _require(getattr(self, name) >= 1, f"target.{name}", "at least 1", getattr(self, name))
        length = self.model.length
        between = f"between 0 and target.model.length ({length})"
        _require(0 <= self.stride <= length, "target.stride", between, self.stride)
        _require(0 <= self.average < 1, "target.average", "at least 0 and below 1", self.average)

    @property
    def name(self) -> str:
        """The kind as shown in tables: for the user's own file, its stem."""
        return Path(self.kind).stem


@dataclass(frozen=True)
class BackboneSettings:
    """Which language model is aligned, and how much of it is tuned.

    Attributes:
        name: a name shown by `recx backbone list`, a hub id or a folder.
        revision: branch, tag or commit of a hub id; empty for the main branch.
        lora_rank: rank of the LoRA adapters on all linear layers; 0 tunes all weights, or none if `frozen`.
        lora_alpha: scale of the LoRA adapters.
        frozen: tune the projectors alone and leave the backbone as it is; there are no LoRA adapters then.
        dtype: number format of the frozen weights (adapters are always float32): bfloat16, float16, float32, or auto
            (bfloat16 if the hardware supports it natively, float16 on other GPUs, otherwise float32).
        quantize: `nf4` stores the frozen matrices in four bits (QLoRA, Dettmers et al. 2023, arXiv 2305.14314; requires
            the package bitsandbytes); empty disables quantisation.
    """

    name: str = "recx-tiny"
    revision: str = ""
    lora_rank: int = 0
    lora_alpha: int = 16
    frozen: bool = False
    dtype: str = "auto"
    quantize: str = ""

    def __post_init__(self) -> None:
        accepted = f"one of {', '.join(NUMBER_FORMATS)}"
        _require(self.dtype in NUMBER_FORMATS, "align.backbone.dtype", accepted, self.dtype)
        _require(self.quantize in ("", "nf4"), "align.backbone.quantize", "'nf4' or empty", self.quantize)
        none = "0 with align.backbone.frozen=true"
        _require(not (self.frozen and self.lora_rank), "align.backbone.lora_rank", none, self.lora_rank)
        tuned = "without adapters (align.backbone.lora_rank=0), where every weight is tuned"
        exact = not self.tunes_all or self.dtype in ("auto", "float32")
        _require(exact, "align.backbone.dtype", f"'auto' or 'float32' {tuned}", self.dtype)
        _require(not (self.tunes_all and self.quantize), "align.backbone.quantize", f"empty {tuned}", self.quantize)

    @property
    def tunes_all(self) -> bool:
        """Whether every weight of the backbone is tuned, instead of adapters or projectors beside frozen weights."""
        return not (self.frozen or self.lora_rank)


@dataclass(frozen=True)
class FitSettings:
    """How a language model is trained.

    Attributes:
        batch_size: rows per optimizer step.
        accumulate: number of forward and backward passes per optimizer step; a divisor of `batch_size`, or 0 for the
            fewest that the memory is estimated to allow.
        processes: number of processes that share the rows of a step, one GPU each (0: one per visible GPU).
        gradient_checkpointing: recompute activations in the backward pass, which saves memory and costs time.
        epochs: passes over the rows.
        learning_rate: peak learning rate.
        schedule: decay of the learning rate to zero after the warm-up, `cosine` or `linear`.
        warmup: fraction of the steps during which the learning rate rises linearly.
        projector_rate: learning rate of the projectors, which are trained from scratch, as a multiple of
            `learning_rate`.
        weight_decay: weight decay of AdamW.
        clip: largest gradient norm.
        precision: of matrix products: bfloat16, float16 (on GPUs only; with loss scaling), float32, or auto, which
            chooses as `align.backbone.dtype` does.
        optimizer: `adamw`, or `paged_adamw_8bit`, whose state takes a quarter of the memory and is paged out when the
            GPU is full (requires the package bitsandbytes).
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
    """Share of the training rows per task; the shares need not add up to one.

    Attributes:
        retrieval: task 1, next-item prediction.
        ranking: task 2, ordering five items as the target does.
        preference: task 3, like or dislike.
        item: task 4, facts and related items.
        conversation: task 5, general conversations.
        reconstruction: task 6, the history or its summary.
        explanation: answers in the backbone's own words that begin with the target's decision; in the relation mode,
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
        measured: histories whose effects are measured for the relation mode, each with four liked and four disliked
            items.
        hybrid_from: initial weights of the hybrid mode: `backbone`, as in the paper, or `intention`, the model aligned
            in that mode, whose rows are only a third as long.
        continued_weight: in the latter case, where the hybrid mode starts between the backbone (0) and that model (1).
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
        _require(alone, "align.modes", "'relation' together with 'hybrid', from which it continues", self.modes)
        vectors = (
            "without 'behavior' where align.backbone.frozen=true: it reads no vectors, so there is nothing to tune"
        )
        _require(not (self.backbone.frozen and "behavior" in named), "align.modes", vectors, self.modes)
        _require(self.projector in PROJECTORS, "align.projector", f"one of {', '.join(PROJECTORS)}", self.projector)
        starts = ("backbone", "intention")
        _require(self.hybrid_from in starts, "align.hybrid_from", "'backbone' or 'intention'", self.hybrid_from)
        _require(0 <= self.continued_weight <= 1, "align.continued_weight", "between 0 and 1", self.continued_weight)

    @property
    def mode_list(self) -> tuple[str, ...]:
        """The modes that are aligned, in the order behavior, intention, hybrid, relation."""
        named = self.modes.replace(",", " ").split()
        return tuple(mode for mode in MODES if mode in named)

    def start_of(self, mode: str) -> tuple[str, float]:
        """The mode that `mode` continues from, and where between the backbone (0) and its weights (1) it starts.

        The name is empty for a mode that starts from the backbone.
        """
        if mode == "relation":
            return "hybrid", 1.0
        if mode == "hybrid" and self.hybrid_from == "intention" and "intention" in self.mode_list:
            return "intention", self.continued_weight
        return "", 0.0

    def trains_explanations(self, mode: str) -> bool:
        """Whether a mode is trained on explanations; in the paper, explanations are requested without such training.

        The relation mode learns them from measured effects, the others from texts the backbone wrote itself.
        """
        shares, written = (self.relation_shares, 1) if mode == "relation" else (self.shares, self.own_words)
        return bool(shares.explanation and written)

    @property
    def main_mode(self) -> str:
        """The aligned mode that is shown and rated first: the last one, which reads the most input."""
        return self.mode_list[-1]


@dataclass(frozen=True)
class ChatSettings:
    """A chat model served through an OpenAI-compatible API; none by default.

    Attributes:
        address: e.g. `http://127.0.0.1:8000/v1`; empty for none.
        model: name of the model at that address.
        key_variable: environment variable that holds the API key; the key itself is never stored.
        seconds: longest wait for one reply.
        retries: further attempts after a time-out, rate limit or server error, with increasing delays.
        replies: attempts to get a reply in the requested form.
        parallel: number of simultaneous requests.
        max_tokens: longest reply, including reasoning tokens; a reasoning model needs a few thousand.
        price_in: price of a million input tokens, in any currency.
        price_out: price of a million output tokens.
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
        encoder: hub id or folder of the encoder for `bert` and BERTScore; both are skipped if empty.
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


@dataclass(frozen=True)
class LLMXRecSettings:
    """How a language model is tuned on explanations as instructions, and what is asked of it (notebook 13).

    Attributes:
        files: folder with the public files of LLMXRec; empty for instructions about the run's own data.
        instructions: file with own instructions about the run's own data (JSON lines, see docs/judge.md); empty for
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
        _require(whole, "llmxrec.amounts", "whole numbers, separated by spaces", self.amounts)
        for name in ("tested", "people", "lora_rank", "max_tokens"):
            _require(getattr(self, name) >= 1, f"llmxrec.{name}", "at least 1", getattr(self, name))

    @property
    def amount_list(self) -> tuple[int, ...]:
        """The numbers of instructions, in ascending order."""
        return tuple(sorted({int(part) for part in self.amounts.replace(",", " ").split()}))


@dataclass(frozen=True)
class XRecSettings:
    """How explained pairs are learnt as in XRec (notebook 14).

    Attributes:
        pairs: explained pairs that are made by rule if the data set comes without any.
        variants: names of `recx.alignment.pair_training.VARIANTS` to train, separated by semicolons.
        unseen: share of the test users whose interactions are all left out of the graph.
        graph: the LightGCN whose vectors the language model reads; its `kind` is not used.
        projector: one of the projectors of `align.projector`.
        fit: how each variant is trained; the epoch with the least loss on the validation users is kept.
        max_tokens: longest text.
        seed: random seed of the split, the projectors and the order.
    """

    pairs: int = 1_200
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
        _require(self.pairs > 0, "xrec.pairs", "above 0", self.pairs)
        _require(0 <= self.unseen < 1, "xrec.unseen", "at least 0 and below 1", self.unseen)
        _require(self.projector in PROJECTORS, "xrec.projector", f"one of {', '.join(PROJECTORS)}", self.projector)


@dataclass(frozen=True)
class RewardSettings:
    """How an aligned model is tuned on rewards measured on the target (notebook 16).

    Attributes:
        pairs: training pairs of a history and an item.
        samples: texts drawn for each pair, of which the best and the worst become a preference.
        temperature: of these texts.
        gap: least difference between the rewards of the two texts of a preference.
        good: least reward of a text that is preferred; where none reaches it, the worst is rewritten.
        beta: how strongly preferences hold the model to its start, in 1 / nats.
        preferences: training on preferences; a row is a pair of texts.
        prompts: prompts of the reinforcement, for each reward.
        group: texts drawn for each prompt.
        kl: weight of the distance from the start in the reinforcement.
        reinforcement: training on rewards; a row is a prompt.
        max_tokens: longest text.
        seed: random seed of the pairs, the texts and the order.
    """

    pairs: int = 320
    samples: int = 6
    temperature: float = 1.0
    gap: float = 0.2
    good: float = 0.7
    beta: float = 0.1
    preferences: FitSettings = field(
        default_factory=lambda: FitSettings(batch_size=32, epochs=2, learning_rate=2e-4, projector_rate=1.0)
    )
    prompts: int = 160
    group: int = 8
    kl: float = 0.02
    reinforcement: FitSettings = field(
        default_factory=lambda: FitSettings(
            batch_size=8, epochs=1, learning_rate=3e-4, projector_rate=1.0, save_steps=20
        )
    )
    max_tokens: int = 120
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("samples", "group"):
            _require(getattr(self, name) >= 2, f"rewards.{name}", "at least 2", getattr(self, name))
        for name in ("pairs", "prompts", "max_tokens", "temperature", "beta"):
            _require(getattr(self, name) > 0, f"rewards.{name}", "above 0", getattr(self, name))
        _require(self.kl >= 0, "rewards.kl", "0 or more", self.kl)


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
