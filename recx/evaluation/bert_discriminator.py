"""A fine-tuned encoder that classifies texts by source: the paper's discriminator (section 3.4.2)."""

import tempfile
from collections.abc import Callable, Sequence

import numpy as np
import torch

from recx.alignment.one_device import OneDeviceArguments
from recx.errors import SettingsError

Classifier = Callable[[Sequence[str], np.ndarray, Sequence[str]], np.ndarray]
"""Trains on texts and their sources, and predicts the sources of other texts."""


def fit_encoder(
    encoder: str, epochs: float = 3.0, learning_rate: float = 5e-5, length: int = 256, seed: int = 0
) -> Classifier:
    """Create a classifier for `discriminate` that fine-tunes any `AutoModelForSequenceClassification`.

    Args:
        encoder: hub id or folder.
        epochs: passes over the training texts.
        learning_rate: initial learning rate of AdamW, decayed linearly.
        length: number of tokens read of each text.
        seed: random seed of the new head and of the order.
    """

    def fit(train: Sequence[str], labels: np.ndarray, test: Sequence[str]) -> np.ndarray:
        from transformers import (
            AutoModelForSequenceClassification,
            AutoTokenizer,
            DataCollatorWithPadding,
            Trainer,
            set_seed,
        )

        names, wanted = np.unique(labels, return_inverse=True)
        set_seed(seed)
        try:
            tokenizer = AutoTokenizer.from_pretrained(encoder)
            model = AutoModelForSequenceClassification.from_pretrained(encoder, num_labels=len(names))
        except (OSError, ValueError) as error:
            reason = str(error).splitlines()[0][:200]
            raise SettingsError(
                f"The encoder {encoder!r} cannot be loaded as a classifier ({reason}); evaluate.encoder has "
                "to be the hub id or the folder of an encoder."
            ) from error
        max_length = min(length, getattr(model.config, "max_position_embeddings", length) - 2)

        def rows(texts: Sequence[str]) -> list[dict[str, list[int]]]:
            ids = tokenizer(list(texts), truncation=True, max_length=max_length)["input_ids"]
            return [{"input_ids": i} for i in ids]

        learnt = [row | {"labels": int(w)} for row, w in zip(rows(train), wanted, strict=True)]
        with tempfile.TemporaryDirectory() as folder:
            arguments = OneDeviceArguments(
                folder,
                per_device_train_batch_size=32,
                per_device_eval_batch_size=32,
                num_train_epochs=epochs,
                learning_rate=learning_rate,
                seed=seed,
                save_strategy="no",
                logging_strategy="no",
                report_to=[],
                disable_tqdm=True,
                dataloader_pin_memory=torch.cuda.is_available(),
            )
            trainer = Trainer(model, arguments, train_dataset=learnt, data_collator=DataCollatorWithPadding(tokenizer))
            trainer.train()
            logits = trainer.predict(rows(test)).predictions
        return names[np.asarray(logits).argmax(1)]

    return fit
