"""Training and decoding on a GPU with randomly initialised models of 0.5, 1.5 and 7 billion weights.

For training, it measures tokens per second without padding, peak memory (and what was estimated beforehand), and the
share of the machine's matrix rate that useful work reaches (floating-point operations of rows without padding and with
logits for answers only):
    ours       adapters on a frozen base, rows grouped by length, logits for answers only;
    trainer    a plain `Trainer`: rows padded to the longest of their batch, a mask, logits at every position;
    reference  the same with rows padded to 1,024 tokens;
    nf4        ours on a base in four bits, if bitsandbytes is installed (7 billion weights only).
For decoding, it measures histories per second, each with five titles out of 4,000 (`beam_titles`), and greedy texts of
64 tokens per second.

Rows have the lengths of training rows with an ordinary tokenizer: 50 to 290 tokens, 105 on average, 12 of them in the
answer. No data set and no weights are read, and nothing is written without `--record`, which appends the numbers
after each measurement.

    python3 benchmarks/gpu.py [--sizes 0.5,1.5,7] [--seconds 4] [--total 140] [--tiny] [--record]
"""

import argparse
import gc
import importlib.machinery
import importlib.util
import json
import sys
import tempfile
import time
import types
from pathlib import Path
from unittest.mock import MagicMock

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
BEGUN = time.perf_counter()


class _Absent(types.ModuleType):
    """Placeholder for a package that modules import but nothing here uses, on machines without it."""

    def __getattr__(self, name: str) -> MagicMock:
        if name.startswith("__"):
            raise AttributeError(name)
        return MagicMock()


_absent = [name for name in ("polars", "pooch", "rapidfuzz") if importlib.util.find_spec(name) is None]
for _name in _absent:
    sys.modules[_name] = _Absent(_name)
    sys.modules[_name].__spec__ = importlib.machinery.ModuleSpec(_name, None)

import numpy as np  # noqa: E402
import torch  # noqa: E402
from peft import LoraConfig, get_peft_model  # noqa: E402
from plain_trainer import BARE, Plain, padded  # noqa: E402
from recorded import Row, add_option, record  # noqa: E402
from torch.utils.data import Subset  # noqa: E402
from torch.utils.flop_counter import FlopCounterMode  # noqa: E402
from transformers import (  # noqa: E402
    AutoModelForCausalLM,
    LlamaConfig,
    PrinterCallback,
    Qwen2Config,
    Trainer,
    TrainerCallback,
)
from transformers.utils import logging  # noqa: E402

from recx.alignment.length_grouping import length_grouped_order  # noqa: E402
from recx.alignment.memory_estimate import estimate_memory  # noqa: E402
from recx.alignment.one_device import OneDeviceArguments  # noqa: E402
from recx.alignment.optimizers import build_optimizer  # noqa: E402
from recx.alignment.trainer import fit  # noqa: E402
from recx.alignment.training_mode import as_trained  # noqa: E402
from recx.decoding.constrained import beam_titles  # noqa: E402
from recx.decoding.generation import greedy_text  # noqa: E402
from recx.decoding.title_trie import build_title_trie  # noqa: E402
from recx.models.aligned_model import AlignedModel  # noqa: E402
from recx.models.backbones import autocast, compute_dtype  # noqa: E402
from recx.prompts.tokens import EncodedRows, Prompt, collate  # noqa: E402
from recx.recommenders.devices import preferred_device  # noqa: E402
from recx.settings import BackboneSettings, FitSettings  # noqa: E402

for _name in _absent:
    del sys.modules[_name]
logging.set_verbosity_error()

SEED, REFERENCE, WARM = 0, 1024, 3
TITLES, TEXT, RANK, WIDTH = 4_000, 64, 16, 64
STEPS = 2000  # never reached: the clock stops before
QWEN = {"vocab_size": 151_936, "tie_word_embeddings": True, "num_key_value_heads": 2}
SHAPES = {
    "0.5": Qwen2Config(hidden_size=896, num_hidden_layers=24, num_attention_heads=14, intermediate_size=4864, **QWEN),
    "1.5": Qwen2Config(hidden_size=1536, num_hidden_layers=28, num_attention_heads=12, intermediate_size=8960, **QWEN),
    "7": LlamaConfig(
        vocab_size=32_000, hidden_size=4096, num_hidden_layers=32, num_attention_heads=32, intermediate_size=11_008
    ),
    "tiny": LlamaConfig(
        vocab_size=512,
        hidden_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=128,
        num_key_value_heads=2,
    ),
}
# Rows per forward and backward pass on 80 GB, out of 32 rows per step.
PASS = {"0.5": 32, "1.5": 32, "7": 32, "tiny": 8}


