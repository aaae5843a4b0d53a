"""The command line: `recx run | explain | judge | results | figures | data | backbone | lab | app`."""

import json
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from recx import paths
from recx.errors import RecxError, SettingsError
from recx.pipeline import stages
from recx.pipeline.judged_file import JudgeCommand, run_judge
from recx.pipeline.launch import prepare, quiet_libraries, run_all, run_parameters, settle_environment
from recx.profiles.resolve import parse_overrides, resolve_settings, show
from recx.storage import run_folder


@dataclass(frozen=True)
class RunCommand:
    """Run the notebooks in order; finished stages are skipped."""

    notebooks: tyro.conf.Positional[tuple[str, ...]] = ()
    """Notebooks by number or name, e.g. 02 06_alignment_effect; all of them by default."""
    profile: str = "tiny"
    """Profile, which sets the amount of computation and the machine it fits: tiny, small, test, gpu or paper."""
    dataset: str = "demo"
    """A name shown by `recx data list`, or a folder with your own files."""
    data_dir: str = ""
    """Folder with data sets obtained elsewhere; RECX_DATA_DIR by default."""
    set: Annotated[tuple[str, ...], tyro.conf.UseAppendAction] = ()
    """A setting as key=value, e.g. target.epochs=5; can be repeated."""
    verbose: bool = False
    """Print every setting, not only those that differ from the defaults."""


@dataclass(frozen=True)
class ExplainCommand:
    """Explain an item for a history, or a file of such pairs; by default, a few pairs of the demo."""

    history: Annotated[tuple[str, ...], tyro.conf.UseAppendAction] = ()
    """Titles separated by semicolons, oldest first; or repeat the option with one title each."""
    item: str = ""
    """The title asked about."""
    input: str = ""
    """A file of pairs (CSV, TSV, JSON lines or Parquet) with columns history and item, optionally view, user and id."""
    output: str = ""
    """The JSON lines file to write; rerun an interrupted command to resume."""
    overwrite: bool = False
    """Replace an existing output file."""
    view: str = ""
    """An instruction for the explanation, e.g. "Look at it from the platform side."."""
    mode: str = ""
    """The alignment mode to ask; by default the last one, which reads most."""
    held_quotes: bool = True
    """Allow quotations only of titles in the history and of the item itself, and name no title as a cause twice."""
    shipped: bool = False
    """Ask the model that ships with the kit, which is also the fallback if the default run is not finished."""
    profile: str = "tiny"
    """Profile of the finished run that explains."""
    dataset: str = "demo"
    """Data set of that run."""
    data_dir: str = ""
    """Folder that holds data sets obtained elsewhere; RECX_DATA_DIR by default."""
    set: Annotated[tuple[str, ...], tyro.conf.UseAppendAction] = ()
    """A setting of that run as key=value; can be repeated."""


@dataclass(frozen=True)
class ResultsCommand:
    """Print the metrics of all finished stages, or write the texts of one run."""

    json: bool = False
    """Print one JSON list of records."""
    markdown: bool = False
    """Print a Markdown page of tables."""
    texts: str = ""
    """Instead write the explanations of notebook 07 to this file as JSON lines (compressed if it ends in .gz)."""
    profile: str = "tiny"
    """Profile of the run whose texts are written."""
    dataset: str = "demo"
    """Data set of that run."""


@dataclass(frozen=True)
class FiguresCommand:
    """Redraw the figures of finished runs from their saved numbers."""

    profile: str = ""
    """Only runs with this profile."""
    dataset: str = ""
    """Only runs on this data set."""
    out: str = ""
    """Output folder; by default figures/ beside the package, or in your data folder if that is not writable."""


@dataclass(frozen=True)
class ListCommand:
    """List the known data sets."""


