"""RecBole's SASRec: its scores, compared with an independent computation and with RecBole itself."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from foreign_models import ITEMS, TRAINED_ON, WIDTH, settings, small_data, write_recbole

from recx import paths
from recx.recommenders.factors import load as load_factors
from recx.recommenders.protocol import pad_histories
from recx.recommenders.recbole import ACTIVATIONS, load
from recx.settings import TargetSettings, TargetShape

EXPORT = paths.ROOT / "docs" / "recommenders" / "export_recbole.py"


def norm(x, arrays, name):
    x = x - x.mean(-1, keepdims=True)
    return x / np.sqrt((x * x).mean(-1, keepdims=True) + 1e-12) * arrays[f"{name}.weight"] + arrays[f"{name}.bias"]


def linear(x, arrays, name):
    return x @ arrays[f"{name}.weight"].T + arrays[f"{name}.bias"]


def scores_by_hand(arrays, rows, activation):
    """Scores (M + 1,) for one sequence of RecBole item numbers, computed in numpy without padding."""
    x = norm(
        arrays["item_embedding.weight"][rows] + arrays["position_embedding.weight"][: len(rows)], arrays, "LayerNorm"
    )
    for n in range(2):
        part = f"trm_encoder.layer.{n}.multi_head_attention"
        query, key, value = (
            linear(x, arrays, f"{part}.{name}").reshape(len(rows), 2, -1).swapaxes(0, 1)
            for name in ("query", "key", "value")
        )
        weights = np.exp(query @ key.swapaxes(1, 2) / np.sqrt(WIDTH / 2)) * np.tril(np.ones((len(rows), len(rows))))
        mixed = (weights / weights.sum(-1, keepdims=True) @ value).swapaxes(0, 1).reshape(len(rows), WIDTH)
        x = norm(x + linear(mixed, arrays, f"{part}.dense"), arrays, f"{part}.LayerNorm")
        part = f"trm_encoder.layer.{n}.feed_forward"
        inner = ACTIVATIONS[activation](torch.from_numpy(linear(x, arrays, f"{part}.dense_1"))).numpy()
        x = norm(x + linear(inner, arrays, f"{part}.dense_2"), arrays, f"{part}.LayerNorm")
    return arrays["item_embedding.weight"] @ x[-1]


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_scores_are_those_of_an_independent_computation(tmp_path, activation):
    data = small_data()
    arrays = {name: array.double().numpy() for name, array in write_recbole(tmp_path, activation).items()}
    how = TargetSettings(kind="recbole", files=str(tmp_path), model=TargetShape(width=WIDTH, length=14))
    target = load(tmp_path, data, how)[0].eval()
    ids = json.loads((tmp_path / "item_ids.json").read_text())
    row = [ids.index(i) if i in ids else 0 for i in data.catalogue.item_ids]
    histories = [s[-k:] for s, k in zip(data.sequences, [1, 2, 5, 8] * 10, strict=True)] + [np.arange(1, 15)]
    histories = [h for h in histories if any(row[i] for i in h)]
    with torch.inference_mode():
        found = target.score(pad_histories(histories, 14)).numpy()
    for history, scores in zip(histories, found, strict=True):
        rows = [row[i] for i in history if row[i]][-TRAINED_ON["recbole"] :]
        expected = scores_by_hand(arrays, rows, activation)
        known = [i for i in range(1, ITEMS + 1) if row[i]]
        np.testing.assert_allclose(scores[known], expected[[row[i] for i in known]], atol=1e-4)


TRAINED = """
import glob, json, sys, torch
from recbole.quick_start import load_data_and_model, run_recbole
name, asked = sys.argv[1], json.loads(sys.argv[2])
config = dict(data_path=".", checkpoint_dir="saved", epochs=1, MAX_ITEM_LIST_LENGTH=7, use_gpu=False, state="WARNING",
    hidden_size=8, embedding_size=8, inner_size=12, show_progress=False,
    load_col=dict(inter=["user_id", "item_id", "timestamp"]))
negatives = dict(train_neg_sample_args=None) if name == "SASRec" else {}
run_recbole(model=name, dataset="small", config_dict=config | negatives)
checkpoint = glob.glob("saved/*.pth")[0]
_, net, dataset, *_ = load_data_and_model(checkpoint)
tokens, users = (dataset.field2id_token[field].tolist() for field in ("item_id", "user_id"))
rows = [[tokens.index(i) for i in history if i in tokens] for history in asked]
read = dict(
    user_id=torch.arange(1, len(users)),
    item_id_list=torch.tensor([row + [0] * (7 - len(row)) for row in rows]),
    item_length=torch.tensor([len(row) for row in rows]),
)
with torch.no_grad():
    scores = net.eval().full_sort_predict(read).view(-1, len(tokens)).tolist()
print("RESULT" + json.dumps(dict(checkpoint=checkpoint, tokens=tokens, scores=scores)))
"""


def environment():
    return os.environ | {"TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD": "1", "PYTHONPATH": os.pathsep.join(sys.path)}


@pytest.mark.parametrize("model", ["SASRec", "BPR", "LightGCN"])
def test_scores_are_those_of_recbole_itself(tmp_path, model):
    pytest.importorskip("recbole", reason="the package recbole is not installed")
    data = small_data()
    folder = tmp_path / "small"
    folder.mkdir()
    ids, users = data.catalogue.item_ids, data.user_ids
    lines = ["user_id:token\titem_id:token\ttimestamp:float"]
    lines += [f"{users[u]}\t{ids[i]}\t{t}" for u, s in enumerate(data.sequences) for t, i in enumerate(s)]
    (folder / "small.inter").write_text("\n".join(lines))
    run = dict(env=environment(), capture_output=True, text=True, check=False, cwd=tmp_path)
    asked = [[ids[i] for i in s[: 1 + n % 7]] for n, s in enumerate(data.sequences)]
    done = subprocess.run([sys.executable, "-c", TRAINED, model, json.dumps(asked)], **run)
    assert done.returncode == 0, done.stderr[-3000:]
    result = json.loads(done.stdout.split("RESULT")[1])
    done = subprocess.run([sys.executable, EXPORT, result["checkpoint"], tmp_path / "out"], **run)
    assert done.returncode == 0, done.stderr[-3000:]
    kind = "recbole" if model == "SASRec" else "factors"
    assert f"target.kind={kind} target.files={tmp_path / 'out'}" in done.stdout
    how = settings(kind, tmp_path / "out")
    known = [i for i in range(1, ITEMS + 1) if ids[i] in result["tokens"]]
    columns = [result["tokens"].index(ids[i]) for i in known]
    expected = np.array(result["scores"])[:, columns]
    if model == "SASRec":
        target = load(tmp_path / "out", data, how)[0].eval()
        histories = [s[: 1 + n % 7] for n, s in enumerate(data.sequences)]
        found = target.score(pad_histories(histories, 7)).numpy()[:, known]
    else:
        target, notes = load_factors(tmp_path / "out", data, how)
        assert "people with factors of their own" in notes[1]
        with np.load(tmp_path / "out" / "arrays.npz") as arrays:
            users = target.widened(torch.from_numpy(arrays["user_factors"]))
            found = (users @ target.item_vectors()[known].T).numpy()
    assert expected.std() > 0
    np.testing.assert_allclose(found, expected, atol=1e-4)