class _Clock(TrainerCallback):
    """Times steps after the first few for a given duration, or up to a deadline, then stops the training."""

    def __init__(self, seconds: float, deadline: float) -> None:
        self.seconds, self.deadline, self.steps, self.started, self.ended = seconds, deadline, 0, 0.0, 0.0

    def on_step_end(self, args, state, control, **kwargs):
        late = time.perf_counter() > self.deadline
        if state.global_step == WARM:
            self.started = now()
        elif state.global_step > WARM and (late or time.perf_counter() - self.started > self.seconds):
            self.ended, self.steps = now(), state.global_step - WARM
            control.should_training_stop = True
        control.should_training_stop |= late


def now() -> float:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter()


def peak_gigabytes() -> float:
    return torch.cuda.max_memory_allocated() / 1e9 if torch.cuda.is_available() else 0.0


def matrix_rate(tiny: bool) -> float:
    """Floating-point operations per second of large square matrix products, in the training format."""
    size = 512 if tiny else 8192
    a, b = (torch.randn(size, size, device=preferred_device()).to(compute_dtype("auto")) for _ in range(2))
    best = 0.0
    for _ in range(4):
        started = now()
        for _ in range(5):
            a @ b
        best = max(best, 5 * 2 * size**3 / (now() - started))
    return best


def make_rows(vocabulary: int, items: int, count: int = 4096) -> EncodedRows:
    """Rows of random tokens, each with an item and a user."""
    rng = np.random.default_rng(SEED)
    lengths = (50 + 240 * rng.beta(1.2, 4.04, count)).astype(np.int64)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    ids = rng.integers(2, vocabulary, offsets[-1]).astype(np.int32)
    ids[offsets[:-1] + 20] = vocabulary + rng.integers(1, items, count)
    ids[offsets[:-1] + 30] = vocabulary + 2 * items + rng.integers(0, items, count)
    answers = np.zeros(offsets[-1], bool)
    for back in range(1, 13):
        answers[offsets[1:] - back] = True
    return EncodedRows(ids, offsets, answers, np.array(["retrieval"] * count))


def make_model(size: str, quantise: bool) -> AlignedModel:
    """A random model, created on its final device, with adapters and entity tokens as in `build_aligned`."""
    torch.manual_seed(SEED)
    device = preferred_device()
    attention = "sdpa" if torch.cuda.is_available() else "eager"
    with torch.device(device):
        backbone = AutoModelForCausalLM.from_config(
            SHAPES[size], dtype=compute_dtype("auto"), attn_implementation=attention
        )
    if quantise:
        in_four_bits(backbone)
        backbone.is_loaded_in_4bit = True  # how peft detects quantisation
    config = LoraConfig(r=RANK, lora_alpha=32, target_modules="all-linear", task_type="CAUSAL_LM")
    vectors = torch.randn(2, TITLES + 1, WIDTH)
    return AlignedModel(get_peft_model(backbone, config), vectors[0], vectors[1]).to(device)


def in_four_bits(backbone: torch.nn.Module) -> None:
    """Quantise the layers' matrices one at a time, as the kit's settings do."""
    from bitsandbytes.nn import Linear4bit, Params4bit

    for module in list(backbone.get_decoder().modules()):
        for name, child in list(module.named_children()):
            if type(child) is not torch.nn.Linear:
                continue
            replaced = Linear4bit(
                child.in_features, child.out_features, bias=child.bias is not None, compute_dtype=child.weight.dtype,
                compress_statistics=True, quant_type="nf4", device="meta",
            )  # fmt: skip
            weight, place = child.weight.data, child.weight.device
            replaced.weight = Params4bit(
                weight, requires_grad=False, compress_statistics=True, quant_type="nf4",
            ).to(place)  # fmt: skip
            replaced.bias = child.bias
            setattr(module, name, replaced)


def operations(model: AlignedModel, rows: EncodedRows) -> float:
    """Floating-point operations per training token, for rows of each length."""
    order = np.argsort(rows.lengths, kind="stable")
    chosen = [order[int(q * (len(order) - 4)) :][:4] for q in (0.1, 0.3, 0.5, 0.7, 0.9)]
    how = FitSettings()
    total, attention = 0, model.backbone.config._attn_implementation
    model.backbone.set_attn_implementation("eager")  # PyTorch 2.11 cannot count fused attention with shared heads
    for batch in chosen:
        inputs = {k: v.to(model.device) for k, v in collate([rows[int(r)] for r in batch], multiple=1).items()}
        with FlopCounterMode(display=False) as counter, autocast("auto", model.device.type), as_trained(model, how):
            model(**inputs)["loss"].backward()
        total += counter.get_total_flops()
    model.zero_grad(set_to_none=True)
    model.backbone.set_attn_implementation(attention)
    return total / rows.lengths[np.concatenate(chosen)].sum()


