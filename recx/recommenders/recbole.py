"""SASRec as RecBole trained it, from what docs/recommenders/export_recbole.py wrote."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from recx.data.dataset import Dataset
from recx.errors import DataError
from recx.recommenders.foreign_arrays import read_arrays, take
from recx.recommenders.foreign_ids import match_items, read_ids
from recx.recommenders.foreign_record import choice, divisor, number, read_record
from recx.recommenders.unknown_items import drop_unknown, floor_of, floored_items, floored_users
from recx.settings import TargetSettings

ACTIVATIONS = {
    "gelu": functional.gelu,
    "relu": functional.relu,
    "swish": functional.silu,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
}
PADDING = "[PAD]"
# Names in RecBole's state dict, within a layer, and in torch's encoder layer.
_NAMES = {
    "multi_head_attention.dense": "self_attn.out_proj",
    "multi_head_attention.LayerNorm": "norm1",
    "feed_forward.dense_1": "linear1",
    "feed_forward.dense_2": "linear2",
    "feed_forward.LayerNorm": "norm2",
}


class RecBoleSASRec(nn.Module):
    """A TwoTower: RecBole's SASRec, which numbers places from the oldest item read and norms after each part.

    Items that it lacks are left out of histories, and scored below all others by a coordinate of their own
    (`floored_items`). A history without any item that it knows has zeros elsewhere.

    Args:
        tensors: the module's state, items in the catalogue's order; sizes are those of the tensors.
        options: `length`, `heads`, `activation`, `eps` and `floor`, of `floored_items`.
    """

    def __init__(self, tensors: Mapping[str, Tensor], options: Mapping[str, Any]) -> None:
        super().__init__()
        self.options = dict(options)
        self.length, eps = options["length"], float(options["eps"])
        width, inner = tensors["items"].shape[1], tensors["encoder.layers.0.linear1.weight"].shape[0]
        layers = sum(name.endswith(".linear1.weight") for name in tensors)
        layer = nn.TransformerEncoderLayer(
            width, options["heads"], inner, 0.0, ACTIVATIONS[options["activation"]], eps, batch_first=True
        )
        self.register_buffer("known", torch.empty_like(tensors["known"]))
        self.register_buffer("items", torch.empty_like(tensors["items"]))
        self.register_buffer("positions", torch.empty_like(tensors["positions"]))
        self.norm = nn.LayerNorm(width, eps)
        self.encoder = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
        self.load_state_dict(dict(tensors))

    def item_vectors(self) -> Tensor:
        """(N + 1, d), with one more coordinate if items are unknown; row 0 is zero."""
        return floored_items(self.items, self.known, self.options["floor"])

    def encode_users(self, histories: Tensor) -> Tensor:
        """(B, L) left-padded with 0 -> user vectors, as wide as items'."""
        recent = drop_unknown(histories, self.known)[:, -len(self.positions) :]
        first = (recent == 0).int().argsort(dim=1, stable=True)  # RecBole pads on the right
        sequence, length = recent.gather(1, first), recent.shape[1]
        states = self.norm(self.items[sequence] + self.positions[:length])
        later = torch.ones(length, length, dtype=torch.bool, device=states.device).triu(1)
        states = self.encoder(states, mask=later)  # what pads is later than all that is read
        count = (sequence > 0).sum(1)
        latest = states[torch.arange(len(states), device=states.device), (count - 1).clamp_min(0)]
        return floored_users(latest * (count > 0)[:, None], self.options["floor"])

    def score(self, histories: Tensor) -> Tensor:
        """(B, L) -> (B, N + 1)."""
        return self.encode_users(histories) @ self.item_vectors().T


def load(folder: Path, data: Dataset, settings: TargetSettings) -> tuple[RecBoleSASRec, list[str]]:
    """Read what docs/recommenders/export_recbole.py wrote.

    Returns:
        The recommender, and notes about it to be printed.

    Raises:
        DataError: the folder holds a pickle or another model, a file is damaged, or too few items are known.
    """
    record = read_record(folder, "recbole", "export_recbole.py")
    if record.get("model") != "SASRec":
        raise DataError(
            f"{folder}: the model is {str(record.get('model'))[:40]!r} of RecBole; accepted are SASRec "
            "(target.kind=recbole) and factors, such as those of BPR or LightGCN (target.kind=factors)."
        )
    arrays = read_arrays(folder)
    items = take(arrays, "item_embedding.weight", (None, None), folder)
    width = items.shape[1]
    tokens = read_ids(folder, "item_ids", len(items), "item_embedding.weight")
    if tokens[0] != PADDING:
        raise DataError(f"{folder}: the first id is {tokens[0][:40]!r}; expected RecBole's {PADDING}, its item 0.")
    match = match_items(data.catalogue, tokens[1:])
    heads = divisor(record, "n_heads", width)
    tensors = {"items": match.in_order(items[1:]), "known": match.known}
    tensors["positions"] = take(arrays, "position_embedding.weight", (None, width), folder)
    for part in ("weight", "bias"):
        tensors[f"norm.{part}"] = take(arrays, f"LayerNorm.{part}", (width,), folder)
    tensors |= _layers(arrays, number(record, "n_layers"), width, folder)
    positions = len(tensors["positions"])
    options = {
        "length": min(settings.model.length, positions),
        "heads": heads,
        "activation": choice(record, "hidden_act", tuple(ACTIVATIONS)),
        "eps": number(record, "layer_norm_eps", float),
        "floor": 0.0,
    }
    target = RecBoleSASRec(tensors, options).eval()
    target.options["floor"] = floor_of(target, target.known, data.sequences, target.length)
    reads = f"It was trained on up to {positions} items and reads the latest {target.length} (target.model.length)."
    return target, [match.note, reads]


def _layers(arrays: dict[str, Tensor], count: int, width: int, folder: Path) -> dict[str, Tensor]:
    """The layers' weights by the names that torch's encoder has for them."""
    out: dict[str, Tensor] = {}
    for n in range(count):
        theirs, ours = f"trm_encoder.layer.{n}", f"encoder.layers.{n}"
        inner = len(take(arrays, f"{theirs}.feed_forward.dense_1.bias", (None,), folder))
        sizes = {"feed_forward.dense_1": (inner, width), "feed_forward.dense_2": (width, inner)}
        for part, side in (("weight", width), ("bias", None)):
            shape = (width,) if side is None else (width, side)
            names = (f"{theirs}.multi_head_attention.{name}.{part}" for name in ("query", "key", "value"))
            out[f"{ours}.self_attn.in_proj_{part}"] = torch.cat([take(arrays, name, shape, folder) for name in names])
            for their_name, our_name in _NAMES.items():
                full = (width,) if "LayerNorm" in their_name else sizes.get(their_name, (width, width))
                wanted = full if part == "weight" else full[:1]
                out[f"{ours}.{our_name}.{part}"] = take(arrays, f"{theirs}.{their_name}.{part}", wanted, folder)
    return out
