"""What a reader found, dropped or could not tell: counted, never silent."""

from dataclasses import dataclass, field


@dataclass
class ReadingReport:
    """What is gathered while a data set is read and filtered.

    Attributes:
        lines: what was counted, and how often.
        decisions: how files were taken that do not say it themselves, a sentence each.
        warnings: what a user should know before anything is trained, a sentence each; said on the terminal too.
    """

    lines: list[tuple[str, int]] = field(default_factory=list)
    decisions: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def note(self, what: str, count: int) -> None:
        """Add a count; zero counts are left out."""
        if count:
            self.lines.append((what, int(count)))

    def __str__(self) -> str:
        counts = [f"{count:>10,}  {what}" for what, count in self.lines]
        return "\n".join([*self.decisions, *counts, *(f"Note: {warning}" for warning in self.warnings)])
