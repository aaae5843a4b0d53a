"""From pieces to token ids: text by the tokenizer, titles cached, entities above the vocabulary."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from tqdm.auto import tqdm
from transformers import PreTrainedTokenizerBase

from recx.prompts.pieces import Entity, Piece, Title
from recx.prompts.training_tasks import Example

IGNORED = -100
_MARK = "\x02"
_PLAIN = "Instruction: {}\nAnswer: "


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
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase, labels: Sequence[str], vocabulary: int) -> None:
        self.tokenizer = tokenizer
        self.vocabulary = vocabulary
        self.n_items = len(labels)
        self._cache: dict[str, np.ndarray] = {}
        self.titles = [self._tokens(f'"{label}"') for label in labels]
        self.end = np.array([tokenizer.eos_token_id], dtype=np.int32)
        self._head, self._tail = self._frame(())
        self._next = self._between()

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
            before += [*self.pieces(asked), self._tail, *self.pieces(answer), self.end, self._next]
        return Prompt(np.concatenate([self._head, *before, *self.pieces(pieces), self._tail]), user)

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
            head, tail = self._frame(example.earlier) if example.earlier else (self._head, self._tail)
            spans = [[head, *self.pieces(example.prompt), tail], self.pieces(example.response)]
            if example.ends:
                spans[-1].append(self.end)
            for asked, answer in example.further:
                spans += [[self._next, *self.pieces(asked), tail], [*self.pieces(answer), self.end]]
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
            ids = self._encoded(text, split_special_tokens=True)
            # Long free texts (conversations) are not worth keeping: they rarely come twice.
            if len(text) < 160:
                self._cache[text] = ids
        return ids

    def _encoded(self, text: str, split_special_tokens: bool = False) -> np.ndarray:
        ids = self.tokenizer.encode(text, add_special_tokens=False, split_special_tokens=split_special_tokens)
        return np.array(ids, dtype=np.int32)

    def _between(self) -> np.ndarray:
        """Tokens between the end of an answer and the text of the next question."""
        if not self.tokenizer.chat_template:
            return self._encoded("\n" + _PLAIN.split("{}")[0])
        turns = ("user", _MARK), ("assistant", _MARK), ("user", _MARK)
        text = self.tokenizer.apply_chat_template([{"role": r, "content": c} for r, c in turns], tokenize=False)
        between = text.split(_MARK)[2]
        # The end token itself is learnt with the answer.
        return self._encoded(between.removeprefix(self.tokenizer.eos_token or ""))

    def _frame(self, earlier: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
        """Tokens before and after the prompt's text."""
        if self.tokenizer.chat_template:
            messages = [{"role": ("user", "assistant")[n % 2], "content": text} for n, text in enumerate(earlier)]
            text = self.tokenizer.apply_chat_template(
                [*messages, {"role": "user", "content": _MARK}], tokenize=False, add_generation_prompt=True
            )
        else:
            text = "".join(_PLAIN.format(a) + b + "\n" for a, b in zip(earlier[::2], earlier[1::2], strict=True))
            text = (self.tokenizer.bos_token or "") + text + _PLAIN.format(_MARK)
        head, _, tail = text.rpartition(_MARK)
        return self._encoded(head), self._encoded(tail)


def collate(rows: Sequence[dict[str, np.ndarray]], multiple: int = 8) -> dict[str, torch.Tensor]:
    """Right-pad rows to (B, T) without a mask: a causal model never looks right, and padding has no label.

    Args:
        rows: `input_ids` and `labels` of each, any length.
        multiple: T is rounded up to one. Batches then come in few shapes; for each new one the processor's library
            makes a dozen new kernels, which took a tenth of the time (measured, see LOG.md).
    """
    width = -(-max(len(r["input_ids"]) for r in rows) // multiple) * multiple
    ids = np.zeros((len(rows), width), np.int64)
    labels = np.full((len(rows), width), IGNORED, np.int64)
    for n, row in enumerate(rows):
        ids[n, : len(row["input_ids"])] = row["input_ids"]
        labels[n, : len(row["labels"])] = row["labels"]
    return {"input_ids": torch.from_numpy(ids), "labels": torch.from_numpy(labels)}
