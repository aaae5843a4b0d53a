"""Trains RecTools' SASRec on a split written by `sasrec.py`, in an environment of its own.

    python rectools_sasrec.py FOLDER CONFIG_JSON SEED   ->  FOLDER/theirs.json

With `time_epochs` in CONFIG_JSON it only measures how long this number of epochs takes without interruption and
without validation, from the start of the first to the end of the last.
"""

import json
import logging
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd

warnings.filterwarnings("ignore")
logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)


def ndcg(model, data, wanted: dict[int, int]) -> np.ndarray:
    """NDCG@10 of each user, excluding items of the history."""
    users = np.array(sorted(wanted))
    table = model.recommend(users=users, dataset=data, k=10, filter_viewed=True)
    hit = table[table["item_id"] == table["user_id"].map(wanted)].set_index("user_id")["rank"]
    values = np.zeros(len(users))
    values[np.searchsorted(users, hit.index)] = 1 / np.log2(hit.to_numpy() + 1)
    return values


def main() -> None:
    folder, config, seed = Path(sys.argv[1]), json.loads(sys.argv[2]), int(sys.argv[3])
    from lightning_fabric import seed_everything
    from pytorch_lightning import Callback, Trainer
    from rectools.dataset import Dataset
    from rectools.models import SASRecModel

    frame = pd.read_csv(folder / "interactions.csv")
    frame["datetime"] = pd.to_datetime(frame.pop("position"), unit="D")
    frame["weight"] = 1.0
    train, seen = (Dataset.construct(frame[frame["part"] <= part].drop(columns="part")) for part in (0, 1))
    wanted = [frame[frame["part"] == part].set_index("user_id")["item_id"].to_dict() for part in (1, 2)]
    epochs, patience = config.pop("epochs"), config.pop("patience")

    class Clock(Callback):
        started = seconds = 0.0

        def on_train_start(self, trainer, module):
            self.started = time.perf_counter()

        def on_train_end(self, trainer, module):
            self.seconds = time.perf_counter() - self.started

    def trainer() -> Trainer:
        quiet = {"logger": False, "enable_progress_bar": False, "enable_checkpointing": False}
        return Trainer(
            accelerator="cpu",
            max_epochs=config["epochs"],
            min_epochs=1,
            enable_model_summary=False,
            callbacks=[Clock()],
            **quiet,
        )

    to_time = config.pop("time_epochs", 0)
    config["epochs"] = to_time or 1
    seed_everything(seed, verbose=False)
    model = SASRecModel(**config, verbose=0, get_trainer_func=trainer, recommend_torch_device="cpu")
    if to_time:
        model.fit(train)
        # RecTools trains with a copy of the trainer, so the clock that ran belongs to the copy.
        (clock,) = (c for c in model.fit_trainer.callbacks if isinstance(c, Clock))
        (folder / "theirs.json").write_text(json.dumps({"seconds": clock.seconds}))
        return
    curve, best, waited = [], (-1.0, 0, None), 0
    for epoch in range(1, epochs + 1):
        model.fit_partial(train, min_epochs=1, max_epochs=1)
        value = float(ndcg(model, train, wanted[0]).mean())
        curve.append(value)
        waited = 0 if value > best[0] else waited + 1
        if value > best[0]:
            best = (value, epoch, ndcg(model, seen, wanted[1]))
        if waited >= patience:
            break
    result = {"validation": best[0], "epoch": best[1], "test": best[2].tolist(), "curve": curve}
    (folder / "theirs.json").write_text(json.dumps(result))


if __name__ == "__main__":
    main()