@dataclass(frozen=True)
class DescribeCommand:
    """Show what a data set is, its licence, its citation, and its size if the files are available."""

    name: tyro.conf.Positional[str]
    """Name or folder."""
    data_dir: str = ""
    """Folder with data sets obtained elsewhere; RECX_DATA_DIR by default."""
    set: Annotated[tuple[str, ...], tyro.conf.UseAppendAction] = ()
    """A setting as key=value, e.g. data.columns.item=artist; can be repeated."""


@dataclass(frozen=True)
class AddCommand:
    """Register a folder with your own files under a name: read them, report what was read, and save how."""

    name: tyro.conf.Positional[str]
    """A name of your choice, to be used with --dataset."""
    folder: tyro.conf.Positional[str]
    """Folder that contains the files."""
    log: str = ""
    """The interaction file, if the folder contains several files."""
    items: str = ""
    """The item file, if there is one; otherwise the item names in the log serve as titles."""
    user: str = ""
    """The user column."""
    item: str = ""
    """The item column."""
    time: str = ""
    """The timestamp column."""
    rating: str = ""
    """The rating column."""
    title: str = ""
    """The title column."""
    set: Annotated[tuple[str, ...], tyro.conf.UseAppendAction] = ()
    """A further data setting, e.g. data.min_user=3 or data.columns.encoding=cp1251; can be repeated."""


@dataclass(frozen=True)
class DownloadCommand:
    """Download a data set from its official address; an interrupted download is resumed."""

    name: tyro.conf.Positional[str]
    """Name of a data set."""


@dataclass(frozen=True)
class DataCommand:
    """List the data sets, describe one, download one, or add your own."""

    action: (
        Annotated[ListCommand, tyro.conf.subcommand("list")]
        | Annotated[DescribeCommand, tyro.conf.subcommand("describe")]
        | Annotated[DownloadCommand, tyro.conf.subcommand("download")]
        | Annotated[AddCommand, tyro.conf.subcommand("add")]
    )


@dataclass(frozen=True)
class GetBackboneCommand:
    """Download a pretrained backbone into your cache; no network is needed afterwards."""

    name: tyro.conf.Positional[str]
    """A name shown by `recx backbone list`, to be used with --set align.backbone.name=."""


@dataclass(frozen=True)
class ListBackbonesCommand:
    """List the backbones that have a short name, with size, licence and whether they are downloaded."""


@dataclass(frozen=True)
class BackboneCommand:
    """List the backbones that have a short name, or download one."""

    action: (
        Annotated[ListBackbonesCommand, tyro.conf.subcommand("list")]
        | Annotated[GetBackboneCommand, tyro.conf.subcommand("get")]
    )


@dataclass(frozen=True)
class LabCommand:
    """Open JupyterLab on the notebooks, on this machine only."""

    options: tyro.conf.Positional[tuple[str, ...]] = ()
    """Options for JupyterLab, after two dashes: recx lab -- --no-browser --ServerApp.base_url=/lab/"""
    port: int = 8888
    """Port to listen on; 0 picks a free one."""


