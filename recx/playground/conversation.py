"""Exporting a conversation with the explainers as JSON, Markdown or a self-contained web page."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from recx.playground.page_templates import TEMPLATES

Record = Mapping[str, Any]


def to_json(state: Record, turns: Sequence[Record], provenance: Record) -> str:
    """Export a conversation as JSON with all answers; `form_state.validate_state` can restore its state."""
    return json.dumps({"state": state, "provenance": provenance, "turns": turns}, indent=1, ensure_ascii=False)


def to_markdown(turns: Sequence[Record], provenance: Record) -> str:
    """Export a conversation as Markdown."""
    return TEMPLATES.get_template("conversation.md").render(turns=turns, provenance=provenance)


def to_html(turns: Sequence[Record], provenance: Record) -> str:
    """Export a conversation as a web page."""
    return TEMPLATES.get_template("conversation.html").render(turns=turns, provenance=provenance)
