"""Gather the documents for the site in `site/source`, from which `mkdocs build` makes `site/html` (`make docs`).

Every document keeps its path, so that its links hold, and the files that it links to are copied. Executed notebooks
become pages, formulas MathML and Mermaid charts pictures, so that the site loads nothing from another machine.
"""

import posixpath
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import nbformat

from recx import paths

SOURCE = paths.ROOT / "site" / "source"
FENCE = re.compile(r"(^```.*?^```$)", re.DOTALL | re.MULTILINE)
CODE = re.compile(r"(`+[^`]+`+)")
LINK = re.compile(r"(?<=\]\()(?!\w+:|[/#])([^)\s#]+)")
FORMULA = re.compile(r"\$\$(.+?)\$\$|(?<![\\$\w])\$(?=\S)([^$]+?)(?<=\S)\$(?![\w$])", re.DOTALL)
# GitHub begins a list right after a paragraph, Python-Markdown only after an empty line.
LIST = re.compile(r"^((?![-*+] |\d+\. |[|#>])\S.*\n)(?=[-*+] |1\. )", re.MULTILINE)
TEMPLATE = """
{%- extends 'markdown/index.md.j2' -%}
{%- macro shown(html) %}

<div class="output">{{ html }}</div>

{% endmacro -%}
{%- block stream %}{{ shown('<pre>' ~ output.text | e ~ '</pre>') }}{% endblock -%}
{%- block data_text %}{{ shown('<pre>' ~ output.data['text/plain'] | e ~ '</pre>') }}{% endblock -%}
{%- block data_html %}
{{- shown(output.data['text/html'] | replace(' border="1" class="dataframe"', '')) }}{% endblock -%}
"""
NOT_EXECUTED = "\n\n*Shown without outputs: this notebook is not part of `make demo`.*"


def named(path: Path) -> str:
    """A file by its path from the root."""
    return path.relative_to(paths.ROOT).as_posix()


def documents() -> list[str]:
    """What becomes a page: Markdown, executed copies of the notebooks, solutions of their exercises, and set-ups."""
    docs = paths.ROOT / "docs"
    found = [paths.ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")]
    found += sorted(docs.rglob("*.md")) + sorted((docs / "executed").glob("*.ipynb"))
    return [named(path) for path in found + sorted(paths.notebooks().glob("s*/*.ipynb"))]


def reference() -> dict[str, str]:
    """Page -> its text for the reference of the package: one for each subpackage, and one for the files beside them."""
    package = paths.ROOT / "recx"
    folders = sorted(path.parent.name for path in package.glob("*/__init__.py"))
    files = sorted(path.stem for path in package.glob("*.py") if not path.stem.startswith("__"))
    return {
        "api/recx.md": "# recx\n\n" + "".join(f"::: recx.{name}\n\n" for name in files),
        **{
            f"api/{folder}.md": f"# {folder}\n\n::: recx.{folder}\n    options: {{show_root_heading: false}}\n"
            for folder in folders
        },
    }


def shown(file: str) -> str:
    """The file that stands for a file of the kit on the site: of a notebook, its executed copy."""
    folder, name = posixpath.split(file)
    return f"docs/executed/{name}" if folder == "notebooks" and name.endswith(".ipynb") else file


def page_of(file: str) -> str:
    """The page that shows a file of the kit, or the file itself."""
    return re.sub(r"\.ipynb$", ".md", shown(file))


def formula(match: re.Match[str]) -> str:
    """LaTeX as MathML."""
    from latex2mathml.converter import convert

    converted = convert(match[1] or match[2], display="block" if match[1] else "inline")
    return converted.replace("&#x029F5;", "&#x02216;")  # fonts rarely have the first form of \\setminus


def chart(text: str, page: str) -> str:
    """A Mermaid chart as a pair of pictures beside its page, for light and dark."""
    from merm import render_diagram

    pictures = []
    for scheme, theme in (("light", "default"), ("dark", "dark")):
        picture = f"{posixpath.basename(page).removesuffix('.md').lower()}-chart-{scheme}.svg"
        svg = re.sub(r"(?<=background-color: )[^;\"]+", "transparent", render_diagram(text, theme=theme), count=1)
        (SOURCE / page).with_name(picture).write_text(svg, encoding="utf-8")
        pictures.append(f"![chart]({picture}#only-{scheme})")
    return "".join(pictures)


def prepared(text: str, page: str, follow: Callable[[str], None]) -> str:
    """A document's Markdown as the site needs it; `follow` is told of every file of the kit that it links to."""
    folder = posixpath.dirname(page)

    def link(match: re.Match[str]) -> str:
        file = posixpath.normpath(posixpath.join(folder, match[1]))
        follow(file)
        return posixpath.relpath(page_of(file), folder or ".")

    parts = FENCE.split(text)
    for n, part in enumerate(parts):
        if n % 2 == 0:
            pieces = CODE.split(LIST.sub(r"\1\n", part).replace("<details>", '<details markdown="1">'))
            pieces[::2] = [LINK.sub(link, FORMULA.sub(formula, piece)) for piece in pieces[::2]]
            parts[n] = "".join(pieces)
        elif part.startswith("```mermaid"):
            parts[n] = chart(part.removeprefix("```mermaid").removesuffix("```"), page)
    return "".join(parts)


def notebook_page(path: Path, page: str, follow: Callable[[str], None]) -> str:
    """A notebook as Markdown; its figures are written beside the page."""
    from nbconvert import MarkdownExporter

    notebook = nbformat.read(path, 4)
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = prepared(cell.source, page, follow)
    if not any(cell.get("execution_count") for cell in notebook.cells):
        notebook.cells[0].source += NOT_EXECUTED
    name = posixpath.basename(page).removesuffix(".md")
    text, found = MarkdownExporter(raw_template=TEMPLATE).from_notebook_node(
        notebook, {"unique_key": name, "output_files_dir": name}
    )
    for file, content in found["outputs"].items():
        place = (SOURCE / page).parent / file
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    return text


def main() -> None:
    """Write the pages, and copy the other files that they link to."""
    shutil.rmtree(SOURCE, ignore_errors=True)
    todo, done = documents(), set()
    while todo:
        file = shown(todo.pop())
        page, path = page_of(file), paths.ROOT / file
        if page in done or not path.is_file():  # mkdocs names the links that lead nowhere
            continue
        done.add(page)
        (SOURCE / page).parent.mkdir(parents=True, exist_ok=True)
        if file.endswith(".ipynb"):
            (SOURCE / page).write_text(notebook_page(path, page, todo.append), encoding="utf-8")
        elif file.endswith(".md"):
            text = prepared(path.read_text(encoding="utf-8"), page, todo.append)
            (SOURCE / page).write_text(text, encoding="utf-8")
        else:
            shutil.copy(path, SOURCE / page)
    for page, text in reference().items():
        (SOURCE / page).parent.mkdir(parents=True, exist_ok=True)
        (SOURCE / page).write_text(text, encoding="utf-8")
    shutil.copytree(paths.ROOT / "docs" / "theme", SOURCE / "theme")


if __name__ == "__main__":
    main()