@dataclass(frozen=True)
class AppCommand:
    """Serve the playground as a web page, by default on this machine only."""

    port: int = 8866
    """Port to listen on; 0 picks a free one."""
    address: str = "127.0.0.1"
    """Address to listen on. There is no password: every account on this machine has access, with 0.0.0.0 others too."""
    base_url: str = "/"
    """Path under which a proxy serves the page, e.g. /user/ann/proxy/8866/; the proxy may keep or strip it."""
    dark: bool = False
    """Use dark colours."""
    idle_minutes: float = 30
    """Minutes of inactivity after which a visitor's session is dropped."""


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; errors meant for the user are printed as one line on stderr, with exit code 2."""
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
        description=__doc__,
        args=_unfold_set(sys.argv[1:] if arguments is None else arguments),
        config=(tyro.conf.OmitSubcommandPrefixes, tyro.conf.OmitArgPrefixes),
    )
    if isinstance(command, DataCommand | BackboneCommand):
        command = command.action
    try:
        _HANDLERS[type(command)](command)
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


def _run(command: RunCommand) -> None:
    plan = prepare(command.notebooks, command.profile, command.dataset, command.data_dir, parse_overrides(command.set))
    print(show(plan.settings, command.verbose), flush=True)
    started = time.monotonic()
    executed = run_all(plan)
    print(f"\n{executed} notebooks executed in {(time.monotonic() - started) / 60:.1f} minutes")
    folder = paths.runs() / plan.settings.profile / plan.settings.dataset
    summary = folder / "effect" / "summary.txt"
    if summary.is_file() and stages.is_finished("effect", plan.settings):  # otherwise it belongs to earlier settings
        print("\n" + summary.read_text(encoding="utf-8"))
    print(f"Executed notebooks, figures and numbers: {folder}")


def _explain(command: ExplainCommand) -> None:
    one, many = (command.history, command.item), (command.input, command.output)
    if command != ExplainCommand() and (any(one) == any(many) or any(one) != all(one) or any(many) != all(many)):
        raise SettingsError("Give --history and --item for one pair, or --input and --output for a file of pairs.")
    if command.shipped and any(getattr(command, name) != getattr(RunCommand, name) for name in _RUN):
        raise SettingsError("--shipped cannot be combined with --profile, --dataset, --data-dir or --set.")
    quiet_libraries()  # before anything that explains is imported: its models are held in this process
    from recx.pipeline.chosen_run import choose_run
    from recx.pipeline.examples import print_examples
    from recx.pipeline.explained_pairs import LEGEND, PairExplainer, wrapped
    from recx.pipeline.pairs_file import explain_file, require_pairs

    source, output = (Path(name).expanduser() for name in many)
    if not any(one + many):
        print_examples()
        return
    if any(many):
        require_pairs(source)  # before a model is loaded
    run = run_parameters(command.profile, command.dataset, command.data_dir, parse_overrides(command.set))
    chosen = choose_run(None if command.shipped else resolve_settings(**run))
    explainer = PairExplainer(chosen.opened, chosen.mode(command.mode), command.held_quotes)
    told = chosen.provenance() | {"mode": explainer.mode, "held_quotes": command.held_quotes}
    if any(one):
        history = command.history[0] if len(command.history) == 1 else command.history
        pair = explainer.names.pair(history, command.item, command.view)
        print(wrapped("Explained by {backbone}, aligned to {target} (run {run}, {mode} mode).".format(**told)))
        print(wrapped(LEGEND) + "\n\n" + explainer.shown(explainer.explain([pair])[0]))
        return
    written = explain_file(explainer, source, output, told, command.view, command.overwrite)
    print(
        f"Explained by the run {chosen.name}: {written.rows - written.failed:,} of {written.rows:,} pairs, in {output}"
    )
    if written.failed:
        print(f"Rows that could not be read: {written.failed:,}. Their lines say why, in `error`.")


def _results(command: ResultsCommand) -> None:
    if command.texts:
        from recx.pipeline.published_texts import write_texts

        count = write_texts(Path(command.texts).expanduser(), command.profile, command.dataset)
        print(f"Explanations of {count:,} pairs: {command.texts}")
        if command.dataset != "demo":
            print(f"Before you publish them, read the licence of the data: recx data describe {command.dataset}")
        return
    records = run_folder.results()
    if command.json:
        print(json.dumps(records, indent=1))
        return
    if command.markdown:
        from recx.evaluation.results_page import results_page

        print(results_page(records), end="")
        return
    if not records:
        print("No finished stage yet. Start with: recx run")
    for r in records:
        interval = f" [{r['low']:.3f}, {r['high']:.3f}]" if r["low"] is not None else ""
        count = f"  n={r['n']}" if r["n"] else ""
        who = " ".join(filter(None, (r["mode"], r["method"], r.get("decoding"), r.get("control"))))
        where = f"{r['profile']}/{r['dataset']}/{r['stage']}"
        value = "-" if r["value"] is None else f"{r['value']:.4f}"
        print(f"{where:<32} {who:<34} {r['metric']:<26} {value}{interval}{count}")


def _figures(command: FiguresCommand) -> None:
    from recx.pipeline.saved_figures import redraw

    for path in redraw(command.profile, command.dataset, Path(command.out).expanduser() if command.out else None):
        print(path)


def _list(command: ListCommand) -> None:
    from recx.data.added_sets import added_sets
    from recx.data.registry import SOURCES

    for source in SOURCES.values():
        print(f"{source.name:<16} {source.title}")
    for name, folder in added_sets().items():
        print(f"{name:<16} your own files in {folder}")


def _describe(command: DescribeCommand) -> None:
    from recx.data.registry import find_source, load_dataset
    from recx.data.statistics import statistics

    print(find_source(command.name).terms())
    dataset = load_dataset(resolve_settings("tiny", command.name, command.data_dir, parse_overrides(command.set)).data)
    print(f"\nWhat was read:\n{dataset.report}\n\nAfter filtering:")
    for name, value in statistics(dataset).items():
        print(f"{value:>12,.2f}  {name}" if isinstance(value, float) else f"{value:>12,}  {name}")
    if not dataset.catalogue.attributes:
        print(f"{'no':>12}  attributes")


def _add(command: AddCommand) -> None:
    from recx.data.adding import add_dataset, shown_histories

    chosen = {"log": command.log, "items": command.items, "columns.timestamp": command.time}
    chosen |= {f"columns.{name}": getattr(command, name) for name in ("user", "item", "rating", "title")}
    added = add_dataset(command.name, command.folder, chosen, parse_overrides(command.set))
    print(f"What was read:\n{added.dataset.report}\n\nThree histories, oldest item first:")
    print("\n".join(shown_histories(added.dataset)))
    print(f"\nSaved how the files are read to {added.mapping}, and the name to {added.registry}.")
    print(f"Next: recx run --dataset {command.name}")


def _download(command: DownloadCommand) -> None:
    from recx.data.registry import find_source

    source = find_source(command.name)
    if source.official:
        print(f"{source.terms()}\nFrom: {' '.join(d.url for d in source.official.downloads)}", flush=True)
    for name, path in source.fetch().items():
        print(f"{name}: {path}")


def _list_backbones(command: ListBackbonesCommand) -> None:
    from recx.models.pretrained import describe_backbones

    print("\n".join(describe_backbones()))


def _get_backbone(command: GetBackboneCommand) -> None:
    from recx.models.pretrained import fetch_backbone

    print(f"{command.name}: {fetch_backbone(command.name)}\nNext: recx run --set align.backbone.name={command.name}")


def _lab(command: LabCommand) -> None:
    from recx.pipeline.jupyter_lab import run_lab

    run_lab(command.port, command.options)


def _app(command: AppCommand) -> None:
    from recx.pipeline.servers import checked_prefix, free_port, require_installed

    require_installed("voila", "Voila")  # report problems before importing or loading anything heavy
    base_url, port = checked_prefix(command.base_url), free_port(command.port, command.address)
    settle_environment()
    quiet_libraries()  # before importing the playground, whose models are held in this process
    from recx.playground.web_app import run_app

    host = f"[{command.address}]" if ":" in command.address else command.address
    print(f"http://{host}:{port}{base_url} (stop with Ctrl-C)", flush=True)
    run_app(port, command.address, base_url, command.dark, command.idle_minutes)


_RUN = ("profile", "dataset", "data_dir", "set")  # the options that tell a run from others
_HANDLERS = {
    RunCommand: _run,
    ExplainCommand: _explain,
    JudgeCommand: run_judge,
    ResultsCommand: _results,
    FiguresCommand: _figures,
    ListCommand: _list,
    DescribeCommand: _describe,
    DownloadCommand: _download,
    AddCommand: _add,
    ListBackbonesCommand: _list_backbones,
    GetBackboneCommand: _get_backbone,
    LabCommand: _lab,
    AppCommand: _app,
}


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
