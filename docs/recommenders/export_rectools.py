"""Turn a model of RecTools into plain arrays: python export_rectools.py MODEL_FILE FOLDER

MODEL_FILE is what `model.save` wrote. Run it where you trained. For a model of factors (ImplicitALSWrapperModel,
LightFMWrapperModel, PureSVDModel) call `export_factors(model, dataset, FOLDER)` after `fit` instead.
"""

import json
import sys
from pathlib import Path

import numpy as np


def export_transformer(model, folder):
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    net, preparator = model.torch_model.cpu().eval(), model.data_preparator
    kinds = {"SASRecTransformerLayers": "sasrec", "PreLNTransformerLayers": "pre_ln"}
    parts = [net.pos_encoding_layer, net.similarity_module, net]
    usual = ["LearnableInversePositionalEncoding", "DistanceSimilarityModule", "TransformerTorchBackbone"]
    if type(net.transformer_layers).__name__ not in kinds or [type(part).__name__ for part in parts] != usual:
        raise SystemExit("This model has parts that recx does not know; it reads RecTools' SASRec and BERT4Rec.")
    every = net.item_model.get_all_embeddings().detach().numpy()
    extra = {name: int(row) for name, row in preparator.extra_token_ids.items()}
    arrays = {name: tensor.numpy() for name, tensor in net.state_dict().items() if not name.startswith("item_model.")}
    arrays |= {"items": every[len(extra) :], "padding": every[extra["PAD"]]}
    if "MASK" in extra:
        arrays["mask"] = every[extra["MASK"]]
    record = {
        "library": "rectools",
        "model": type(model).__name__,
        "blocks": kinds[type(net.transformer_layers).__name__],
        "n_blocks": model.n_blocks,
        "n_heads": model.n_heads,
        "session_max_len": model.session_max_len,
        "positions": net.pos_encoding_layer.pos_emb is not None,
        "scaled": net.pos_encoding_layer.use_scale_factor,
        "causal": net.use_causal_attn,
        "masks_padding": net.use_key_padding_mask,
        "cosine": str(net.similarity_module.distance.value) == "cosine",
    }
    np.savez(folder / "arrays.npz", **arrays)
    (folder / "model.json").write_text(json.dumps(record))
    write_ids(folder / "item_ids.json", preparator.item_id_map.external_ids[len(extra) :])
    return "rectools"


def export_factors(model, dataset, folder):
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    if "LightFM" in type(model).__name__:  # two columns before the factors: user (bias, 1), item (1, bias)
        users, items = model.get_vectors(dataset)
        arrays = {"user_factors": users[:, 2:], "item_factors": items[:, 2:], "item_biases": items[:, 1]}
    else:
        arrays = dict(zip(("user_factors", "item_factors"), model.get_vectors(), strict=True))
        if "BPR" in type(model).__name__:  # the last factor of an item is its bias, that of a user 1
            arrays["item_biases"] = arrays["item_factors"][:, -1]
            arrays |= {name: arrays[name][:, :-1] for name in ("user_factors", "item_factors")}
    np.savez(folder / "arrays.npz", **arrays)
    write_ids(folder / "item_ids.json", dataset.item_id_map.external_ids)
    write_ids(folder / "user_ids.json", dataset.user_id_map.external_ids)
    return "factors"


def write_ids(path, ids):
    path.write_text(json.dumps([str(i) for i in ids]))


if __name__ == "__main__":
    from rectools.models import load_model

    kind = export_transformer(load_model(sys.argv[1]), sys.argv[2])
    print(f"recx run --dataset YOUR_DATA --set target.kind={kind} target.files={sys.argv[2]}")
