"""Turn a checkpoint of RecBole into plain arrays: python export_recbole.py saved/SASRec-....pth FOLDER

Run it where you trained, with the same data files in place. With torch 2.6 or later set
TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD=1 before, as RecBole reads its own checkpoints as pickles.
"""

import json
import sys
from pathlib import Path

import numpy as np
from recbole.quick_start import load_data_and_model

checkpoint, folder = sys.argv[1], Path(sys.argv[2])
config, model, dataset, *_ = load_data_and_model(checkpoint)
folder.mkdir(parents=True, exist_ok=True)
items = dataset.field2id_token[dataset.iid_field].tolist()  # the first is [PAD]
users = dataset.field2id_token[dataset.uid_field].tolist()
if config["model"] == "SASRec":
    kind = "recbole"
    arrays = {name: tensor.cpu().numpy() for name, tensor in model.state_dict().items()}
    names = ("n_layers", "n_heads", "hidden_act", "layer_norm_eps")
    record = {"library": "recbole", "model": "SASRec"} | {name: config[name] for name in names}
    (folder / "model.json").write_text(json.dumps(record))
    (folder / "item_ids.json").write_text(json.dumps(items))
else:  # BPR, LightGCN and whatever else has a vector for each user and each item
    kind = "factors"
    model.eval()
    if config["model"] == "LightGCN":
        user_factors, item_factors = model.forward()
    else:
        user_factors, item_factors = model.user_embedding.weight, model.item_embedding.weight
    arrays = {"user_factors": user_factors[1:], "item_factors": item_factors[1:]}
    arrays = {name: tensor.detach().cpu().numpy() for name, tensor in arrays.items()}
    (folder / "item_ids.json").write_text(json.dumps(items[1:]))
    (folder / "user_ids.json").write_text(json.dumps(users[1:]))
np.savez(folder / "arrays.npz", **arrays)
print(f"recx run --dataset YOUR_DATA --set target.kind={kind} target.files={folder}")
