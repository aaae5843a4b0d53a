"""A small data set, and recommenders with random weights for it, in the file formats of other libraries."""

import json

import numpy as np
import polars as pl
import torch

from recx.data.dataset import Filtering, build_dataset
from recx.settings import TargetSettings, TargetShape

ITEMS, WIDTH, LENGTH = 24, 8, 6
UNKNOWN, ELSEWHERE = ("i05", "i17"), ("x1", "x2", "x3")
TRAINED_ON = {"recbole": 10, "rectools": 9, "bert4rec": 9}


def small_data():
    """40 people, 24 items i00..i23, each item with two attributes."""
    rng = np.random.default_rng(5)
    chosen = [rng.permutation(ITEMS)[:9] for _ in range(40)]
    rows = [(f"u{u}", f"i{i:02}", float(t)) for u, items in enumerate(chosen) for t, i in enumerate(items)]
    log = pl.DataFrame(rows, schema=["user_id", "item_id", "timestamp"], orient="row")
    ids = [f"i{i:02}" for i in range(ITEMS)]
    columns = {"item_id": ids, "title": [f"Title {i}" for i in ids], "genre": [[f"g{i % 3}"] for i in range(ITEMS)]}
    return build_dataset("small", log, pl.DataFrame(columns), Filtering(min_user=3, min_item=1))


def their_ids():
    """The item ids in the recommender's order: shuffled, without two of ours, and with three of its own."""
    rng = np.random.default_rng(6)
    return rng.permutation([*(f"i{i:02}" for i in range(ITEMS) if f"i{i:02}" not in UNKNOWN), *ELSEWHERE]).tolist()


def draw(*shape, seed=0, scale=0.5):
    return scale * torch.randn(*shape, generator=torch.Generator().manual_seed(sum(shape) + seed))


def settings(kind, folder, **more):
    shape = TargetShape(width=WIDTH, length=LENGTH)
    return TargetSettings(kind=kind.replace("bert4rec", "rectools"), files=str(folder), model=shape, **more)


def write(folder, arrays, ids, record=None):
    np.savez(folder / "arrays.npz", **{name: array.numpy() for name, array in arrays.items()})
    (folder / "item_ids.json").write_text(json.dumps(ids))
    if record:
        (folder / "model.json").write_text(json.dumps(record))
    return arrays


def write_factors(folder):
    ids = their_ids()
    arrays = {"item_factors": draw(len(ids), WIDTH), "user_factors": draw(3, WIDTH, seed=1)}
    (folder / "user_ids.json").write_text('["u1", "u2", "gone"]')
    return write(folder, arrays, ids)


def linear(name, out, into, seed):
    return {f"{name}.weight": draw(out, into, seed=seed), f"{name}.bias": draw(out, seed=seed + 1)}


def norm(name, seed, width=WIDTH):
    return {f"{name}.weight": 1 + draw(width, seed=seed), f"{name}.bias": draw(width, seed=seed + 1)}


def write_recbole(folder, activation="gelu"):
    ids, places, inner = ["[PAD]", *their_ids()], TRAINED_ON["recbole"], 12
    arrays = {"item_embedding.weight": draw(len(ids), WIDTH), "position_embedding.weight": draw(places, WIDTH, seed=9)}
    arrays |= norm("LayerNorm", 20)
    for n in range(2):
        layer = f"trm_encoder.layer.{n}"
        for place, name in enumerate(("query", "key", "value", "dense")):
            arrays |= linear(f"{layer}.multi_head_attention.{name}", WIDTH, WIDTH, 30 + 100 * n + place * 3)
        arrays |= norm(f"{layer}.multi_head_attention.LayerNorm", 50 + 100 * n)
        arrays |= linear(f"{layer}.feed_forward.dense_1", inner, WIDTH, 60 + 100 * n)
        arrays |= linear(f"{layer}.feed_forward.dense_2", WIDTH, inner, 70 + 100 * n)
        arrays |= norm(f"{layer}.feed_forward.LayerNorm", 80 + 100 * n)
    record = {"library": "recbole", "model": "SASRec", "n_layers": 2, "n_heads": 2, "layer_norm_eps": 1e-12}
    return write(folder, arrays, ids, record | {"hidden_act": activation})


def write_rectools(folder, kind="sasrec", **more):
    ids, places, inner = their_ids(), TRAINED_ON["rectools"], WIDTH if kind == "sasrec" else 4 * WIDTH
    arrays = {"items": draw(len(ids), WIDTH), "padding": draw(WIDTH, seed=2)}
    if kind == "pre_ln":
        arrays["mask"] = draw(WIDTH, seed=3)
    arrays["pos_encoding_layer.pos_emb.weight"] = draw(places, WIDTH, seed=9)
    norms = ("q_layer_norm", "ff_layer_norm") if kind == "sasrec" else ("layer_norm_1", "layer_norm_2")
    for n in range(2):
        block = f"transformer_layers.transformer_blocks.{n}"
        arrays |= linear(f"{block}.feed_forward.ff_linear_1", inner, WIDTH, 60 + 100 * n)
        arrays |= linear(f"{block}.feed_forward.ff_linear_2", WIDTH, inner, 70 + 100 * n)
        arrays |= linear(f"{block}.multi_head_attn.out_proj", WIDTH, WIDTH, 30 + 100 * n)
        arrays[f"{block}.multi_head_attn.in_proj_weight"] = draw(3 * WIDTH, WIDTH, seed=40 + 100 * n)
        arrays[f"{block}.multi_head_attn.in_proj_bias"] = draw(3 * WIDTH, seed=41 + 100 * n)
        for place, name in enumerate(norms):
            arrays |= norm(f"{block}.{name}", 80 + 100 * n + 5 * place)
    if kind == "sasrec":
        arrays |= norm("transformer_layers.last_layernorm", 20)
    record = {"library": "rectools", "blocks": kind, "n_blocks": 2, "n_heads": 2, "session_max_len": places}
    record |= {"positions": True, "scaled": False, "cosine": False}
    record |= {"causal": kind == "sasrec", "masks_padding": kind == "pre_ln"} | more
    return write(folder, arrays, ids, record)


WRITERS = {
    "factors": write_factors,
    "recbole": write_recbole,
    "rectools": write_rectools,
    "bert4rec": lambda folder: write_rectools(folder, "pre_ln"),
}
