"""Assembly of all modes' training rows from a data set and its target."""

from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import torch

from recx import paths
from recx.alignment.own_words import OwnWords, write_own_words
from recx.alignment.relation_source import relation_source
from recx.alignment.relation_start import fit_relations, predict_effects
from recx.attribution.effect_labels import EffectLabels, histories_to_measure, label_effects
from recx.attribution.removal import value_function
from recx.data.catalogue import Catalogue
from recx.data.split import Split, prefixes, splice_histories
from recx.decoding.self_test import check_backbone
from recx.errors import DataError, SettingsError
from recx.models.relations import RelationEncoder
from recx.models.saved_models import build_aligned
from recx.prompts.conversations import Conversation, read_conversations, read_folder
from recx.prompts.labelled_tasks import NEIGHBOURS
from recx.prompts.modes import MODE_SPECS, Mode
from recx.prompts.task_data import TaskData
from recx.prompts.tokens import EncodedRows, PromptEncoder
from recx.prompts.training_tasks import TASKS, build_examples
from recx.recommenders.devices import encode_users, item_vectors, preferred_device
from recx.recommenders.labels import CANDIDATES, label_histories, require_decisions
from recx.recommenders.neighbours import neighbours
from recx.recommenders.protocol import Scorer, TwoTower, pad_histories
from recx.settings import AlignSettings, TaskShares

MANY_TOO_LONG = 0.05  # share of the rows; the demo loses about .01
REPEATS = 6
EACH = 12  # liked and as many disliked items with which a history is measured
_EFFECTS_SEED = 7  # separate from the run's seed, so that measuring does not affect other random draws


@dataclass(frozen=True)
class Corpus:
    """Training data of the alignment.

    Attributes:
        data: histories (every prefix of every training sequence, and spliced ones) with the target's labels.
        users: the target's vector of each history (H, d); None for a black box.
        items: the target's item vectors (N + 1, d); None for a black box.
    """

    data: TaskData
    users: torch.Tensor | None
    items: torch.Tensor | None

    def vectors(self) -> dict[str, torch.Tensor]:
        """`users` and `items`; empty for a black box."""
        return {} if self.users is None else {"users": self.users.contiguous(), "items": self.items.contiguous()}

    def having(self, **fields: Any) -> Self:
        """The same corpus, with other values of some fields of its data (`explanations`, `effects`, `predicted`)."""
        return replace(self, data=replace(self.data, **fields))


@torch.inference_mode()
def build_corpus(
    catalogue: Catalogue,
    split: Split,
    target: Scorer,
    max_history: int,
    settings: AlignSettings,
    show_progress: bool = True,
) -> Corpus:
    """Label the training histories and read the target's vectors.

    Args:
        catalogue: items.
        split: leave-one-out split; only its training part is used.
        target: not modified.
        max_history: number of most recent items that the target reads.
        settings: alignment settings.
        show_progress: show a bar.

    Raises:
        SettingsError: the target only gives scores, and a mode other than behavior is requested; or the relation mode
            is to start from a model that does not fit.
        DataError: its scores have so many ties that its labels would be random.
    """
    needy = [mode for mode in settings.mode_list if MODE_SPECS[mode].reads_vectors]
    if needy and not isinstance(target, TwoTower):
        raise SettingsError(
            "This target only gives scores; it has no vectors for a language model to read, which "
            f"{' and '.join(needy)} alignment requires. "
            "Set align.modes=behavior, or add encode_users and item_vectors to the target."
        )
    relation_source(settings)  # refused here, before anything takes long
    rng = np.random.default_rng(settings.seed)
    beginnings = prefixes(split.train)
    longest = max(1, len(catalogue) - CANDIDATES)  # two people may have chosen nearly all of a small catalogue
    histories = beginnings + [
        splice_histories(split.train, rng)[-longest:] for _ in range(settings.variants * len(beginnings))
    ]
    labels = label_histories(target, histories, max_history, rng, show_progress=show_progress)
    require_decisions(labels.of(np.arange(len(beginnings))))
    users = items = near = None
    if isinstance(target, TwoTower):
        items = item_vectors(target)
        near = neighbours(items, NEIGHBOURS).numpy()
        users = torch.cat(
            [
                encode_users(target, pad_histories(histories[s : s + 4096], max_history))
                for s in range(0, len(histories), 4096)
            ]
        )
    data = TaskData(
        catalogue,
        histories,
        labels,
        near,
        general_conversations(settings.conversations),
        max_history=max_history,
        with_titles=len(beginnings),
    )
    return Corpus(data, users, items)


def with_own_words(corpus: Corpus, settings: AlignSettings) -> tuple[Corpus, OwnWords, PromptEncoder]:
    """Let the unaligned backbone write explanations for the target's decisions, and add those that are faithful.

    Returns:
        The corpus with the explanations, what was written, and the encoder with the backbone's tokenizer.

    Raises:
        CheckpointError: the backbone cannot be loaded, or fails its self-test.
    """
    model, tokenizer = build_aligned(settings.backbone, None, None)
    vocabulary = model.backbone.get_input_embeddings().weight.shape[0]
    encoder = PromptEncoder(tokenizer, corpus.data.catalogue.labels, vocabulary)
    check_backbone(model.eval(), tokenizer, settings.max_tokens)
    rng, precision = np.random.default_rng(settings.seed), settings.fit.precision
    own = write_own_words(model, encoder, corpus.data, settings.own_words, rng, precision=precision, show_progress=True)
    return corpus.having(explanations=own.rows), own, encoder


