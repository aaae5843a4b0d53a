"""Report on reading a data set: counts of what was found and dropped, decisions and warnings."""

from dataclasses import dataclass, field


@dataclass
class ReadingReport:
    """Counts and messages collected while a data set is read and filtered.

    Attributes:
        lines: what was counted, and the count.
        decisions: how ambiguous files were read, one sentence each.
        warnings: what the user should know before training, one sentence each; also printed on the terminal.
    """

    lines: list[tuple[str, int]] = field(default_factory=list)
    decisions: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def note(self, what: str, count: int) -> None:
        """Add a count; zero counts are omitted."""
        if count:
            self.lines.append((what, int(count)))

    def __str__(self) -> str:
        counts = [f"{count:>10,}  {what}" for what, count in self.lines]
        return "\n".join([*self.decisions, *counts, *(f"Note: {warning}" for warning in self.warnings)])
