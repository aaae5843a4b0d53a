"""A plain playground: pick a person, pick an item, ask an aligned model why."""

import html
from collections.abc import Mapping, Sequence

import ipywidgets as widgets
import numpy as np

from recx.alignment.controls import Control
from recx.errors import RecxError
from recx.explaining.answers import Explanation
from recx.explaining.explainer import Explainer
from recx.plots.panels import marked_html


def playground(explainers: Mapping[str, Explainer], histories: Sequence[np.ndarray]) -> widgets.Widget:
    """A form over the explainers: history, item, instruction, and the answer with its citations marked.

    Args:
        explainers: name -> explainer, in the order offered.
        histories: histories of real users to start from.
    """
    first = next(iter(explainers.values()))
    labels = list(first.catalogue.labels[1:])
    wishes = [Control(), *(Control(view=view) for view in first.catalogue.attributes)]
    wishes += [Control(length="one sentence"), Control(length="detailed"), Control(audience="beginner")]
    who = widgets.Dropdown(options=list(explainers), description="model")
    person = widgets.BoundedIntText(0, 0, len(histories) - 1, description="person")
    history = widgets.Textarea(description="history", layout={"width": "95%", "height": "7em"})
    item = widgets.Combobox(options=labels, description="item", placeholder="a title", layout={"width": "95%"})
    wish = widgets.Combobox(options=[w.wording() for w in wishes], description="wish", layout={"width": "95%"})
    ask = widgets.Button(description="Ask why", button_style="primary")
    answer = widgets.HTML()

    def show_person(_: object = None) -> None:
        chosen = histories[person.value][-first.longest :]
        history.value = "\n".join(first.catalogue.labels[i] for i in chosen)

    def answer_now(_: object = None) -> None:
        explainer = explainers[who.value]
        try:
            titles = [line.strip() for line in history.value.splitlines() if line.strip()]
            explanation = explainer.explain([titles], [item.value.strip()], wish.value)[0]
            answer.value = render(explanation)
        except RecxError as error:
            answer.value = f"<p><b>Not answered:</b> {html.escape(str(error))}</p>"

    person.observe(show_person, "value")
    ask.on_click(answer_now)
    show_person()
    item.value = labels[0]
    return widgets.VBox([who, person, history, item, wish, ask, answer])


def render(explanation: Explanation) -> str:
    """An explanation as HTML: everything escaped, what was checked marked as true or false."""
    decision = {True: "would recommend", False: "would not recommend", None: "gives no decision on"}[
        explanation.decision
    ]
    return f"<p><i>{decision} {html.escape(explanation.title)}</i></p><p>{marked_html(explanation)}</p>"
