"""The common training method, for comparison: padded batches, a mask, and logits at every position."""

import torch
from torch.nn import functional

from recx.prompts.tokens import IGNORED, collate

# Arguments of a `Trainer` that only trains: rows in the given order, and nothing is saved, logged or shown.
BARE = {
    "train_sampling_strategy": "sequential",
    "remove_unused_columns": False,
    "save_strategy": "no",
    "logging_strategy": "no",
    "report_to": "none",
    "disable_tqdm": True,
}


class Plain(torch.nn.Module):
    """The same backbone and entity tokens, used in the common way: with a mask, and with logits at all positions."""

    def __init__(self, aligned: torch.nn.Module) -> None:
        super().__init__()
        self.aligned = aligned

    def forward(self, input_ids, attention_mask, labels):
        logits = self.aligned.backbone(input_ids=input_ids, attention_mask=attention_mask, use_cache=False).logits
        targets = functional.pad(labels[:, 1:], (0, 1), value=IGNORED)
        loss = functional.cross_entropy(logits.float().flatten(0, 1), targets.flatten(), ignore_index=IGNORED)
        return {"loss": loss}


def padded(rows, longest: int):
    """Pad rows to the length of the longest one, or to `longest` if that is more."""
    batch = collate(rows, multiple=1)
    width = max(batch["input_ids"].shape[1], longest)
    more = width - batch["input_ids"].shape[1]
    lengths = torch.tensor([len(r["input_ids"]) for r in rows])
    return {
        "input_ids": functional.pad(batch["input_ids"], (0, more)),
        "attention_mask": (torch.arange(width) < lengths[:, None]).long(),
        "labels": functional.pad(batch["labels"], (0, more), value=IGNORED),
    }
