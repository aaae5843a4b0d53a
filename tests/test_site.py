"""The site's navigation names every document, and documents are prepared so that they read as on GitHub."""

import re
import runpy

import pytest
import yaml
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output, writes

from recx import paths

TOOL = runpy.run_path(str(paths.ROOT / "tools" / "documents.py"))
CONFIG = yaml.safe_load((paths.ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
REACHED_FROM_OTHERS = r"docs/decisions/\d+[^/]*|notebooks/solutions/[^/]+"


def named(nav):
    """The pages of a navigation, in order."""
    if isinstance(nav, str):
        return [nav]
    return [page for part in (nav.values() if isinstance(nav, dict) else nav) for page in named(part)]


def gaps(nav, pages):
    """Pages that the navigation lacks, and names in it that are no page or stand twice."""
    found = named(nav)
    missing = {page for page in pages if not re.fullmatch(REACHED_FROM_OTHERS, page)} - set(found)
    return sorted(missing) + [page for page in found if page not in pages or found.count(page) > 1]


def prepared(text, page="docs/decisions/001-a.md"):
    followed = []
    return TOOL["prepared"](text, page, followed.append), followed


def test_the_navigation_names_every_document():
    pages = {TOOL["page_of"](file) for file in TOOL["documents"]()} | set(TOOL["reference"]())
    assert len(pages) > 90 and "api/storage.md" in pages and "docs/executed/00_tour.md" in pages
    assert gaps(CONFIG["nav"], pages) == []


def test_a_notebook_is_shown_as_it_was_executed_whoever_links_to_it():
    for path in paths.notebooks().glob("*.ipynb"):
        file = f"notebooks/{path.name}"
        assert (paths.ROOT / TOOL["shown"](file)).parent.name == "executed"
        assert TOOL["page_of"](file) == TOOL["page_of"](TOOL["shown"](file)) == f"docs/executed/{path.stem}.md"
    for file in ("notebooks/solutions/00_tour.ipynb", "notebooks/setups/colab.ipynb", "docs/data.md"):
        assert TOOL["shown"](file) == file


def test_gaps_in_a_navigation_are_found():
    nav = ["README.md", {"Guides": ["docs/data.md", "docs/gone.md"]}, {"Start": "README.md"}]
    pages = {"README.md", "docs/data.md", "docs/new.md", "docs/decisions/001-a.md"}
    assert gaps(nav, pages) == ["docs/new.md", "README.md", "docs/gone.md", "README.md"]


def test_nothing_is_taken_from_another_machine():
    assert CONFIG["strict"] and CONFIG["theme"]["font"] is False
    scripts = CONFIG["extra_css"] + CONFIG["extra"]["polyfills"] + CONFIG.get("extra_javascript", [])
    assert [s for s in scripts if not (paths.ROOT / "docs" / s).is_file()] == []
    assert any("iframe-worker" in s for s in scripts), "the offline plugin adds its own address if this name is missing"


@pytest.mark.parametrize(
    ("link", "there", "file"),
    [
        ("../results.md#agreement", "../results.md#agreement", "docs/results.md"),
        ("../../README.md", "../../README.md", "README.md"),
        ("../../notebooks/00_tour.ipynb", "../executed/00_tour.md", "notebooks/00_tour.ipynb"),
        ("../../notebooks/solutions/00_tour.ipynb", "../../notebooks/solutions/00_tour.md", None),
        ("../../recx/profiles/paper.toml", "../../recx/profiles/paper.toml", None),
    ],
)
def test_links_lead_to_the_page_of_a_file(link, there, file):
    assert prepared(f"[a]({link})") == (f"[a]({there})", [file or link.removeprefix("../../")])


def test_code_addresses_and_anchors_stay_as_they_are():
    text = "`[a](b.ipynb) $x$` [c](https://x.org/y.ipynb) [d](#e)\n\n```\n[a](b.ipynb)\n- $x$\n```\n"
    assert prepared(text) == (text, [])


def test_a_list_right_after_a_paragraph_is_one():
    assert prepared("Faults:\n- one\n  more\n- two\n")[0] == "Faults:\n\n- one\n  more\n- two\n"
    assert prepared("In the year\n1999. It\n")[0] == "In the year\n1999. It\n"


def test_formulas_are_told_from_amounts():
    text = "From $h$ to $$\n\\phi_j = 1\n$$, not $5 or 6$7, nor \\$a$."
    assert [one or two for one, two in TOOL["FORMULA"].findall(text)] == ["h", "\n\\phi_j = 1\n"]


def test_outputs_of_a_notebook_stay_what_they_are(tmp_path):
    cell = new_code_cell("print(1)", execution_count=1)
    table = '<table border="1" class="dataframe"><tr><td>2</td></tr></table>'
    cell.outputs = [new_output("stream", text="<b> *a* _b_\n"), new_output("display_data", {"text/html": table})]
    answer = "**Check.**\n\n<details><summary>Answer</summary>\n\nYes.\n\n</details>"
    notebook = new_notebook(cells=[new_markdown_cell(answer), cell], metadata={"language_info": {"name": "python"}})
    (tmp_path / "a.ipynb").write_text(writes(notebook))
    page = TOOL["notebook_page"](tmp_path / "a.ipynb", "docs/executed/a.md", list)
    assert '<details markdown="1"><summary>Answer</summary>' in page
    assert '<div class="output"><pre>&lt;b&gt; *a* _b_\n</pre></div>' in page
    assert '<div class="output"><table><tr><td>2</td></tr></table></div>' in page
    assert "```python\nprint(1)\n```" in page and TOOL["NOT_EXECUTED"].strip() not in page
