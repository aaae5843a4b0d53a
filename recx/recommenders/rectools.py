"""SASRec and BERT4Rec as RecTools trained them, from what docs/recommenders/export_rectools.py wrote."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from recx.data.dataset import Dataset
from recx.recommenders.foreign_arrays import read_arrays, take
from recx.recommenders.foreign_ids import match_items, read_ids
from recx.recommenders.foreign_record import choice, divisor, number, read_record
from recx.recommenders.unknown_items import drop_unknown, floor_of, floored_items, floored_users
from recx.settings import TargetSettings

# Names in RecTools' state dict, within a block, and here; the two kinds of block name their norms differently.
_NAMES = {
    "sasrec": {"q_layer_norm": "norm_attention", "ff_layer_norm": "norm_feed"},
    "pre_ln": {"layer_norm_1": "norm_attention", "layer_norm_2": "norm_feed"},
}
_BOTH = {
    "multi_head_attn.out_proj": "attention.out_proj",
    "feed_forward.ff_linear_1": "up",
    "feed_forward.ff_linear_2": "down",
}
FLAGS = ("causal", "masks_padding", "scaled", "cosine")


class _Block(nn.Module):
    """One block: (B, L, d) -> (B, L, d).

    Args:
        width: d.
        inner: width of the feed-forward part.
        heads: of attention.
        kind: `sasrec`, which normalises queries alone and adds to what is normalised, or `pre_ln`.
    """

    def __init__(self, width: int, inner: int, heads: int, kind: str) -> None:
        super().__init__()
        self.kind = kind
        self.attention = nn.MultiheadAttention(width, heads, batch_first=True)
        self.norm_attention, self.norm_feed = nn.LayerNorm(width), nn.LayerNorm(width)
        self.up, self.down = nn.Linear(width, inner), nn.Linear(inner, width)

    def forward(self, x: Tensor, hidden: Tensor | None) -> Tensor:
        normed = self.norm_attention(x)
        others = x if self.kind == "sasrec" else normed
        attended = self.attention(normed, others, others, attn_mask=hidden, need_weights=False)[0]
        if self.kind == "sasrec":
            x = self.norm_feed(normed + attended)
            return x + self.down(functional.relu(self.up(x)))
        x = x + attended
        return x + self.down(functional.gelu(self.up(self.norm_feed(x))))


class RecToolsTransformer(nn.Module):
    """A TwoTower: a transformer of RecTools, which counts places from the latest item and pads to a fixed length.

    BERT4Rec reads a mask in the place of the next item. Items that the model lacks are left out of histories, and
    scored below all others by a coordinate of their own (`floored_items`). A history without any item that it knows has
    zeros elsewhere.

    Args:
        tensors: the module's state, items in the catalogue's order; sizes are those of the tensors.
        options: `length`, `reads` (places of the model's input), `heads`, `blocks` (`sasrec` or `pre_ln`), and whether
            it is `causal`, `masks_padding`, has item vectors `scaled` by the root of the width, compares by `cosine`;
            and `floor`, of `floored_items`.
    """

    def __init__(self, tensors: Mapping[str, Tensor], options: Mapping[str, Any]) -> None:
        super().__init__()
        self.options = dict(options)
        self.length, self.reads, self.heads = options["length"], options["reads"], options["heads"]
        self.causal, self.masks_padding, self.scaled, self.cosine = (options[name] for name in FLAGS)
        for name in ("known", "items", "padding", "mask", "positions"):
            self.register_buffer(name, torch.empty_like(tensors[name]) if name in tensors else None)
        width, inner = tensors["items"].shape[1], len(tensors["blocks.0.up.bias"])
        count = sum(name.endswith(".up.bias") for name in tensors)
        self.blocks = nn.ModuleList(_Block(width, inner, self.heads, options["blocks"]) for _ in range(count))
        self.norm = nn.LayerNorm(width, 1e-8) if options["blocks"] == "sasrec" else None
        self.load_state_dict(dict(tensors))

    def item_vectors(self) -> Tensor:
        """(N + 1, d), of length 1 where it compares by cosine, with one more coordinate if items are unknown; row 0 is
        zero."""
        vectors = functional.normalize(self.items, eps=1e-8) if self.cosine else self.items
        return floored_items(vectors, self.known, self.options["floor"])

    def encode_users(self, histories: Tensor) -> Tensor:
        """(B, L) left-padded with 0 -> user vectors, as wide as items'."""
        recent = drop_unknown(histories, self.known)
        x = torch.where((recent > 0)[..., None], self.items[recent], self.padding)
        real = recent > 0
        if self.mask is not None:
            x = torch.cat([x, self.mask.expand(len(x), 1, -1)], dim=1)
            real = functional.pad(real, (0, 1), value=True)
        x, real = x[:, -self.reads :], real[:, -self.reads :]
        before = self.reads - x.shape[1]
        x = torch.cat([self.padding.expand(len(x), before, -1), x], dim=1)
        latest = self._latest(x, functional.pad(real, (before, 0)))
        latest = functional.normalize(latest, eps=1e-8) if self.cosine else latest
        return floored_users(latest * (recent > 0).any(1, keepdim=True), self.options["floor"])

    def score(self, histories: Tensor) -> Tensor:
        """(B, L) -> (B, N + 1)."""
        return self.encode_users(histories) @ self.item_vectors().T

    def _latest(self, x: Tensor, real: Tensor) -> Tensor:
        """State at the last place: inputs (B, S, d), and which are no padding (B, S) -> (B, d)."""
        x = x * x.shape[-1] ** 0.5 if self.scaled else x
        x = x if self.positions is None else x + self.positions.flip(0)
        hidden = self._hidden(real)
        for block in self.blocks:
            x = block(x * real[..., None] if block.kind == "sasrec" else x, hidden)
        return x[:, -1] if self.norm is None else self.norm(x[:, -1] * real[:, -1:])

    def _hidden(self, real: Tensor) -> Tensor | None:
        """Where each place may not look, (B * heads, S, S); None where it may look everywhere."""
        if not (self.causal or self.masks_padding):
            return None
        batch, places = real.shape
        hidden = torch.zeros(batch, places, places, dtype=torch.bool, device=real.device)
        if self.causal:
            hidden |= torch.ones(places, places, dtype=torch.bool, device=real.device).triu(1)
        if self.masks_padding:
            hidden |= ~real[:, None]
            hidden &= ~torch.eye(places, dtype=torch.bool, device=real.device)  # never to nothing, which would be NaN
        return hidden.repeat_interleave(self.heads, dim=0)


def load(folder: Path, data: Dataset, settings: TargetSettings) -> tuple[RecToolsTransformer, list[str]]:
    """Read what docs/recommenders/export_rectools.py wrote.

    Returns:
        The recommender, and notes about it to be printed.

    Raises:
        DataError: the folder holds a pickle or another model, a file is damaged, or too few items are known.
    """
    record = read_record(folder, "rectools", "export_rectools.py")
    arrays = read_arrays(folder)
    items = take(arrays, "items", (None, None), folder)
    width = items.shape[1]
    match = match_items(data.catalogue, read_ids(folder, "item_ids", len(items), "items"))
    heads, reads = divisor(record, "n_heads", width), number(record, "session_max_len")
    kind = choice(record, "blocks", tuple(_NAMES))
    tensors = {
        "known": match.known,
        "items": match.in_order(items),
        "padding": take(arrays, "padding", (width,), folder),
    }
    if "mask" in arrays:
        tensors["mask"] = take(arrays, "mask", (width,), folder)
    if choice(record, "positions", (True, False)):
        tensors["positions"] = take(arrays, "pos_encoding_layer.pos_emb.weight", (reads, width), folder)
    tensors |= _blocks(arrays, kind, number(record, "n_blocks"), width, folder)
    if kind == "sasrec":
        for part in ("weight", "bias"):
            tensors[f"norm.{part}"] = take(arrays, f"transformer_layers.last_layernorm.{part}", (width,), folder)
    places = reads - ("mask" in arrays)  # the mask takes one
    options = {"length": min(settings.model.length, max(places, 1)), "reads": reads, "heads": heads, "blocks": kind}
    options |= {name: choice(record, name, (True, False)) for name in FLAGS}
    target = RecToolsTransformer(tensors, options | {"floor": 0.0}).eval()
    target.options["floor"] = floor_of(target, target.known, data.sequences, target.length)
    most = (
        f"It was trained on up to {reads} positions and reads the latest {target.length} items (target.model.length)."
    )
    return target, [match.note, most]


def _blocks(arrays: dict[str, Tensor], kind: str, count: int, width: int, folder: Path) -> dict[str, Tensor]:
    """The blocks' weights by the names that they have here."""
    out: dict[str, Tensor] = {}
    for n in range(count):
        theirs, ours = f"transformer_layers.transformer_blocks.{n}", f"blocks.{n}"
        inner = len(take(arrays, f"{theirs}.feed_forward.ff_linear_1.bias", (None,), folder))
        sizes = {"up": (inner, width), "down": (width, inner), "attention.out_proj": (width, width)}
        for part in ("weight", "bias"):
            side = (width,) if part == "weight" else ()
            attention = take(arrays, f"{theirs}.multi_head_attn.in_proj_{part}", (3 * width, *side), folder)
            out[f"{ours}.attention.in_proj_{part}"] = attention
            for their_name, our_name in (_NAMES[kind] | _BOTH).items():
                full = sizes.get(our_name, (width,))
                wanted = full if part == "weight" else full[:1]
                out[f"{ours}.{our_name}.{part}"] = take(arrays, f"{theirs}.{their_name}.{part}", wanted, folder)
    return out
