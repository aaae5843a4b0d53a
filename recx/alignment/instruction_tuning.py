"""Instruction tuning on explanations, as in LLMXRec (Luo et al., arXiv 2312.15661), with LoRA.

Whatever recommended the items, the tuned model only reads a prompt in words (`recx.prompts.recommendation_prompts`).
"""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from recx.alignment.mean_loss import mean_loss
from recx.alignment.trainer import fit
from recx.decoding.constrained import beam_titles
from recx.decoding.generation import choice_probability, greedy_text
from recx.decoding.self_test import check_backbone
from recx.decoding.title_trie import build_title_trie
from recx.errors import SettingsError
from recx.models.aligned_model import AlignedModel
from recx.models.saved_models import SharedBackbone, build_aligned
from recx.prompts.tokens import EncodedRows, PromptEncoder
from recx.prompts.training_example import Example
from recx.settings import BackboneSettings, FitSettings

MAX_TOKENS = 1_024  # of a training row


@dataclass(frozen=True)
class InstructedModel:
    """A language model that answers questions in plain words.

    Attributes:
        model: the backbone, with adapters if it was tuned; in eval mode.
        encoder: encoder of its prompts.
        precision: of matrix products.
    """

    model: AlignedModel
    encoder: PromptEncoder
    precision: str = "auto"

    def write(self, questions: Sequence[str], max_tokens: int = 120, show_progress: bool = False) -> list[str]:
        """Answer R questions greedily, in at most `max_tokens` tokens each."""
        prompts = [self.encoder.prompt([q]) for q in questions]
        ends = self.encoder.ends
        written = greedy_text(self.model, prompts, ends, max_tokens, self.precision, show_progress)
        return [self.encoder.tokenizer.decode(ids, skip_special_tokens=True).strip() for ids in written]

    def probability_of_first(self, questions: Sequence[str], words: tuple[str, str] = ("A", "B")) -> np.ndarray:
        """Probability (R,) that an answer begins with the first of two words rather than with the second."""
        first, second = self.encoder.choices(*words)
        return choice_probability(
            self.model, [self.encoder.prompt([q]) for q in questions], (first, second), self.precision
        )

    def choose(self, questions: Sequence[str], options: Sequence[str]) -> list[str]:
        """The most probable of several answers to each of R questions, by beam search among their tokens."""
        tokens = [np.concatenate(self.encoder.pieces([option])) for option in options]
        graph = build_title_trie([tokens[0], *tokens], self.encoder.end)
        prompts = [self.encoder.prompt([q]) for q in questions]
        chosen, _ = beam_titles(self.model, prompts, graph, min(4, len(options)), self.precision)
        return [options[n - 1] for n in chosen[:, 0]]

    def loss(self, examples: Sequence[tuple[str, str]]) -> float:
        """Mean cross-entropy of the answers' tokens, in nats."""
        how = FitSettings(batch_size=1, precision=self.precision)
        return mean_loss(self.model, instruction_rows(self.encoder, examples), how)


def instruction_rows(
    encoder: PromptEncoder, examples: Sequence[tuple[str, str]], max_tokens: int = MAX_TOKENS
) -> EncodedRows:
    """Encode questions with their answers; only answers are learnt. Rows that are too long are left out and counted."""
    rows, dropped = encoder.encode([Example("explanation", [q], [a]) for q, a in examples], max_tokens)
    if dropped:
        print(f"{dropped} of {len(examples)} examples are longer than {max_tokens:,} tokens and are left out.")
    return rows


def tune(
    examples: Sequence[tuple[str, str]],
    backbone: BackboneSettings,
    how: FitSettings,
    folder: Path,
    seed: int = 0,
    shared: SharedBackbone | None = None,
    show_progress: bool = False,
) -> InstructedModel:
    """Tune a backbone on questions with their answers; without any, it stays as it is.

    Args:
        examples: questions and answers.
        backbone: the language model; `lora_rank` must be above 0, as only adapters are tuned.
        how: training settings; the adapters take its learning rate.
        folder: for checkpoints, deleted afterwards.
        seed: random seed of the adapters and of the order.
        shared: the backbone, if already in memory.
        show_progress: show a bar.

    Raises:
        SettingsError: there are no adapters to tune.
        CheckpointError: the backbone fails its self-test.
    """
    if examples and not backbone.lora_rank:
        raise SettingsError("Instruction tuning needs adapters: set llmxrec.lora_rank to 1 or more, not 0.")
    model, tokenizer = build_aligned(backbone, None, None, seed, shared=shared)
    encoder = PromptEncoder(tokenizer, [""], model.backbone.get_input_embeddings().num_embeddings)
    check_backbone(model.eval(), tokenizer, 1)
    if examples:
        rows = instruction_rows(encoder, examples)
        fit(model, rows, how, folder, seed, show_progress=show_progress)
        shutil.rmtree(folder, ignore_errors=True)
    return InstructedModel(model.eval(), encoder, how.precision)
