"""Conversion of pieces to token ids: text by the tokenizer, titles cached, entities above the vocabulary."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from tqdm.auto import tqdm
from transformers import PreTrainedTokenizerBase

from recx.errors import CheckpointError
from recx.prompts.chat_format import read_chat_format
from recx.prompts.entity_ids import EntityIds
from recx.prompts.pieces import Entity, Piece, Title
from recx.prompts.prefix_space import without_prefix_space
from recx.prompts.training_example import Example

IGNORED = -100


@dataclass(frozen=True)
class EncodedRows:
    """Token rows, concatenated.

    Attributes:
        ids: (T,) int32 token ids of all rows.
        offsets: (R + 1,) start of each row.
        answer_mask: (T,) whether a token belongs to an answer.
        tasks: (R,) task name of each row.
    """

    ids: np.ndarray
    offsets: np.ndarray
    answer_mask: np.ndarray
    tasks: np.ndarray

    def __len__(self) -> int:
        return len(self.tasks)

    def __getitem__(self, row: int) -> dict[str, np.ndarray]:
        """`input_ids` and `labels` of one row; labels are -100 for tokens outside answers."""
        own = slice(self.offsets[row], self.offsets[row + 1])
        ids = self.ids[own].astype(np.int64)
        return {"input_ids": ids, "labels": np.where(self.answer_mask[own], ids, IGNORED)}

    @property
    def lengths(self) -> np.ndarray:
        """(R,) number of tokens in each row."""
        return np.diff(self.offsets)


@dataclass(frozen=True)
class Prompt:
    """A prompt as model input.

    Attributes:
        ids: (T,) token ids, including entity ids.
        user: (d,) the target's vector of the person in question, to which the user ids refer; None without one.
    """

    ids: np.ndarray
    user: torch.Tensor | None = None

    def followed_by(self, ids: np.ndarray) -> "Prompt":
        """The same prompt with further tokens appended."""
        return Prompt(np.concatenate([self.ids, ids]), self.user)


def user_vectors(prompts: Sequence[Prompt]) -> torch.Tensor | None:
    """The user vectors (B, d) of a batch; None if no prompt has one.

    Raises:
        ValueError: some prompts have one and others have none; these would be read as a user of training.
    """
    users = [prompt.user for prompt in prompts]
    if all(user is None for user in users):
        return None
    if any(user is None for user in users):
        raise ValueError("Prompts with and without a user vector cannot be in one batch.")
    return torch.stack(users)


class PromptEncoder:
    """Tokenises prompts for one backbone and catalogue.

    Args:
        tokenizer: tokenizer of the backbone; its chat template is used if it has one.
        labels: labels of items 0..N (row 0 is padding).
        vocabulary: number of rows of the backbone's input embedding; entity ids start there.

    Attributes:
        tokenizer: the tokenizer for pieces, which adds no space before a text (see `without_prefix_space`).
        titles: token ids of each quoted label.
        end: (1,) the token that ends an answer: the chat template's end of turn, otherwise the end of text.
        ends: all tokens that end a text, including the tokenizer's end of text.

    Raises:
        CheckpointError: the tokenizer or its chat template cannot be used.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase, labels: Sequence[str], vocabulary: int) -> None:
        self._whole, self.tokenizer = tokenizer, without_prefix_space(tokenizer)
        self._added = {i: t.content for i, t in tokenizer.added_tokens_decoder.items() if t.content.strip()}
        self.vocabulary = vocabulary
        self.entity_ids = EntityIds(vocabulary, len(labels))
        self._cache: dict[str, np.ndarray] = {}
        self.titles = [self._tokens(f'"{label}"') for label in labels]
        chat = read_chat_format(tokenizer)
        self._head = self._encoded(tokenizer, chat.head)
        self._middle, self._tail, self._next = map(self._within, (chat.middle, chat.tail, chat.between))
        end = end_of_earlier = tokenizer.eos_token_id
        close = self._within(chat.close)
        if (place := self._first_added(close)) is not None:
            end = end_of_earlier = int(close[place])
            place = self._first_added(self._next)
            # The end of a turn is learnt with the answer; a template may end questions and earlier answers with the
            # same token.
            if place is not None and self._next[place] in (end, *self._middle):
                end_of_earlier, self._next = int(self._next[place]), self._next[place + 1 :]
        self._between = np.array([end_of_earlier, *self._next], dtype=np.int32)
        self.end = np.array([end], dtype=np.int32)
        self.ends = frozenset({tokenizer.eos_token_id, end, end_of_earlier})
        used = np.concatenate([self._head, self._middle, self._tail, self._between, self.end, sorted(self.ends)])
        if used.max() >= vocabulary:
            raise CheckpointError(
                f"The backbone's tokenizer has tokens beyond the {vocabulary:,} rows of its input embedding, such as "
                f"{tokenizer.convert_ids_to_tokens(int(used.max()))!r}, and its chat template uses them. Resize the "
                "embedding (model.resize_token_embeddings(len(tokenizer))), train the new rows, and save the model."
            )

    def entity(self, piece: Entity) -> int:
        """Token id of an entity."""
        return self.entity_ids.first(piece.kind) + piece.row

    def pieces(self, pieces: Iterable[Piece]) -> list[np.ndarray]:
        """Token ids of each piece."""
        out = []
        for piece in pieces:
            if isinstance(piece, str):
                out.append(self._tokens(piece))
            elif isinstance(piece, Title):
                out.append(self.titles[piece.item])
            else:
                out.append(np.array([self.entity(piece)], dtype=np.int32))
        return out

    def prompt(
        self,
        pieces: Iterable[Piece],
        shots: Sequence[tuple[Sequence[Piece], Sequence[Piece]]] = (),
        user: torch.Tensor | None = None,
    ) -> Prompt:
        """A complete prompt in the backbone's chat format, up to the start of the answer.

        Args:
            pieces: the question.
            shots: worked examples (question, answer), inserted as earlier turns.
            user: (d,) the target's vector of the person in question.
        """
        before: list[np.ndarray] = []
        for asked, answer in shots:
            before += [*self.pieces(asked), self._middle, *self.pieces(answer), self._between]
        return Prompt(np.concatenate([self._head, *before, *self.pieces(pieces), self._tail]), user)

    def choices(self, *words: str) -> list[list[int]]:
        """For each of several words, the tokens with which an answer that means it can begin, in any spelling.

        A tokenizer may have separate tokens for "Yes", " Yes", "yes" and "YES". The first token of the trained spelling
        counts too; for other spellings of several tokens, the first says little. Tokens that begin several words are
        excluded.

        Raises:
            CheckpointError: no token is left that distinguishes a word from the others.
        """
        starts = []
        for word in words:
            spelt = [self._tokens(space + w) for space in ("", " ") for w in (word, word.lower(), word.upper())]
            starts.append({int(ids[0]) for n, ids in enumerate(spelt) if n == 0 or len(ids) == 1})
        own = [found - set().union(*(s for s in starts if s is not found)) for found in starts]
        if not all(own):
            raise CheckpointError(
                f"The tokenizer of {self.tokenizer.name_or_path!r} begins {' and '.join(map(repr, words))} with the "
                "same tokens, so the probability of an answer cannot be computed. Choose another backbone."
            )
        return [sorted(found) for found in own]

    def encode(self, examples: Iterable[Example], max_tokens: int, total: int | None = None) -> tuple[EncodedRows, int]:
        """Encode examples; rows longer than `max_tokens` are dropped.

        Args:
            examples: prompts and answers.
            max_tokens: longest row kept.
            total: number of examples, if known, for the progress bar.

        Returns:
            The rows, and the number of dropped rows.
        """
        parts: list[np.ndarray] = []
        learnt: list[np.ndarray] = []
        lengths, tasks, dropped = [], [], 0
        for example in tqdm(examples, desc="rows", total=total, leave=False, disable=total is None):
            before = [self._head]
            for asked, answer in zip(example.earlier[::2], example.earlier[1::2], strict=True):
                before += [self._tokens(asked), self._middle, self._tokens(answer), self._between]
            spans = [[*before, *self.pieces(example.prompt), self._tail], self.pieces(example.response)]
            if example.ends:
                spans[-1].append(self.end)
            for asked, answer in example.further:
                spans += [[self._next, *self.pieces(asked), self._tail], [*self.pieces(answer), self.end]]
            counts = [sum(map(len, span)) for span in spans]
            if sum(counts) > max_tokens:
                dropped += 1
                continue
            parts += [ids for span in spans for ids in span]
            learnt.append(np.repeat(np.arange(len(spans)) % 2 == 1, counts))
            lengths.append(sum(counts))
            tasks.append(example.task)
        ids = np.concatenate(parts) if parts else np.zeros(0, np.int32)
        offsets = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
        mask = np.concatenate(learnt) if learnt else np.zeros(0, bool)
        return EncodedRows(ids, offsets, mask, np.array(tasks)), dropped

    @cached_property
    def text_tokens(self) -> int:
        """Greatest length of an explanation in tokens: it names up to eight titles, of which long ones have more."""
        return max(160, 64 + 8 * self._long_title)

    @cached_property
    def sentence_tokens(self) -> int:
        """Greatest length of a sentence of an explanation in tokens: it names up to three titles."""
        return max(64, 24 + 3 * self._long_title)

    @cached_property
    def _long_title(self) -> int:
        """Length of a title in tokens that one in ten exceeds."""
        return int(np.quantile([len(title) for title in self.titles[1:]] or [0], 0.9))

    def _tokens(self, text: str) -> np.ndarray:
        ids = self._cache.get(text)
        if ids is None:
            # Titles and instructions are untrusted: "<|end|>" in one of them is plain text and ends no turn.
            ids = self._encoded(self.tokenizer, text, split_special_tokens=True)
            place = self._first_added(ids)
            name = "" if place is None else self._added[int(ids[place])]
            if len(name) > 1 and name in text:  # some fine-tuned models do not mark their markers as special
                cut = text.index(name) + 1
                ids = np.concatenate([self._tokens(text[:cut]), self._tokens(text[cut:])])
            # Long free texts (conversations) are not cached, since they rarely repeat.
            if len(text) < 160:
                self._cache[text] = ids
        return ids

    @staticmethod
    def _encoded(tokenizer: PreTrainedTokenizerBase, text: str, split_special_tokens: bool = False) -> np.ndarray:
        ids = tokenizer.encode(text, add_special_tokens=False, split_special_tokens=split_special_tokens)
        return np.array(ids, dtype=np.int32)

    def _within(self, text: str) -> np.ndarray:
        """Tokens of a part of the chat format within a prompt.

        Up to its first special token it continues a piece; the rest is tokenised as the model family does.
        """
        ids = self._encoded(self.tokenizer, text)
        first = self._first_added(ids)
        if first is None:
            return ids
        rest = text[text.index(self._added[int(ids[first])]) :]
        return np.concatenate([ids[:first], self._encoded(self._whole, rest)])

    def _first_added(self, ids: np.ndarray) -> int | None:
        """Position of the first token added to the vocabulary, such as those that begin and end turns."""
        return next((n for n, token in enumerate(ids.tolist()) if token in self._added), None)


def collate(rows: Sequence[dict[str, np.ndarray]], multiple: int = 8) -> dict[str, torch.Tensor]:
    """Right-pad rows to (B, T) without a mask: a causal model never looks right, and padding has no label.

    Args:
        rows: `input_ids` and `labels` of each row, of any length.
        multiple: T is rounded up to a multiple of this. Batches then have few shapes; for each new shape the CPU
            library builds a dozen new kernels, which took a tenth of the time (measured, see docs/decisions/058).
    """
    width = -(-max(len(r["input_ids"]) for r in rows) // multiple) * multiple
    ids = np.zeros((len(rows), width), np.int64)
    labels = np.full((len(rows), width), IGNORED, np.int64)
    for n, row in enumerate(rows):
        ids[n, : len(row["input_ids"])] = row["input_ids"]
        labels[n, : len(row["labels"])] = row["labels"]
    return {"input_ids": torch.from_numpy(ids), "labels": torch.from_numpy(labels)}
