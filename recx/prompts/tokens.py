"""From pieces to token ids: text by the tokenizer, titles cached, entities above the vocabulary."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from tqdm.auto import tqdm
from transformers import PreTrainedTokenizerBase

from recx.errors import CheckpointError
from recx.prompts.chat_format import read_chat_format
from recx.prompts.pieces import Entity, Piece, Title
from recx.prompts.prefix_space import without_prefix_space
from recx.prompts.training_tasks import Example

IGNORED = -100


@dataclass(frozen=True)
class EncodedRows:
    """Token rows laid end to end.

    Attributes:
        ids: (T,) int32 token ids of all rows.
        offsets: (R + 1,) where each row starts.
        answer_mask: (T,) whether a token belongs to an answer.
        tasks: (R,) name of the task of each row.
    """

    ids: np.ndarray
    offsets: np.ndarray
    answer_mask: np.ndarray
    tasks: np.ndarray

    def __len__(self) -> int:
        return len(self.tasks)

    def __getitem__(self, row: int) -> dict[str, np.ndarray]:
        """`input_ids` and `labels` of one row; labels are -100 where a token belongs to no answer."""
        own = slice(self.offsets[row], self.offsets[row + 1])
        ids = self.ids[own].astype(np.int64)
        return {"input_ids": ids, "labels": np.where(self.answer_mask[own], ids, IGNORED)}

    @property
    def lengths(self) -> np.ndarray:
        """(R,) tokens of each row."""
        return np.diff(self.offsets)


@dataclass(frozen=True)
class Prompt:
    """A prompt as a model reads it.

    Attributes:
        ids: (T,) token ids, entity ids among them.
        user: (d,) the target's vector of the person asked about, for which the user ids stand; None without one.
    """

    ids: np.ndarray
    user: torch.Tensor | None = None

    def followed_by(self, ids: np.ndarray) -> "Prompt":
        """The same prompt with further tokens at its end."""
        return Prompt(np.concatenate([self.ids, ids]), self.user)


class PromptEncoder:
    """Tokenises prompts for one backbone and catalogue.

    Args:
        tokenizer: of the backbone; its chat template is used where it has one.
        labels: labels of items 0..N (row 0 is padding).
        vocabulary: number of rows of the backbone's input embedding; entity ids start there.

    Attributes:
        tokenizer: the same one, for pieces: without a space before a text (see `without_prefix_space`).
        titles: token ids of each quoted label.
        end: (1,) the token that ends an answer: the chat template's end of turn, or else the end of text.
        ends: every token that ends a text, the tokenizer's end of text among them.

    Raises:
        CheckpointError: the tokenizer or its chat template cannot be used.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase, labels: Sequence[str], vocabulary: int) -> None:
        self._whole, self.tokenizer = tokenizer, without_prefix_space(tokenizer)
        self._added = {i: t.content for i, t in tokenizer.added_tokens_decoder.items() if t.content.strip()}
        self.vocabulary = vocabulary
        self.n_items = len(labels)
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
            # What ends a turn is learnt with the answer; a template may end questions and earlier answers alike.
            if place is not None and self._next[place] in (end, *self._middle):
                end_of_earlier, self._next = int(self._next[place]), self._next[place + 1 :]
        self._between = np.array([end_of_earlier, *self._next], dtype=np.int32)
        self.end = np.array([end], dtype=np.int32)
        self.ends = frozenset({tokenizer.eos_token_id, end, end_of_earlier})

    def entity(self, piece: Entity) -> int:
        """Token id of an entity: items first, then their relations, then users."""
        return self.vocabulary + piece.row + self.n_items * ("item", "relation", "user").index(piece.kind)

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
        """A whole prompt in the backbone's chat form, up to where the answer begins.

        Args:
            pieces: what is asked.
            shots: worked examples (question, answer) that stand before it as earlier turns.
            user: (d,) the target's vector of the person asked about.
        """
        before: list[np.ndarray] = []
        for asked, answer in shots:
            before += [*self.pieces(asked), self._middle, *self.pieces(answer), self._between]
        return Prompt(np.concatenate([self._head, *before, *self.pieces(pieces), self._tail]), user)

    def choices(self, *words: str) -> list[list[int]]:
        """Tokens that an answer can begin with to say each of several words, however it is spelt.

        A tokenizer may have tokens of their own for "Yes", " Yes", "yes" and "YES". The first token of the word as it
        is learnt counts too; of other spellings that take several tokens the first would say little. What begins
        several words is left out.

        Raises:
            CheckpointError: nothing is left that tells a word from the others.
        """
        starts = []
        for word in words:
            spelt = [self._tokens(space + w) for space in ("", " ") for w in (word, word.lower(), word.upper())]
            starts.append({int(ids[0]) for n, ids in enumerate(spelt) if n == 0 or len(ids) == 1})
        own = [found - set().union(*(s for s in starts if s is not found)) for found in starts]
        if not all(own):
            raise CheckpointError(
                f"The tokenizer of {self.tokenizer.name_or_path!r} begins {' and '.join(map(repr, words))} with the "
                "same tokens, so that the probability of an answer cannot be read. Choose another backbone."
            )
        return [sorted(found) for found in own]

    def encode(self, examples: Iterable[Example], max_tokens: int, total: int | None = None) -> tuple[EncodedRows, int]:
        """Encode examples; rows longer than `max_tokens` are left out.

        Args:
            examples: prompts and answers.
            max_tokens: longest row kept.
            total: number of examples if known, for the progress bar.

        Returns:
            The rows, and how many were left out.
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

    def _tokens(self, text: str) -> np.ndarray:
        ids = self._cache.get(text)
        if ids is None:
            # Titles and wishes come from outside: "<|end|>" in one of them is text and ends no turn.
            ids = self._encoded(self.tokenizer, text, split_special_tokens=True)
            place = self._first_added(ids)
            name = "" if place is None else self._added[int(ids[place])]
            if len(name) > 1 and name in text:  # not every fine-tuned model says that its marks are special
                cut = text.index(name) + 1
                ids = np.concatenate([self._tokens(text[:cut]), self._tokens(text[cut:])])
            # Long free texts (conversations) are not worth keeping: they rarely come twice.
            if len(text) < 160:
                self._cache[text] = ids
        return ids

    @staticmethod
    def _encoded(tokenizer: PreTrainedTokenizerBase, text: str, split_special_tokens: bool = False) -> np.ndarray:
        ids = tokenizer.encode(text, add_special_tokens=False, split_special_tokens=split_special_tokens)
        return np.array(ids, dtype=np.int32)

    def _within(self, text: str) -> np.ndarray:
        """Tokens of a part of the chat format that stands within a prompt.

        Up to its first special token it goes on from a piece; what follows that is tokenised as the family does it.
        """
        ids = self._encoded(self.tokenizer, text)
        first = self._first_added(ids)
        if first is None:
            return ids
        rest = text[text.index(self._added[int(ids[first])]) :]
        return np.concatenate([ids[:first], self._encoded(self._whole, rest)])

    def _first_added(self, ids: np.ndarray) -> int | None:
        """Place of the first token that was added to the vocabulary, as those that open and end turns are."""
        return next((n for n, token in enumerate(ids.tolist()) if token in self._added), None)


def collate(rows: Sequence[dict[str, np.ndarray]], multiple: int = 8) -> dict[str, torch.Tensor]:
    """Right-pad rows to (B, T) without a mask: a causal model never looks right, and padding has no label.

    Args:
        rows: `input_ids` and `labels` of each, any length.
        multiple: T is rounded up to one. Batches then come in few shapes; for each new one the processor's library
            makes a dozen new kernels, which took a tenth of the time (measured, see docs/decisions/058).
    """
    width = -(-max(len(r["input_ids"]) for r in rows) // multiple) * multiple
    ids = np.zeros((len(rows), width), np.int64)
    labels = np.full((len(rows), width), IGNORED, np.int64)
    for n, row in enumerate(rows):
        ids[n, : len(row["input_ids"])] = row["input_ids"]
        labels[n, : len(row["labels"])] = row["labels"]
    return {"input_ids": torch.from_numpy(ids), "labels": torch.from_numpy(labels)}
