"""A conversation with the explainers as a file: JSON, Markdown, or a page that needs no kernel and no network."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from recx.playground.page_templates import TEMPLATES

Record = Mapping[str, Any]


def to_json(state: Record, turns: Sequence[Record], provenance: Record) -> str:
    """A conversation with all that was answered; `form_state.validate_state` reads its state back."""
    return json.dumps({"state": state, "provenance": provenance, "turns": turns}, indent=1, ensure_ascii=False)


def to_markdown(turns: Sequence[Record], provenance: Record) -> str:
    """A conversation to read and to quote."""
    return TEMPLATES.get_template("conversation.md").render(turns=turns, provenance=provenance)


def to_html(turns: Sequence[Record], provenance: Record) -> str:
    """A conversation as a page."""
    return TEMPLATES.get_template("conversation.html").render(turns=turns, provenance=provenance)
