"""RecTools' SASRec and BERT4Rec: their scores, compared with an independent computation and with RecTools itself."""

import itertools
import json
import logging
import runpy
import warnings

import numpy as np
import pytest
import torch
from foreign_models import ITEMS, LENGTH, TRAINED_ON, WIDTH, settings, small_data, write_rectools
from torch.nn import functional

from recx import paths
from recx.recommenders.factors import load as load_factors
from recx.recommenders.protocol import pad_histories
from recx.recommenders.rectools import load
from recx.settings import TargetSettings, TargetShape

EXPORT = runpy.run_path(str(paths.ROOT / "docs" / "recommenders" / "export_rectools.py"))


def norm(x, arrays, name, eps=1e-5):
    return functional.layer_norm(x, x.shape[-1:], arrays[f"{name}.weight"], arrays[f"{name}.bias"], eps)


def linear(x, arrays, name):
    return functional.linear(x, arrays[f"{name}.weight"], arrays[f"{name}.bias"])


def sasrec_by_hand(arrays, rows, causal, masks_padding):
    """Final state (d,) of SASRec for one sequence of rows, including the padding before it if that is not masked."""
    places, before = TRAINED_ON["rectools"], TRAINED_ON["rectools"] - len(rows)
    real = torch.tensor([0.0] * before + [1.0] * len(rows), dtype=torch.float64)[:, None]
    x = torch.cat([arrays["padding"].expand(before, -1), arrays["items"][rows]])
    x = x + arrays["pos_encoding_layer.pos_emb.weight"].flip(0)
    for n in range(2):
        part = f"transformer_layers.transformer_blocks.{n}"
        x = x * real
        asked = norm(x, arrays, f"{part}.q_layer_norm")
        weight, bias = (arrays[f"{part}.multi_head_attn.in_proj_{p}"].chunk(3) for p in ("weight", "bias"))
        query, key, value = (
            functional.linear(given, w, b).view(places, 2, -1).transpose(0, 1)
            for given, w, b in zip((asked, x, x), weight, bias, strict=True)
        )
        logits = query @ key.transpose(1, 2) / (WIDTH / 2) ** 0.5
        earlier, itself = torch.ones(places, places).tril(), torch.eye(places)
        seen = earlier if causal else torch.ones(places, places)
        seen = seen * real.T if masks_padding else seen
        logits[:, (seen + itself) == 0] = -torch.inf
        mixed = (logits.softmax(-1) @ value).transpose(0, 1).reshape(places, WIDTH)
        x = norm(asked + linear(mixed, arrays, f"{part}.multi_head_attn.out_proj"), arrays, f"{part}.ff_layer_norm")
        inner = linear(x, arrays, f"{part}.feed_forward.ff_linear_1").relu()
        x = x + linear(inner, arrays, f"{part}.feed_forward.ff_linear_2")
    return norm(x * real, arrays, "transformer_layers.last_layernorm", 1e-8)[-1]


def bert_by_hand(arrays, rows, causal, masks_padding):
    """Final state (d,) of BERT4Rec, computed by torch's own encoder layer with the mask at the end and no padding."""
    del causal, masks_padding
    x = torch.cat([arrays["items"][rows], arrays["mask"][None]])[-TRAINED_ON["rectools"] :]
    x = (x + arrays["pos_encoding_layer.pos_emb.weight"].flip(0)[-len(x) :])[None]
    for n in range(2):
        part = f"transformer_layers.transformer_blocks.{n}"
        layer = torch.nn.TransformerEncoderLayer(
            WIDTH, 2, 4 * WIDTH, 0, "gelu", batch_first=True, norm_first=True, dtype=torch.float64
        )
        names = {"self_attn.in_proj_": "multi_head_attn.in_proj_", "self_attn.out_proj.": "multi_head_attn.out_proj."}
        names |= {"linear1.": "feed_forward.ff_linear_1.", "linear2.": "feed_forward.ff_linear_2."}
        names |= {"norm1.": "layer_norm_1.", "norm2.": "layer_norm_2."}
        pairs = itertools.product(names.items(), ("weight", "bias"))
        layer.load_state_dict({ours + p: arrays[f"{part}.{theirs}{p}"] for (ours, theirs), p in pairs})
        x = layer(x)
    return x[0, -1]


CASES = [("sasrec", True, False), ("sasrec", True, True), ("pre_ln", False, True)]


