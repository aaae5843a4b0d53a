"""A history of one's own: typed, taken from a real person, pasted; put in order, shortened."""

from collections.abc import Callable, Sequence

import ipywidgets as widgets

from recx.errors import RecxError
from recx.playground.widgets.lessons import lesson
from recx.playground.widgets.styling import button, framed, item_table, notices, row
from recx.playground.widgets.title_box import Ask, Item, TitleBox

LONGEST = 200
LONGEST_LIST = 20_000  # letters of a pasted list


class HistoryBox:
    """The items of a history, oldest first.

    Args:
        ask: calls the playground's process.
        people: how many real users there are to start from.
        first: id of one of them.
        changed: called after every change.
    """

    def __init__(self, ask: Ask, people: int, first: str, changed: Callable[[], None]) -> None:
        self.ask, self._changed = ask, changed
        self.items: list[Item] = []
        self.add_box = TitleBox(ask, "add", "Add to history", self._add)
        self.person = widgets.Text(
            value=first, description="user id", continuous_update=False, layout={"width": "14em"}
        )
        take = button("Start from this user", f"Replace the history by that of one of {people} real users")
        take.on_click(lambda _: self.use_person())
        other = button("Another at random")
        other.on_click(lambda _: self._try(self._use_anybody))
        self.pasted = widgets.Textarea(
            placeholder="one title a line", description="list", layout={"width": "26em", "height": "6em"}
        )
        paste = button("Add these lines")
        paste.on_click(lambda _: self.paste())
        pasting = widgets.Accordion([widgets.VBox([self.pasted, paste])], titles=("Paste a list",), selected_index=None)
        self.list = widgets.Select(description="history", rows=8, layout={"width": "26em"})
        moves = [("Earlier", -1), ("Later", 1)]
        controls = [button(text) for text, _ in moves] + [button("Remove"), button("Remove all")]
        for control, (_, step) in zip(controls, moves, strict=False):
            control.on_click(lambda _, by=step: self.move(by))
        controls[2].on_click(lambda _: self.remove())
        controls[3].on_click(lambda _: self.set([]))
        self.table, self.message = widgets.HTML(), widgets.HTML()
        self.view = framed(
            [
                widgets.HTML("<h3>1. A history</h3>"),
                self.add_box.view,
                row(self.person, take, other),
                pasting,
                row(self.list, widgets.VBox(controls)),
                self.message,
                self.table,
                widgets.HTML(lesson("history")),
            ],
            "panel",
        )
        self._show()

    @property
    def numbers(self) -> list[int]:
        """Item indices, oldest first."""
        return [i["item"] for i in self.items]

    def set(self, items: Sequence[Item], said: Sequence[str] = ()) -> None:
        """Replace the history."""
        cut = [f"Only the latest {LONGEST} of {len(items)} items are kept here."] if len(items) > LONGEST else []
        self.items = list(items)[-LONGEST:]
        self._show([*said, *cut])
        self._changed()

    def use_person(self) -> None:
        """Take the history of a real user."""
        self._try(lambda: self.set(self.ask("person", user=self.person.value.strip())))

    def _use_anybody(self) -> None:
        found = self.ask("anybody")
        self.person.value = found["user"]
        self.set(found["items"])

    def paste(self) -> None:
        """Add the titles of a pasted list; lines that mean no item, or several, are named and left out."""
        lines = [line.strip() for line in self.pasted.value[:LONGEST_LIST].splitlines() if line.strip()]
        found, said = [], []
        if len(lines) > LONGEST or len(self.pasted.value) > LONGEST_LIST:
            said.append(f"The list is long: its first {min(len(lines), LONGEST)} lines were read.")

        def read() -> None:
            for number, line in enumerate(lines[:LONGEST], 1):
                told = self.ask("resolve", text=line)
                near = [m["label"] for m in told["matches"][:3]]
                if told["kind"] in ("exact", "close"):
                    found.append(told["matches"][0])
                if told["kind"] == "close":
                    said.append(f"Line {number}: “{line}” was read as “{near[0]}” ({told['matches'][0]['score']:.0f}).")
                elif told["kind"] != "exact":
                    why = "may mean" if told["kind"] == "ambiguous" else "is no item; near are"
                    said.append(f"Line {number} was left out: “{line}” {why} {', '.join(near) or 'none'}.")
            self.set([*self.items, *found], said)
            self.pasted.value = ""

        self._try(read)

    def move(self, by: int) -> None:
        """Move the chosen item."""
        at = self.list.index
        if at is not None and 0 <= at + by < len(self.items):
            self.items[at], self.items[at + by] = self.items[at + by], self.items[at]
            self._show()
            self.list.index = at + by
            self._changed()

    def remove(self) -> None:
        """Remove the chosen item."""
        at = self.list.index
        if at is not None:
            del self.items[at]
            self._show()
            self.list.index = min(at, len(self.items) - 1) if self.items else None
            self._changed()

    def say(self, texts: Sequence[str]) -> None:
        """Show sentences to mind below the list."""
        self.message.value = notices(texts)

    def _add(self, item: Item) -> None:
        if len(self.items) >= LONGEST:
            self.message.value = notices([f"A history holds at most {LONGEST} items here."], wrong=True)
        else:
            self.set([*self.items, item])

    def _try(self, work: Callable[[], None]) -> None:
        try:
            work()
        except RecxError as error:
            self.message.value = notices([str(error)], wrong=True)

    def _show(self, said: Sequence[str] = ()) -> None:
        self.list.options = [(f"{n}. {i['label']}", n - 1) for n, i in enumerate(self.items, 1)]
        self.list.index = None
        self.table.value = item_table(self.items, ["title", "attributes"]) if self.items else ""
        self.message.value = notices(said)
