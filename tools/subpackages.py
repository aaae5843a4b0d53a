"""Draw the package's subpackages and their imports as a Mermaid diagram, derived from the imports themselves."""

from collections.abc import Mapping

from recx import paths
from recx.pipeline.imports import imported

PACKAGE = paths.ROOT / "recx"


def arrows() -> dict[str, set[str]]:
    """Subpackage -> the other subpackages from which its modules import."""
    subpackages: dict[str, set[str]] = {p.parent.name: set() for p in PACKAGE.glob("*/__init__.py")}
    for subpackage, others in subpackages.items():
        for module in (PACKAGE / subpackage).rglob("*.py"):
            others |= {p.relative_to(PACKAGE).parts[0] for p in imported(module.read_text(encoding="utf-8"))}
        others &= subpackages.keys() - {subpackage}
    return subpackages


def drawing(subpackages: Mapping[str, set[str]]) -> str:
    """The subpackages as a Mermaid chart; an arrow is omitted if a longer path implies it."""

    def reached(subpackage: str) -> set[str]:
        return set().union(*({other} | reached(other) for other in subpackages[subpackage]))

    lines = [
        f"    {subpackage} --> {other}"
        for subpackage in sorted(subpackages, key=lambda subpackage: (-len(reached(subpackage)), subpackage))
        for other in sorted(subpackages[subpackage])
        if not any(other in reached(via) for via in subpackages[subpackage])
    ]
    return "\n".join(["```mermaid", "flowchart TD", *lines, "```"])


if __name__ == "__main__":
    print(drawing(arrows()))
