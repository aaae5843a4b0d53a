"""Trains RecBole's SASRec on a split written by `sasrec.py`, in an environment of its own.

    python recbole_sasrec.py FOLDER CONFIG_JSON SEED   ->  FOLDER/theirs.json

RecBole makes a training row of every prefix of a sequence. Its own evaluation does not exclude items of the history;
here they are excluded, as for the other models.
"""

import json
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import torch

warnings.filterwarnings("ignore")


def write_inter(path: Path, rows: list[tuple[int, list[int], int]]) -> None:
    lines = ["user_id:token\titem_id_list:token_seq\titem_id:token"]
    lines += [f"{user}\t{' '.join(map(str, history))}\t{item}" for user, history, item in rows]
    path.write_text("\n".join(lines) + "\n")


def ndcg(model, dataset, rows: list[tuple[int, list[int], int]], length: int) -> np.ndarray:
    """NDCG@10 of each row, excluding items of the history."""
    from recbole.data.interaction import Interaction

    model.eval()
    values = []
    for start in range(0, len(rows), 512):
        part = rows[start : start + 512]
        ids = [torch.from_numpy(dataset.token2id("item_id", [str(i) for i in h])) for _, h, _ in part]
        lists = torch.zeros(len(part), length, dtype=torch.long)
        for n, history in enumerate(ids):
            lists[n, : min(len(history), length)] = history[-length:]
        sizes = torch.tensor([min(len(h), length) for h in ids])
        with torch.no_grad():
            scores = model.full_sort_predict(Interaction({"item_id_list": lists, "item_length": sizes}))
        scores[:, 0] = -torch.inf
        for n, history in enumerate(ids):
            scores[n, history] = -torch.inf
        wanted = torch.from_numpy(dataset.token2id("item_id", [str(i) for _, _, i in part]))
        place = (scores > scores[torch.arange(len(part)), wanted][:, None]).sum(1).numpy()
        values.append(np.where(place < 10, 1 / np.log2(place + 2), 0.0))
    return np.concatenate(values)


def main() -> None:
    folder, options, seed = Path(sys.argv[1]), json.loads(sys.argv[2]), int(sys.argv[3])
    from recbole.config import Config
    from recbole.data import create_dataset, data_preparation
    from recbole.model.sequential_recommender import SASRec
    from recbole.trainer import Trainer
    from recbole.utils import init_seed

    frame = pd.read_csv(folder / "interactions.csv").sort_values(["user_id", "position"])
    sequences = frame.groupby("user_id")["item_id"].agg(list)
    length, epochs, patience = options["session_max_len"], options["epochs"], options["patience"]
    beginnings = [(u, s[:n], s[n]) for u, s in sequences.items() for n in range(1, len(s) - 2)]
    valid = [(u, s[:-2], s[-2]) for u, s in sequences.items()]
    test = [(u, s[:-1], s[-1]) for u, s in sequences.items()]
    place = folder / "recbole" / "split"
    place.mkdir(parents=True)
    for name, rows in (("train", beginnings), ("valid", valid), ("test", test)):
        write_inter(place / f"split.{name}.inter", [(u, h[-length:], i) for u, h, i in rows])
    settings = {
        "data_path": str(place.parent),
        "benchmark_filename": ["train", "valid", "test"],
        "alias_of_item_id": ["item_id_list"],
        "load_col": {"inter": ["user_id", "item_id_list", "item_id"]},
        "MAX_ITEM_LIST_LENGTH": length,
        "train_neg_sample_args": None,
        "loss_type": "CE",
        "hidden_size": options["n_factors"],
        "inner_size": 4 * options["n_factors"],
        "n_layers": options["n_blocks"],
        "n_heads": options["n_heads"],
        "hidden_dropout_prob": options["dropout_rate"],
        "attn_dropout_prob": options["dropout_rate"],
        "learning_rate": options["lr"],
        "train_batch_size": options["batch_size"] * 4,  # a row is one position here, not a whole sequence
        "epochs": epochs,
        "seed": seed,
        "use_gpu": False,
        "show_progress": False,
        "state": "ERROR",
        "checkpoint_dir": str(folder / "saved"),
    }
    sys.argv = sys.argv[:1]
    config = Config(model="SASRec", dataset="split", config_dict=settings)
    init_seed(seed, True)
    dataset = create_dataset(config)
    train, _, _ = data_preparation(config, dataset)
    model = SASRec(config, train.dataset)
    trainer = Trainer(config, model)
    best, waited, seconds, curve = (-1.0, 0, 0.0, None), 0, 0.0, []
    for epoch in range(1, epochs + 1):
        model.train()
        started = time.perf_counter()
        trainer._train_epoch(train, epoch, show_progress=False)
        seconds += time.perf_counter() - started
        value = float(ndcg(model, dataset, valid, length).mean())
        curve.append(value)
        print(f"epoch {epoch}: validation {value:.4f} after {seconds:.0f} s", flush=True)
        waited = 0 if value > best[0] else waited + 1
        if value > best[0]:
            best = (value, epoch, seconds, ndcg(model, dataset, test, length))
        if waited >= patience:
            break
    report = {"validation": best[0], "epoch": best[1], "seconds": best[2], "test": best[3].tolist(), "curve": curve}
    (folder / "theirs.json").write_text(json.dumps(report))


if __name__ == "__main__":
    main()
