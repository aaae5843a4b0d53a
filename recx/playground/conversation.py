"""A conversation with the explainers that can be kept: its state as a link or file, and exports.

Standard library only: the pages of many visitors import it.
"""

import base64
import binascii
import html
import json
import re
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

from recx.errors import DataError

Plain = dict[str, Any]
FORMAT = 1
LARGEST = 200_000  # letters of a state; more is no state
_FIELDS = {"run": str, "history": list, "item": str, "wish": dict, "models": list}
SIGNS = {True: "\u2713", False: "\u2717"}

STYLE = """
.recx { --recx-yes: #0a6b24; --recx-no: #a3170f; }
.recx .yes { color: var(--recx-yes); font-weight: 600; }
.recx .no { color: var(--recx-no); font-weight: 600; text-decoration: underline wavy 1px; }
"""
_PAGE = (
    STYLE
    + """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; } td, th { text-align: left; vertical-align: top; padding: .15rem .8rem .15rem 0; }
pre { white-space: pre-wrap; } h2 { margin-top: 2.5rem; }
@media (prefers-color-scheme: dark) { .recx { --recx-yes: #7ee29a; --recx-no: #ff9d96; } }
"""
)


def state(run: str, history: Sequence[str], item: str, wish: Mapping[str, str], models: Sequence[str]) -> Plain:
    """What a form holds: labels rather than numbers, so that another run of the data set reads it too."""
    return {
        "format": FORMAT,
        "run": run,
        "history": list(history),
        "item": item,
        "wish": {k: v for k, v in wish.items() if v},
        "models": list(models),
    }


def pack(value: Mapping[str, Any]) -> str:
    """A state as letters that may stand in a link."""
    raw = zlib.compress(json.dumps(value, separators=(",", ":")).encode(), 9)
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def unpack(letters: str) -> Plain:
    """A state from a link.

    Raises:
        DataError: it is none, or too large.
    """
    try:
        raw = base64.b64decode(letters + "=" * (-len(letters) % 4), altchars=b"-_", validate=True)
        opened = zlib.decompressobj()
        text = opened.decompress(raw, LARGEST)
        if opened.unconsumed_tail:
            raise ValueError("it is too large")
        return checked(json.loads(text))
    except (ValueError, binascii.Error, zlib.error, RecursionError) as error:
        raise DataError(f"The link holds no state of a playground ({error}).") from error


def checked(value: Any) -> Plain:
    """A state from outside, with no more than the known fields.

    Raises:
        DataError: it is none; the message says what is wrong.
    """
    if isinstance(value, dict) and isinstance(value.get("state"), dict):
        value = value["state"]  # a whole exported conversation
    if not isinstance(value, dict) or value.get("format") != FORMAT:
        raise DataError(f'This is no state of a playground: a JSON object with "format": {FORMAT} was expected.')
    for name, kind in _FIELDS.items():
        if not isinstance(value.get(name), kind):
            raise DataError(f"The state's {name!r} is missing or of the wrong type.")
    texts = [*value["history"], *value["models"], *value["wish"], *value["wish"].values()]
    if not all(isinstance(t, str) for t in texts) or len(texts) > 1000:
        raise DataError("The state's lists hold texts only, at most a thousand.")
    return {"format": FORMAT} | {name: value[name] for name in _FIELDS}


def marked(pieces: Sequence[Mapping[str, Any]]) -> str:
    """A text cut into pieces as escaped HTML; what was checked has a colour, a tick or a cross, and says why."""
    out = []
    for piece in pieces:
        text = html.escape(str(piece["text"]), quote=False)
        holds = piece.get("holds")
        if holds is None:
            out.append(text)
        else:
            kind, why = ("yes" if holds else "no"), html.escape(str(piece.get("why", "")))
            out.append(f'<span class="{kind}" title="{why}">{text}&nbsp;{SIGNS[bool(holds)]}</span>')
    return "".join(out)


def to_json(now: Mapping[str, Any], turns: Sequence[Mapping[str, Any]], provenance: Mapping[str, Any]) -> str:
    """A conversation with all that was answered; `checked` reads its state back."""
    return json.dumps({"state": now, "provenance": provenance, "turns": turns}, indent=1, ensure_ascii=False)


