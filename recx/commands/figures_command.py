"""`recx figures`: the figures of finished runs, drawn again."""

from dataclasses import dataclass

from recx import paths


@dataclass(frozen=True)
class FiguresCommand:
    """Redraw the figures of finished runs from their saved numbers."""

    profile: str = ""
    """Only runs with this profile."""
    dataset: str = ""
    """Only runs on this data set."""
    out: str = ""
    """Output folder; by default figures/ beside the package, or in your data folder if that is not writable."""

    def run(self) -> None:
        """Draw the figures and print their files."""
        from recx.pipeline.saved_figures import redraw

        for path in redraw(self.profile, self.dataset, paths.expanded(self.out) if self.out else None):
            print(path)
