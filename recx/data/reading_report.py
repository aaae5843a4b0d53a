"""What a reader found, dropped or could not tell: counted, never silent."""

from dataclasses import dataclass, field


@dataclass
class ReadingReport:
    """Counts gathered while a data set is read and filtered."""

    lines: list[tuple[str, int]] = field(default_factory=list)

    def note(self, what: str, count: int) -> None:
        """Add a count; zero counts are left out."""
        if count:
            self.lines.append((what, int(count)))

    def __str__(self) -> str:
        return "\n".join(f"{count:>10,}  {what}" for what, count in self.lines)
