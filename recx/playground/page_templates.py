"""The templates of forms and exports in `data/page`; everything inserted into HTML is escaped."""

import re
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from recx import paths
from recx.playground.descriptions import describe_decision, describe_rank, describe_recommendations


def escape_markdown(text: Any) -> str:
    """Escape text so that Markdown, including embedded HTML, shows it literally."""
    return re.sub(r"([\\`*_{}\[\]<>#|!~$&])", r"\\\1", re.sub(r"\s+", " ", str(text)))


TEMPLATES = Environment(
    loader=FileSystemLoader(paths.shipped_data() / "page"),
    autoescape=select_autoescape(["html"]),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
TEMPLATES.filters["markdown"] = escape_markdown
TEMPLATES.globals |= {f.__name__: f for f in (describe_decision, describe_rank, describe_recommendations)}
# Macros as functions: parts of forms, and the short lessons that panels can open.
pieces: Any = TEMPLATES.get_template("forms.html").module
lesson = TEMPLATES.get_template("lessons.html").module.lesson