def measure_effects(
    corpus: Corpus, split: Split, target: Scorer, settings: AlignSettings, show_progress: bool = True
) -> EffectLabels:
    """Measure effects on the target for `settings.measured` of the histories whose titles prompts show.

    Each is measured with `EACH` liked and as many disliked items. That costs hardly more than one item, as the target
    scores all of them at once, and the encoder learns the slopes of a history from all of its items together
    (docs/decisions/100 and 101).

    Args:
        corpus: histories and labels.
        split: its training part defines the target's output without a history.
        target: not modified.
        settings: alignment settings.
        show_progress: show a bar.

    Raises:
        DataError: no history contains three different items.
    """
    data, rng = corpus.data, np.random.default_rng([settings.seed, _EFFECTS_SEED])
    value = value_function(target, split.train, data.max_history)
    known = [h if p else h[:0] for h, p in zip(data.histories, data.labels.has_preference, strict=True)]
    rows = histories_to_measure(known[: data.with_titles], data.max_history, settings.measured, rng)
    if not rows:
        raise DataError(
            "No training history contains three different items, so no effects can be compared, and the relation mode "
            "cannot be trained. Leave it out of align.modes, or use more interactions per person (data.min_user)."
        )
    labels = label_histories(target, [data.histories[row] for row in rows], data.max_history, rng, EACH)
    return label_effects(value, data.histories, labels, rows, show_progress=show_progress)


def learn_relations(
    corpus: Corpus, settings: AlignSettings, show_progress: bool = True
) -> tuple[Corpus, RelationEncoder, float]:
    """Fit the encoder of the relation tokens to the measured effects, and add what it makes of them.

    Args:
        corpus: with measured effects and vectors.
        settings: alignment settings.
        show_progress: show a bar.

    Returns:
        The corpus with the predicted effects, the encoder, and the share of the variance of effects that it explains
        on histories of people it was not fitted to.
    """
    measured, vectors = corpus.data.effects, (corpus.users, corpus.items)
    # Only real histories are measured: each person's prefixes, from one item on.
    people = np.cumsum([len(history) == 1 for history in corpus.data.histories[: corpus.data.with_titles]])
    torch.manual_seed(settings.seed)
    encoder = RelationEncoder(corpus.items, corpus.users).to(preferred_device())
    explained, _ = fit_relations(encoder, measured, *vectors, people, settings.seed, show_progress=show_progress)
    predicted = predict_effects(encoder, measured, *vectors)
    return corpus.having(predicted=predicted), encoder.cpu(), explained


def general_conversations(source: str) -> list[Conversation]:
    """Load conversations from a file or folder; the built-in ones if `source` is empty."""
    if not source:
        return read_conversations(paths.shipped_data() / "instructions" / "general.json")
    path = paths.expanded(source)
    return read_folder(path) if path.is_dir() else read_conversations(path)


def rows_per_task(settings: AlignSettings, mode: Mode, explanations: int) -> dict[str, int]:
    """Number of rows per task in one mode.

    Explanations are repeated at most `REPEATS` times each: if the backbone wrote few faithful ones, more
    repetitions would make the model memorise them. The rest of their share goes to the other tasks. Only the relation
    mode has attributions.
    """
    rows = getattr(settings, f"rows_{mode}")
    if MODE_SPECS[mode].reads_relations:
        return _rows_by_share(rows, settings.relation_shares)
    shares = {task: getattr(settings.shares, task) for task in TASKS if task != "attribution"}
    explained = min(round(rows * shares["explanation"] / sum(shares.values())), REPEATS * explanations)
    others = sum(share for task, share in shares.items() if task != "explanation")
    return {
        task: explained if task == "explanation" else round((rows - explained) * share / max(others, 1e-9))
        for task, share in shares.items()
    }


def _rows_by_share(rows: int, shares: TaskShares) -> dict[str, int]:
    total = sum(getattr(shares, task) for task in TASKS)
    return {task: round(rows * getattr(shares, task) / total) for task in TASKS}


def encode_mode(corpus: Corpus, encoder: PromptEncoder, mode: Mode, settings: AlignSettings) -> tuple[EncodedRows, int]:
    """The encoded training rows of one mode, and the number of rows that were too long.

    Prints a note if these are more than `MANY_TOO_LONG` of the rows.

    Raises:
        DataError: every row was too long, or the settings ask for too few rows.
    """
    counts = rows_per_task(settings, mode, len(corpus.data.explanations))
    rng = np.random.default_rng([settings.seed, MODE_SPECS[mode].seed])
    examples = build_examples(corpus.data, mode, counts, rng)
    rows, dropped = encoder.encode(examples, settings.max_tokens, total=sum(counts.values()))
    total = len(rows) + dropped
    if not total:
        raise DataError(
            f"The {mode} mode has no training rows: align.rows_{mode}={getattr(settings, f'rows_{mode}')} is too small "
            "to give any task a row. Raise it."
        )
    if dropped > MANY_TOO_LONG * total:
        told = (
            f"{dropped:,} of {total:,} rows of the {mode} mode are longer than align.max_tokens={settings.max_tokens} "
            "and are left out. Raise it, or lower target.model.length: a history of long titles has many tokens."
        )
        if not len(rows):
            raise DataError(told)
        print(f"Note: {told}", flush=True)
    return rows, dropped
