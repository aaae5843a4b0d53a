"""`recx explain`: why an item, for one history or a file of pairs."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from recx import paths
from recx.errors import SettingsError
from recx.pipeline.launch import quiet_libraries, run_parameters
from recx.profiles.resolve import parse_overrides, resolve_settings

if TYPE_CHECKING:
    from recx.pipeline.chosen_run import ChosenRun
    from recx.pipeline.explained_pairs import PairExplainer

_RUN = ("profile", "dataset", "data_dir", "set")  # the options that tell a run from others


@dataclass(frozen=True)
class ExplainCommand:
    """Explain why an item is recommended or not: for one history, a file of pairs, or a few pairs of the demo."""

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
    """The mode of alignment to ask; by default the last one of the run."""
    held_quotes: bool = True
    """Quote only the history and the item, and name no cause twice; with --told, contradict no measurement."""
    told: bool = True
    """Put measured causes into the prompt of the relation mode; otherwise, the model has to find them by itself."""
    shipped: bool = False
    """Ask the model that ships with the kit; it is also asked if the default run is not finished."""
    profile: str = "tiny"
    """Profile of the finished run that explains."""
    dataset: str = "demo"
    """Data set of that run."""
    data_dir: str = ""
    """Folder with data sets obtained elsewhere; RECX_DATA_DIR by default."""
    set: Annotated[tuple[str, ...], tyro.conf.UseAppendAction] = ()
    """A setting of that run as key=value; can be repeated."""

    def run(self) -> None:
        """Print an explanation or examples, or write those of a file."""
        self._require_one_question()
        quiet_libraries()  # before anything that explains is imported: its models are held in this process
        from recx.pipeline.chosen_run import choose_run
        from recx.pipeline.examples import print_examples
        from recx.pipeline.explained_pairs import PairExplainer
        from recx.pipeline.pairs_file import require_pairs

        if not (self.item or self.input):
            print_examples()
            return
        if self.input:
            require_pairs(paths.expanded(self.input))  # before a model is loaded
        run = run_parameters(self.profile, self.dataset, self.data_dir, parse_overrides(self.set))
        chosen = choose_run(None if self.shipped else resolve_settings(**run))
        explainer = PairExplainer(chosen.opened, chosen.mode(self.mode), self.held_quotes, self.told)
        told = chosen.provenance() | {"mode": explainer.mode, "held_quotes": self.held_quotes, "told": explainer.told}
        if self.item:
            self._print_pair(explainer, told)
        else:
            self._write_file(explainer, told, chosen)

    def _require_one_question(self) -> None:
        one, many = (self.history, self.item), (self.input, self.output)
        if self != ExplainCommand() and (any(one) == any(many) or any(one) != all(one) or any(many) != all(many)):
            raise SettingsError("Give --history and --item for one pair, or --input and --output for a file of pairs.")
        if self.shipped and any(getattr(self, name) != getattr(ExplainCommand, name) for name in _RUN):
            raise SettingsError("--shipped cannot be combined with --profile, --dataset, --data-dir or --set.")

    def _print_pair(self, explainer: "PairExplainer", told: dict[str, Any]) -> None:
        from recx.pipeline.explained_pairs import LEGEND, wrapped

        history = self.history[0] if len(self.history) == 1 else self.history
        pair = explainer.names.pair(history, self.item, self.view)
        how = ", told what was measured" if explainer.told else ""
        by = f"Explained by {told['backbone']}, aligned to {told['target']}"
        print(wrapped(f"{by} (run {told['run']}, {told['mode']} mode{how})."))
        print(wrapped(LEGEND) + "\n\n" + explainer.shown(explainer.explain([pair])[0]))

    def _write_file(self, explainer: "PairExplainer", told: dict[str, Any], chosen: "ChosenRun") -> None:
        from recx.pipeline.pairs_file import explain_file

        source, output = paths.expanded(self.input), paths.expanded(self.output)
        written = explain_file(explainer, source, output, told, self.view, self.overwrite)
        explained = f"{written.rows - written.failed:,} of {written.rows:,} pairs"
        print(f"Explained by the run {chosen.name}: {explained}, in {output}")
        if written.failed:
            print(f"Rows that could not be read: {written.failed:,}. Their lines say why, in `error`.")
