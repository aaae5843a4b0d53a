"""The playground: start-up time, time to the first words, response to typing, and memory of ten visitors.

    python benchmarks/playground.py [--visitors 10] [--quick] [--record]

It needs a finished demo (`make demo`). Suggestions are compared with the obvious solutions: difflib's and rapidfuzz's
search over all titles. Memory is the unique set size of a process, i.e. what would be freed if it ended.
"""

import argparse
import difflib
import json
import os
import random
import statistics
import subprocess
import sys
import time

import psutil
from rapidfuzz import fuzz, process
from recorded import Row, add_option, record

from recx.data.catalogue import build_catalogue
from recx.data.registry import load_dataset
from recx.data.title_search import TitleSearch
from recx.playground.rpc_client import ADDRESS_VARIABLE, RpcClient
from recx.profiles.resolve import resolve_settings

SERVER = """
import sys
from recx.playground.web_app import start_model_server
server = start_model_server()
print(server.port, server.token, flush=True)
sys.stdin.read()
"""
VISITOR = """
import sys
from ipykernel.kernelapp import IPKernelApp  # what a kernel loads before any cell
from recx.playground.widgets.app_form import app
import time
started = time.perf_counter()
form = app()
print(time.perf_counter() - started, flush=True)
sys.stdin.read()
"""
RECORDED = [  # name in the recorded table, key, unit
    ("data of the form, from nothing", "ready from nothing, seconds", "s"),
    ("the form itself", "form, seconds", "s"),
    ("first token of an answer", "first token", "ms"),
    ("first token of an answer, slowest", "first token, slowest", "ms"),
    ("whole text", "whole text", "ms"),
    ("memory of each visitor", "megabytes per visitor", "MB"),
    ("of that, in the process with the models", "of this, in the model's process", "MB"),
    ("the process with the models", "model's process", "MB"),
]
TYPED = ["z", "zel", "the legnd of zel", "Mass Effekt 2", "final fantasy", "xbox controller wireles"]


def typing(repeats: int) -> dict[str, float]:
    """Milliseconds per keystroke, with 20,000 titles made of the demo's words."""
    words = [w for label in load_dataset(resolve_settings().data).catalogue.labels[1:] for w in label.split()]
    draw = random.Random(0)
    labels = [f"{' '.join(draw.choices(words, k=draw.randint(2, 9)))} {n}" for n in range(20_000)]
    index = TitleSearch(build_catalogue([str(n) for n in range(20_000)], labels, {}))
    ways = {
        "ours": lambda typed: index.suggest(typed),
        "rapidfuzz over all": lambda typed: process.extract(typed, labels, scorer=fuzz.WRatio, limit=8),
        "difflib over all": lambda typed: difflib.get_close_matches(typed, labels, 8, 0.3),
    }
    took: dict[str, list[float]] = {name: [] for name in ways}
    for n in range(repeats):
        for name, way in ways.items():
            if name.startswith("difflib") and n:
                continue
            for typed in TYPED:
                started = time.perf_counter()
                way(typed)
                took[name].append(1000 * (time.perf_counter() - started))
    out = {name: statistics.median(values) for name, values in took.items()}
    return out | {"ours, slowest": max(took["ours"])}


def first_words(client: RpcClient, repeats: int) -> dict[str, float]:
    """Milliseconds to the first words and to the end of an explanation, through the process with the models."""
    first, whole = [], []
    for _ in range(repeats):
        history = [i["item"] for i in client.call("random_user")["items"]]
        item = client.call("ask_target", history=history, item=1)["top"][0]["item"]
        for model in client.call("about")["models"]:
            started, came = time.perf_counter(), None
            for _ in client.stream("explain", model=model, history=history, item=item):
                came = came or time.perf_counter() - started
            first.append(1000 * came)
            whole.append(1000 * (time.perf_counter() - started))
    milliseconds = {"first token": statistics.median(first), "first token, slowest": max(first)}
    return milliseconds | {"whole text": statistics.median(whole)}


def unique(pid: int) -> float:
    """Megabytes used by one process alone."""
    return psutil.Process(pid).memory_full_info().uss / 1e6


def visitors(address: str, count: int, server: int) -> dict[str, float]:
    """Memory of visitors' kernels, each with the whole form open, and of the process with the models."""
    environment = os.environ | {ADDRESS_VARIABLE: address}
    before, kernels, seconds = unique(server), [], []
    for _ in range(count):
        kernel = subprocess.Popen(
            [sys.executable, "-c", VISITOR], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )
        seconds.append(float(kernel.stdout.readline()))
        kernels.append(kernel)
    each = [unique(k.pid) for k in kernels]
    grown = unique(server) - before
    for kernel in kernels:
        kernel.stdin.close()
        kernel.wait()
    return {
        "megabytes per visitor": statistics.mean(each) + grown / count,
        "of this, in the model's process": grown / count,
        "model's process": before,
        "form, seconds": statistics.median(seconds),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--visitors", type=int, default=10)
    parser.add_argument("--quick", action="store_true", help="two visitors and two rounds")
    add_option(parser)
    arguments = parser.parse_args()
    started = time.perf_counter()
    line = [sys.executable, "-c", SERVER]
    with subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        address = server.stdout.readline()
        port, token = address.split()
        client = RpcClient(int(port), token)
        ready = [r["name"] for r in client.call("runs") if not r["why"]]
        if not ready:
            raise SystemExit("No finished run; make one with: make demo")
        client = client.bind(run=ready[0])
        client.call("about")
        table = {"ready from nothing, seconds": time.perf_counter() - started}
        table |= first_words(client, 2 if arguments.quick else 10)
        table |= visitors(address, 2 if arguments.quick else arguments.visitors, server.pid)
    table |= {f"typing: {name}": value for name, value in typing(2 if arguments.quick else 10).items()}
    for name, value in table.items():
        print(f"{name:<36} {value:10.2f}")
    ratios = {
        "over rapidfuzz": table["typing: rapidfuzz over all"] / table["typing: ours"],
        "over difflib": table["typing: difflib over all"] / table["typing: ours"],
    }
    if arguments.record:
        typed = "suggestions for what is typed, 20,000 titles"
        rows = [Row(name, table[key], unit) for name, key, unit in RECORDED]
        rows += [
            Row(typed, table["typing: ours"], "ms", f"{name} over all titles", ratios[f"over {key}"])
            for name, key in (("rapidfuzz's `WRatio`", "rapidfuzz"), ("difflib", "difflib"))
        ]
        record(
            "playground", [*rows, Row(f"{typed}, slowest", table["typing: ours, slowest"], "ms")], 0, arguments.quick
        )
    print("RESULT " + json.dumps({"benchmark": "playground", **ratios, "table": table}))


if __name__ == "__main__":
    main()
