"""Draw the package's rooms and their imports as a Mermaid diagram, derived from the imports themselves."""

from collections.abc import Mapping

from recx import paths
from recx.pipeline.imports import imported

PACKAGE = paths.ROOT / "recx"


def arrows() -> dict[str, set[str]]:
    """Room -> the other rooms from which its modules import."""
    rooms: dict[str, set[str]] = {p.parent.name: set() for p in PACKAGE.glob("*/__init__.py")}
    for room, others in rooms.items():
        for module in (PACKAGE / room).rglob("*.py"):
            others |= {p.relative_to(PACKAGE).parts[0] for p in imported(module.read_text(encoding="utf-8"))}
        others &= rooms.keys() - {room}
    return rooms


def drawing(rooms: Mapping[str, set[str]]) -> str:
    """The rooms as a Mermaid chart; an arrow is omitted if a longer path implies it."""

    def reached(room: str) -> set[str]:
        return set().union(*({other} | reached(other) for other in rooms[room]))

    lines = [
        f"    {room} --> {other}"
        for room in sorted(rooms, key=lambda room: (-len(reached(room)), room))
        for other in sorted(rooms[room])
        if not any(other in reached(via) for via in rooms[room])
    ]
    return "\n".join(["```mermaid", "flowchart TD", *lines, "```"])


if __name__ == "__main__":
    print(drawing(arrows()))
