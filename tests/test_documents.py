"""The links in the documents resolve, every decision has a valid status, and CITATION.cff is complete."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from markdown_it import MarkdownIt
from markdown_it.token import Token

from recx import paths

STATUS = re.compile(
    r"^\*\*Status\*\*: (current|(?:current, in part )?superseded by \[(\d{3})\]\([^)]+\)) · "
    r"\*\*Dates\*\*: \d{4}-\d{2}-\d{2}",
    re.M,
)
SECTIONS = ("## Question", "## What was tried", "## Decision")
REFERENCES = {"2311.10947", "2406.02377", "2312.15661"}


def documents(root: Path) -> list[Path]:
    """The documents whose links are checked."""
    return [*(root / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")), *(root / "docs").rglob("*.md")]


def tokens(text: str) -> Iterator[Token]:
    """All tokens of a document, including inline tokens; links in code are ignored."""
    for token in MarkdownIt("commonmark").enable("table").parse(text):
        yield token
        yield from token.children or []


def anchors(text: str) -> set[str]:
    """The anchors that GitHub gives the headings of a document."""
    found, heading = set(), False
    for token in tokens(text):
        if heading and token.type == "inline":
            plain = "".join(child.content for child in token.children or [])
            found.add(re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-"))
        heading = token.type == "heading_open"
    return found


def broken_links(document: Path) -> list[str]:
    """Relative links and images whose file, or whose anchor within a Markdown file, does not exist."""
    broken = []
    for token in tokens(document.read_text(encoding="utf-8")):
        link = str(token.attrGet("href") or token.attrGet("src") or "")
        if not link or re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        file = document.parent / name if name else document
        missing = not file.exists()
        if missing or (anchor and file.suffix == ".md" and anchor not in anchors(file.read_text(encoding="utf-8"))):
            broken.append(link)
    return broken


def faults_of_decisions(folder: Path) -> list[str]:
    """What is wrong with the decisions in a folder: names, headings, sections, statuses, or the index."""
    files = {file.name[:3]: file for file in sorted(folder.glob("*.md")) if file.name != "README.md"}
    index, faults = (folder / "README.md").read_text(encoding="utf-8").splitlines(), []
    if len(files) != len(list(folder.glob("*.md"))) - 1:
        faults.append("two decisions have one number")
    for number, file in files.items():
        text = file.read_text(encoding="utf-8")
        title, status = re.match(rf"# {number}\. (.+)\n", text), STATUS.search(text)
        if not re.fullmatch(r"\d{3}(-[a-z0-9]+)+\.md", file.name) or title is None:
            faults.append(f"{file.name}: name or heading")
            continue
        if [line for line in text.splitlines() if line.startswith("## ")] != list(SECTIONS):
            faults.append(f"{file.name}: sections")
        if status is None or (status[2] is not None and (status[2] not in files or status[2] == number)):
            faults.append(f"{file.name}: status")
        elif not any(line.startswith(f"| [{number}]({file.name}) | {title[1]} | {status[1]} |") for line in index):
            faults.append(f"{file.name}: index")
    return faults


def citation_faults(text: str) -> list[str]:
    """Keys of CFF 1.2.0 that are missing or empty, also in the references, and papers that are not cited."""
    citation = yaml.safe_load(text)
    faults = [key for key in ("cff-version", "message", "title", "authors", "license") if not citation.get(key)]
    references = citation.get("references", [])
    faults += [f"references: {key}" for r in references for key in ("type", "title", "authors") if not r.get(key)]
    named = {str(r.get("url", "")).rpartition("/")[2] for r in references}
    return faults + [f"references: {paper}" for paper in sorted(REFERENCES - named)]


@pytest.mark.parametrize("document", documents(paths.ROOT), ids=lambda d: str(d.relative_to(paths.ROOT)))
def test_relative_links_resolve(document):
    assert broken_links(document) == []


def test_a_broken_link_and_a_missing_anchor_are_found(tmp_path):
    (tmp_path / "b.md").write_text("# The *first* one, really\n")
    good = "[a](b.md) [a](b.md#the-first-one-really) [a](https://x.org/y.md) `[a](no.md)`\n"
    (tmp_path / "a.md").write_text(
        f"# Here\n\n{good}\n| t |\n| --- |\n| [b](no.md) |\n\n![c](no.png) [d](b.md#second) [e](#there) [f](#here)\n"
    )
    assert broken_links(tmp_path / "a.md") == ["no.md", "no.png", "b.md#second", "#there"]


def test_decisions_have_a_status_and_stand_in_the_index():
    assert faults_of_decisions(paths.ROOT / "docs" / "decisions") == []


@pytest.mark.parametrize(
    ("status", "fault"),
    [
        ("**Status**: current · **Dates**: 2026-11-21", []),
        ("**Status**: superseded by [002](002-b.md) · **Dates**: 2026-11-21", []),
        ("**Status**: superseded by [003](003-c.md) · **Dates**: 2026-11-21", ["001-a.md: status"]),
        ("**Status**: superseded by [001](001-a.md) · **Dates**: 2026-11-21", ["001-a.md: status"]),
        ("**Status**: perhaps · **Dates**: 2026-11-21", ["001-a.md: status"]),
        ("", ["001-a.md: status"]),
    ],
)
def test_a_status_that_does_not_hold_is_found(tmp_path, status, fault):
    body = "\n\n## Question\n\n## What was tried\n\n## Decision\n"
    (tmp_path / "001-a.md").write_text(f"# 001. A?\n\n{status}{body}")
    (tmp_path / "002-b.md").write_text(f"# 002. B?\n\n**Status**: current · **Dates**: 2026-11-21{body}")
    shown = status.removeprefix("**Status**: ").partition(" · ")[0]
    (tmp_path / "README.md").write_text(f"| [001](001-a.md) | A? | {shown} |\n| [002](002-b.md) | B? | current |\n")
    assert faults_of_decisions(tmp_path) == fault
    (tmp_path / "README.md").write_text("| [002](002-b.md) | B? | current |\n")
    assert faults_of_decisions(tmp_path) == (fault or ["001-a.md: index"])


def test_decisions_named_in_the_package_exist():
    numbers = {file.name[:3] for file in (paths.ROOT / "docs" / "decisions").glob("[0-9]*.md")}
    files = [file for ending in ("py", "toml") for file in (paths.ROOT / "recx").rglob(f"*.{ending}")]
    named = {n for file in files for n in re.findall(r"docs/decisions/(\d{3})", file.read_text(encoding="utf-8"))}
    assert named and named <= numbers


def test_citation_is_complete():
    text = (paths.ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert citation_faults(text) == []
    assert yaml.safe_load(text)["cff-version"] == "1.2.0"
    broken = text.replace("license: MIT", "").replace("2406.02377", "2406.0237")
    assert citation_faults(broken) == ["license", "references: 2406.02377"]