def to_markdown(turns: Sequence[Mapping[str, Any]], provenance: Mapping[str, Any]) -> str:
    """A conversation to read and to quote."""
    lines = ["# A conversation with recx", "", *(f"- {k}: {v}" for k, v in provenance.items())]
    for number, turn in enumerate(turns, 1):
        lines += ["", f"## {number}. {_md(turn['item'])}", "", "History:", ""]
        lines += [f"{n}. {_md(label)}" for n, label in enumerate(turn["history"], 1)]
        lines += ["", f"The target: {said_of(turn['standing'])}. Its best: "]
        lines[-1] += "; ".join(_md(row["label"]) for row in turn["top"][:5]) + "."
        lines += [f"\n{_md(own_of(told))}" for told in turn.get("own", ())]
        for answer in turn["answers"]:
            lines += ["", f"**{answer['model']}** ({verdict_of(answer)})", ""]
            text = "".join(
                _md(p["text"]) + ("" if p.get("holds") is None else f" {SIGNS[bool(p['holds'])]}")
                for p in answer["segments"]
            )
            lines += [f"> {text}", "", f"Prompt: `{answer['prompt'].replace('`', chr(39))}`"]
        lines += [f"\n{_md(note)}" for note in turn.get("notes", ())]
    return "\n".join(lines) + "\n"


def to_html(turns: Sequence[Mapping[str, Any]], provenance: Mapping[str, Any]) -> str:
    """A conversation as one page that needs no kernel and no network."""
    told = "".join(f"<tr><th>{html.escape(str(k))}<td>{html.escape(str(v))}" for k, v in provenance.items())
    parts = [f"<h1>A conversation with recx</h1><table>{told}</table>"]
    for number, turn in enumerate(turns, 1):
        history = "".join(f"<li>{html.escape(label)}" for label in turn["history"])
        best = "".join(f"<li>{html.escape(r['label'])} ({r['score']:.2f})" for r in turn["top"])
        parts.append(
            f"<h2>{number}. {html.escape(turn['item'])}</h2>"
            f"<p>The target: {html.escape(said_of(turn['standing']))}.</p>"
            f"<table><tr><th>History<th>The target's best items<tr><td><ol>{history}</ol><td><ol>{best}</ol></table>"
        )
        parts += [f"<p>{html.escape(own_of(told))}</p>" for told in turn.get("own", ())]
        for answer in turn["answers"]:
            parts.append(
                f"<h3>{html.escape(answer['model'])} <small>({html.escape(verdict_of(answer))})</small></h3>"
                f"<p>{marked(answer['segments'])}</p>"
                f"<details><summary>The prompt</summary><pre>{html.escape(answer['prompt'])}</pre></details>"
            )
        parts += [f"<p>{html.escape(note)}</p>" for note in turn.get("notes", ())]
    signs = "Green with a tick: checked and true. Red with a cross: checked and not true."
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f'<title>A conversation with recx</title><style>{_PAGE}</style><body class="recx">{"".join(parts)}'
        f"<p><small>{signs}</small></p></body></html>"
    )


def said_of(standing: Mapping[str, Any]) -> str:
    """Where an item stands, in words."""
    words = {
        "yes": "recommends it (within the best fifth)",
        "no": "does not recommend it (in the worse half)",
        "between": "neither likes nor dislikes it (below the best fifth, above the worse half)",
    }
    place = f"rank {standing['rank']} of {standing['unseen']}, score {standing['score']:.2f}"
    return f"{words[standing['verdict']]}, {place}"


def own_of(told: Mapping[str, Any]) -> str:
    """What an explainer would recommend itself, in words."""
    best = "; ".join(row["label"] for row in told["top"][:5])
    place = f"place {told['place']} of its ten" if told["place"] else "not among its ten"
    return (
        f"{told['model']} shares {told['shared']} of the target's ten best items; the item is {place}, "
        f"P(yes) = {told['probability']:.2f}. Its best: {best}."
    )


def verdict_of(answer: Mapping[str, Any]) -> str:
    """An answer's decision, whether it is the target's, and what ended or bound its text."""
    decision = {True: "yes", False: "no", None: "no decision"}[answer["decision"]]
    agrees = {True: "as the target", False: "against the target", None: "the target is undecided"}
    said = decision if answer["decision"] is None else f"{decision}, {agrees[answer['agrees']]}"
    return said + (", quotes held" if answer.get("held") else "") + (", stopped" if answer.get("stopped") else "")


def _md(text: str) -> str:
    """Text that Markdown and the HTML within it leave as it is."""
    return "".join(f"\\{c}" if c in "\\`*_{}[]<>#|!" else c for c in re.sub(r"\s+", " ", str(text)))