def train(
    way: str, model: AlignedModel, rows: EncodedRows, size: str, seconds: float, deadline: float
) -> dict[str, float]:
    """Real tokens per second of one training method, and its peak memory in gigabytes.

    Raises:
        TimeoutError: the deadline came before a step was timed.
    """
    batch, at_once = (8, min(4, PASS[size])) if way == "reference" else (32, PASS[size])
    how = FitSettings(batch_size=batch, accumulate=batch // at_once, epochs=STEPS * batch / len(rows))
    clock = _Clock(seconds, deadline)
    model.train()
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
    with tempfile.TemporaryDirectory() as folder:
        estimated = None
        if way in ("ours", "nf4"):
            SHAPES[size].save_pretrained(folder)
            backbone = BackboneSettings(folder, lora_rank=RANK, quantize="nf4" if way == "nf4" else "")
            estimated = estimate_memory(backbone, how, rows, WIDTH).needed / 1e9
            order = length_grouped_order(rows.lengths, batch, STEPS, SEED)
            fit(model, rows, how, Path(folder), SEED, show_progress=False, callbacks=[clock])
        else:
            order = np.random.default_rng(SEED).integers(len(rows), size=STEPS * batch)
            train_plainly(model, Subset(rows, order.tolist()), how, REFERENCE * (way == "reference"), folder, clock)
    model.zero_grad(set_to_none=True)
    if not clock.steps:
        raise TimeoutError
    timed = order[WARM * batch : (WARM + clock.steps) * batch]
    spent = clock.ended - clock.started
    return {
        "tokens_per_second": float(rows.lengths[timed].sum()) / spent,
        "rows_per_second": len(timed) / spent,
        "peak_gb": peak_gigabytes(),
        "estimated_gb": estimated,
        "steps": clock.steps,
    }


def train_plainly(model: AlignedModel, rows, how: FitSettings, longest: int, folder: str, clock: _Clock) -> None:
    dtype = compute_dtype("auto")
    arguments = OneDeviceArguments(
        output_dir=folder,
        max_steps=STEPS,
        per_device_train_batch_size=how.batch_size // how.accumulate,
        gradient_accumulation_steps=how.accumulate,
        bf16=dtype == torch.bfloat16,
        fp16=dtype == torch.float16,
        use_cpu=not torch.cuda.is_available(),
        **BARE,
    )
    trainer = Trainer(
        optimizers=(build_optimizer(model, how), None),
        model=Plain(model),
        args=arguments,
        train_dataset=rows,
        data_collator=lambda batch: padded(batch, longest),
        callbacks=[clock],
    )
    trainer.remove_callback(PrinterCallback)
    trainer.train()


def decode(model: AlignedModel, rows: EncodedRows, tiny: bool) -> dict[str, float]:
    """Histories per second, with five titles each, texts per second, and peak memory in gigabytes."""
    rng = np.random.default_rng(SEED)
    words = rng.integers(2, model.entities.vocabulary, 1500)
    titles = [
        words[(1500 * rng.beta(0.6, 3.0, rng.integers(3, 11))).astype(int)] for _ in range(200 if tiny else TITLES)
    ]
    titles = list({tuple(t.tolist()): t for t in titles}.values())
    graph = build_title_trie([titles[0], *titles], np.array([1]))
    prompts = [Prompt(rows[n]["input_ids"][:-12]) for n in range(8 if tiny else 128)]
    model.eval()
    found = {}
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
    for name, work in (
        ("histories_per_second", lambda asked: beam_titles(model, asked, graph, beams=5)),
        ("texts_per_second", lambda asked: greedy_text(model, asked, [1], max_tokens=8 if tiny else TEXT)),
    ):
        work(prompts[:4])
        started = now()
        work(prompts)
        found[name] = len(prompts) / (now() - started)
    return found | {"peak_gb": peak_gigabytes()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="0.5,1.5,7", help="sizes of the models, in billions of weights")
    parser.add_argument("--seconds", type=float, default=4.0, help="duration of each training")
    parser.add_argument("--total", type=float, default=140.0, help="seconds after which nothing more is started")
    parser.add_argument("--tiny", action="store_true", help="use a tiny model, to try the script on a CPU")
    add_option(parser)
    told = parser.parse_args()
    sizes, seconds = (["tiny"], 0.3) if told.tiny else (told.sizes.split(","), told.seconds)
    limit, deadline = matrix_rate(told.tiny), BEGUN + told.total
    name = torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU"
    print(f"{name}, {compute_dtype('auto')}, matrix rate {limit / 1e12:.1f} TFLOP/s")
    print(
        f"{'weights':>8} {'way':<10} {'tokens/s':>10} {'rows/s':>8} {'peak GB':>8} {'estimate':>8} {'share':>6}",
        flush=True,
    )
    table, decoding, left_out = [], [], []

    def measure(size: str, way: str, model: AlignedModel, rows: EncodedRows, work_of_token: float) -> None:
        if time.perf_counter() > deadline:
            raise TimeoutError
        release()
        if way == "decoding":
            row = {"size": size} | decode(model, rows, told.tiny)
            decoding.append(row)
            print(
                f"{size:>8} decoding   {row['histories_per_second']:.1f} histories per second (five titles each), "
                f"{row['texts_per_second']:.1f} texts per second, peak {row['peak_gb']:.1f} GB",
                flush=True,
            )
            new = decoding_rows(row)
        else:
            row = {"size": size, "way": way} | train(way, model, rows, size, seconds, deadline)
            row |= {"share_of_matrix_rate": row["tokens_per_second"] * work_of_token / limit}
            table.append(row)
            print(
                f"{size:>8} {way:<10} {row['tokens_per_second']:>10,.0f} {row['rows_per_second']:>8.1f} "
                f"{row['peak_gb']:>8.1f} {row['estimated_gb'] or 0:>8.1f} {row['share_of_matrix_rate']:>6.1%}",
                flush=True,
            )
            new = training_rows(row, table)
        if told.record:
            record("gpu", new, SEED, told.tiny)

    for size in sizes:
        rows, work_of_token = make_rows(SHAPES[size].vocab_size, TITLES + 1), 0.0
        ways = {False: ["ours", "trainer", "reference", "decoding"]}
        if size in ("7", "tiny") and importlib.util.find_spec("bitsandbytes"):
            ways[True] = ["nf4"]
        for quantise, wanted in ways.items():
            model = None
            while wanted:
                try:
                    if time.perf_counter() > deadline:
                        raise TimeoutError
                    model = model or make_model(size, quantise)
                    work_of_token = work_of_token or operations(model, rows)
                    measure(size, wanted[0], model, rows, work_of_token)
                except TimeoutError:
                    left_out.append(f"{size} {wanted[0]} (no time)")
                except Exception as error:  # too little memory, for one: the other measurements still count
                    left_out.append(f"{size} {wanted[0]} ({error!r:.300})")
                wanted = wanted[1:]
            del model
            release()
    if left_out:
        print(f"left out: {', '.join(left_out)}")
    result = {"benchmark": "gpu", "device": name, "matrix_tflops": limit / 1e12, "seconds": time.perf_counter() - BEGUN}
    print("RESULT " + json.dumps(result | {"table": table, "decoding": decoding, "left_out": left_out}))


def _label(row: dict, way: str) -> str:
    return f"{row['size']}{'' if row['size'] == 'tiny' else ' billion weights'}, {way}"


def training_rows(row: dict, table: list[dict]) -> list[Row]:
    """Rows to record: of one method and size, and how much faster ours is, whose row is in the table by then."""
    label = _label(row, row["way"])
    rows = [
        Row(f"{label}: training", row["tokens_per_second"], "tokens/s"),
        Row(f"{label}: peak memory", row["peak_gb"], "GB"),
        Row(f"{label}: share of the matrix rate", row["share_of_matrix_rate"]),
    ]
    if row["estimated_gb"] is not None:
        rows.append(Row(f"{label}: estimated memory", row["estimated_gb"], "GB"))
    ours = [other for other in table if (other["size"], other["way"]) == (row["size"], "ours")]
    if row["way"] in ("trainer", "reference") and ours:
        ratio = ours[0]["tokens_per_second"] / row["tokens_per_second"]
        rows.append(Row(f"{_label(row, 'ours')}: training", "", "", row["way"], ratio))
    return rows


def decoding_rows(row: dict) -> list[Row]:
    """Rows to record of the decoding with one size."""
    label = _label(row, "decoding")
    return [
        Row(f"{label}: titles", row["histories_per_second"], "histories/s"),
        Row(f"{label}: texts", row["texts_per_second"], "texts/s"),
        Row(f"{label}: peak memory", row["peak_gb"], "GB"),
    ]


def release() -> None:
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


if __name__ == "__main__":
    main()
