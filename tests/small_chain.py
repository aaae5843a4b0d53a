"""A chain so small that it runs in about a minute; its results are meaningless."""

import os
import subprocess
import sys

SMALL = {
    "data.demo.users": 260,
    "target.epochs": 5,
    "align.modes": "intention hybrid relation",
    "align.rows_behavior": 320,
    "align.rows_intention": 640,
    "align.rows_hybrid": 480,
    "align.rows_relation": 320,
    "align.measured": 40,
    "align.own_words": 32,
    "align.fit.save_steps": 4,
    "evaluate.users": 24,
    "evaluate.ranking_users": 12,
    "evaluate.free_users": -1,
    "evaluate.pairs": 8,
    "evaluate.rated": 8,
    "evaluate.sources": 24,
}
CORE = ("data", "target", "tasks", "alignments", "effect")
COMMAND = [sys.executable, "-m", "recx", "run", "--profile", "test"]
COMMAND += [word for key, value in SMALL.items() for word in ("--set", f"{key}={value}")]


def start(folder, notebooks=CORE, told=(), **more):
    """Start `recx run` on a folder of runs, as a process; `told` contains additional words of the command line."""
    surroundings = os.environ | {"RECX_RUNS_DIR": str(folder)}
    line = [*COMMAND[:4], *notebooks, *COMMAND[4:], *told]
    return subprocess.Popen(line, env=surroundings, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **more)