@pytest.mark.parametrize("cosine", [False, True])
@pytest.mark.parametrize("kind, causal, masks_padding", CASES)
def test_scores_are_those_of_an_independent_computation(tmp_path, kind, causal, masks_padding, cosine):
    data = small_data()
    written = write_rectools(tmp_path, kind, causal=causal, masks_padding=masks_padding, cosine=cosine)
    arrays = {name: array.double() for name, array in written.items()}
    how = TargetSettings(kind="rectools", files=str(tmp_path), model=TargetShape(width=WIDTH, length=14))
    target = load(tmp_path, data, how)[0].eval()
    ids = json.loads((tmp_path / "item_ids.json").read_text())
    row = [ids.index(i) if i in ids else -1 for i in data.catalogue.item_ids]
    known = [i for i in range(1, ITEMS + 1) if row[i] >= 0]
    histories = [s[-k:] for s, k in zip(data.sequences, [1, 2, 5, 8] * 10, strict=True)] + [np.arange(1, 15)]
    histories = [h for h in histories if any(row[i] >= 0 for i in h)]
    with torch.inference_mode():
        found = target.score(pad_histories(histories, 14))
        for history, scores in zip(histories, found, strict=True):
            rows = [row[i] for i in history if row[i] >= 0][-TRAINED_ON["rectools"] :]
            user = (sasrec_by_hand if kind == "sasrec" else bert_by_hand)(arrays, rows, causal, masks_padding)
            expected = arrays["items"][[row[i] for i in known]] @ user
            if cosine:
                expected = expected / user.norm() / arrays["items"][[row[i] for i in known]].norm(dim=1)
            assert torch.allclose(scores[known].double(), expected, atol=1e-4)


def interactions(data, sequences):
    import pandas as pd

    ids = data.catalogue.item_ids
    rows = [
        (f"u{u}", ids[i], 1.0, pd.Timestamp(2020, 1, 1 + t)) for u, s in enumerate(sequences) for t, i in enumerate(s)
    ]
    return pd.DataFrame(rows, columns=["user_id", "item_id", "weight", "datetime"])


@pytest.fixture
def quiet():
    pytest.importorskip(
        "rectools.models.nn.transformers.sasrec", reason="RecTools with its torch part is not installed"
    )
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


OPTIONS = [
    ("SASRecModel", {}), ("SASRecModel", {"use_key_padding_mask": True}), ("SASRecModel", {"use_pos_emb": False}),
    ("SASRecModel", {"similarity_module_kwargs": {"distance": "cosine"}}),
    ("SASRecModel", {"pos_encoding_kwargs": {"use_scale_factor": True}}),
    ("BERT4RecModel", {}), ("BERT4RecModel", {"use_key_padding_mask": False}),
]  # fmt: skip


@pytest.mark.parametrize("name, options", OPTIONS)
def test_scores_are_those_of_rectools_itself(tmp_path, quiet, name, options):
    """This includes users with more items than the model reads, and users with an unknown item."""
    from rectools.dataset import Dataset
    from rectools.models import load_model
    from rectools.models.nn.transformers.bert4rec import BERT4RecModel
    from rectools.models.nn.transformers.sasrec import SASRecModel

    torch.manual_seed(0)
    data = small_data()
    log = interactions(data, [s for s in data.sequences])
    log = log[log["item_id"] != "i07"]
    model = {"SASRecModel": SASRecModel, "BERT4RecModel": BERT4RecModel}[name](
        n_blocks=2, n_heads=2, n_factors=WIDTH, session_max_len=5, epochs=1, batch_size=8, **options
    )
    model.fit(Dataset.construct(log))
    model.save(tmp_path / "model.pkl")
    EXPORT["export_transformer"](load_model(tmp_path / "model.pkl"), tmp_path / "out")
    target = load(tmp_path / "out", data, settings("rectools", tmp_path / "out"))[0].eval()
    histories = [s[: 1 + n % LENGTH] for n, s in enumerate(data.sequences)]
    asked = Dataset.construct(interactions(data, histories))
    users = [f"u{n}" for n, h in enumerate(histories) if (data.catalogue.index_of_id["i07"] != h).any()]
    told = model.recommend(users, asked, k=ITEMS - 1, filter_viewed=False)
    assert len(told) == len(users) * (ITEMS - 1)
    with torch.inference_mode():
        scores = target.score(pad_histories(histories, LENGTH)).numpy()
    found = [
        scores[int(u[1:]), data.catalogue.index_of_id[i]] for u, i in zip(told["user_id"], told["item_id"], strict=True)
    ]
    assert told["score"].std() > 0
    np.testing.assert_allclose(found, told["score"], atol=1e-4)
    assert (scores[:, data.catalogue.index_of_id["i07"]] < np.sort(scores[:, 1:], 1)[:, 1]).all()


def test_factors_of_rectools_are_exported_with_their_ids(tmp_path, quiet):
    from rectools.dataset import Dataset
    from rectools.models import PureSVDModel

    data = small_data()
    log = Dataset.construct(interactions(data, data.sequences))
    model = PureSVDModel(factors=5).fit(log)
    assert EXPORT["export_factors"](model, log, tmp_path) == "factors"
    target, _ = load_factors(tmp_path, data, settings("factors", tmp_path))
    told = model.recommend(["u3"], log, k=ITEMS, filter_viewed=False)
    row = json.loads((tmp_path / "user_ids.json").read_text()).index("u3")
    with np.load(tmp_path / "arrays.npz") as arrays:
        scores = target.item_vectors().numpy() @ arrays["user_factors"][row]
    found = [scores[data.catalogue.index_of_id[i]] for i in told["item_id"]]
    np.testing.assert_allclose(found, told["score"], atol=1e-4)
