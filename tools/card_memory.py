"""What training a backbone on one card needs, before its weights are downloaded or a card is rented.

    .venv/bin/python tools/card_memory.py --card 24 Qwen/Qwen3-0.6B Qwen/Qwen3-1.7B Qwen/Qwen3-4B

For each backbone (a short name, a folder or a hub id, of which only the configuration is downloaded), the settings of
`--profile gpu` are tried with all of a step's 32 rows at once, then with fewer, until a step fits; then the same with
ways to save memory. `align.fit.accumulate=0` in that profile makes the same choice from the memory that is free. Rows
are taken to have 300 tokens, 12 of them answers. Without a GPU here, the estimate keeps a larger margin.
"""

import argparse
import dataclasses
import sys

import numpy as np

from recx.alignment.memory_estimate import estimate_memory
from recx.errors import RecxError
from recx.profiles.resolve import resolve_settings
from recx.prompts.tokens import EncodedRows

TOKENS, ANSWER, WIDTH = 300, 12, 64
SAVINGS = {
    "as in the profile": {},
    "align.fit.gradient_checkpointing=true": {"align.fit.gradient_checkpointing": True},
    "align.backbone.quantize=nf4": {"align.backbone.quantize": "nf4"},
}
ROWS = EncodedRows(
    np.zeros(TOKENS, np.int32), np.array([0, TOKENS]), np.arange(TOKENS) >= TOKENS - ANSWER, np.array(["retrieval"])
)


def fits(name: str, card: float, changed: dict[str, object]) -> tuple[int, float]:
    """The most rows at once whose step needs at most `card` gigabytes, and what it needs; 0 rows if one is too many."""
    overrides = {"align.backbone.name": name, "align.backbone.dtype": "bfloat16", "align.fit.precision": "bfloat16"}
    align = resolve_settings("gpu", "demo", "", overrides | changed).align
    for rows in (r for r in range(align.fit.batch_size, 0, -1) if align.fit.batch_size % r == 0):
        how = dataclasses.replace(align.fit, accumulate=align.fit.batch_size // rows)
        needed = estimate_memory(align.backbone, how, ROWS, WIDTH).needed / 1e9
        if needed <= card:
            return rows, needed
    return 0, needed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("backbones", nargs="+", help="short names, folders or hub ids")
    parser.add_argument("--card", type=float, default=24, help="memory of the card in GB, of which 1 is left free")
    given = parser.parse_args()
    print(f"A card of {given.card:g} GB, of which 1 GB is left to other programs; rows of {TOKENS} tokens.")
    for name in given.backbones:
        print(f"\n{name}")
        for saving, changed in SAVINGS.items():
            rows, needed = fits(name, given.card - 1, changed)
            said = (
                f"{rows:2} rows at once, about {needed:.1f} GB"
                if rows
                else f"does not fit: {needed:.1f} GB for one row"
            )
            print(f"  {saving:<40} {said}")


if __name__ == "__main__":
    try:
        main()
    except RecxError as error:
        sys.exit(f"recx: {error}")
