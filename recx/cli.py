"""The command line: `recx run | explain | judge | results | figures | data | backbone | lab | app`."""

import io
import os
import sys
from typing import Annotated

import tyro

from recx.commands.app_command import AppCommand
from recx.commands.backbone_command import BackboneCommand
from recx.commands.data_command import DataCommand
from recx.commands.explain_command import ExplainCommand
from recx.commands.figures_command import FiguresCommand
from recx.commands.judge_command import JudgeCommand
from recx.commands.lab_command import LabCommand
from recx.commands.results_command import ResultsCommand
from recx.commands.run_command import RunCommand
from recx.errors import RecxError
from recx.pipeline.collector import spare_imports


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; errors meant for the user are printed as one line on stderr, with exit code 2."""
    spare_imports()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal or file whose encoding has no tick shows a question mark
    command = tyro.cli(
        Annotated[RunCommand, tyro.conf.subcommand("run")]
        | Annotated[ExplainCommand, tyro.conf.subcommand("explain")]
        | Annotated[JudgeCommand, tyro.conf.subcommand("judge")]
        | Annotated[ResultsCommand, tyro.conf.subcommand("results")]
        | Annotated[FiguresCommand, tyro.conf.subcommand("figures")]
        | Annotated[DataCommand, tyro.conf.subcommand("data")]
        | Annotated[BackboneCommand, tyro.conf.subcommand("backbone")]
        | Annotated[LabCommand, tyro.conf.subcommand("lab")]
        | Annotated[AppCommand, tyro.conf.subcommand("app")],
        prog="recx",
        description="Explain a recommender with a language model. To begin: recx run",
        args=_unfold_set(sys.argv[1:] if arguments is None else arguments),
        config=(tyro.conf.OmitSubcommandPrefixes, tyro.conf.OmitArgPrefixes),
    )
    try:
        command.run()
        sys.stdout.flush()
    except RecxError as error:
        print(f"recx: {error}", file=sys.stderr)
        sys.exit(2)
    except BrokenPipeError:  # `head` and the like have read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # where Python still flushes what is left
        sys.exit(1)
    except KeyboardInterrupt:
        print("\nrecx: stopped; rerun the same command to resume", file=sys.stderr)
        sys.exit(130)


def _unfold_set(words: list[str]) -> list[str]:
    """Let one `--set` take several pairs: `--set a=1 b=2` means `--set a=1 --set b=2`."""
    out: list[str] = []
    inside = False
    for n, word in enumerate(words):
        if word == "--set":
            inside = True
        elif inside and ("=" in word or words[n - 1] == "--set") and not word.startswith("-"):
            out += ["--set", word]
        else:
            inside = False
            out.append(word)
    return out
