"""`recx judge`: what the checks find in explanations by anyone."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from recx import paths
from recx.errors import DataError, SettingsError
from recx.profiles.resolve import parse_overrides, resolve_settings
from recx.storage.atomic_files import replace_file
from recx.storage.text_store import TextStore


@dataclass(frozen=True)
class JudgeCommand:
    """Check explanations that were written elsewhere: what they cite and state, and how they compare."""

    file: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="FILE")]
    """JSON lines, one record per history and item with the texts of every source (format: docs/judge.md)."""
    json: str = ""
    """File to write the numbers to, as JSON."""
    html: str = ""
    """File to write a report to, as one HTML page."""
    set: Annotated[tuple[str, ...], tyro.conf.UseAppendAction] = ()
    """A setting as key=value, e.g. evaluate.judge.model=NAME (GPTScore) or evaluate.encoder=NAME (BERTScore)."""

    def run(self) -> None:
        """Read and check the file, print the tables, and write what is asked for.

        Raises:
            DataError: the file is not of that format, or an output cannot be written.
            SettingsError: there is no such setting, or an output is the input or both outputs are one file.
            ChatError: a chat model is named and cannot be used; its replies so far are kept.
        """
        from recx.commands.judged_report import as_html, as_json, as_text
        from recx.evaluation.foreign_texts import read_foreign_texts
        from recx.evaluation.judged_texts import judge_texts

        source = paths.expanded(self.file)
        outputs = [paths.expanded(path) for path in (self.json, self.html) if path]
        _require_outputs(source, outputs)
        settings = resolve_settings(overrides=parse_overrides(self.set)).evaluate
        replies = TextStore(paths.cache() / "judge-replies.jsonl")
        judged = [judge_texts(given, settings, True, replies) for given in read_foreign_texts(source)]
        print(f"\n{as_text(judged)}")
        for path, made in ((self.json, as_json), (self.html, as_html)):
            if path:
                _write(paths.expanded(path), made(source.name, judged))


def _require_outputs(source: Path, outputs: Sequence[Path]) -> None:
    """Refuse outputs that would replace the input or each other, or cannot be written, before anything is judged."""
    places = [path.resolve() for path in outputs]
    if source.resolve() in places:
        raise SettingsError(f"{source} is the input. Name another file for the output.")
    if len(set(places)) < len(places):
        raise SettingsError(f"{outputs[0]} is named for both outputs. Name two files.")
    for path in outputs:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DataError(f"{path} cannot be written ({error.strerror or error}).") from error
        if path.is_dir() or not os.access(path.parent, os.W_OK):
            raise DataError(f"{path} cannot be written: it is a folder, or lies in one where you may not write.")


def _write(path: Path, text: str) -> None:
    try:
        replace_file(path, text)
    except OSError as error:
        raise DataError(f"{path} cannot be written ({error.strerror or error}).") from error
    print(f"Written: {path}")
