"""Editing a history: typed, pasted or taken from a real user, then reordered or shortened."""

from collections.abc import Callable, Sequence

import ipywidgets as widgets

from recx.playground.page_templates import pieces
from recx.playground.rpc_client import RpcClient
from recx.playground.widgets.elements import WIDE, Item, Message, button, panel, row
from recx.playground.widgets.title_field import TitleField

MAX_ITEMS = 200
MAX_LETTERS = 20_000  # size of a pasted list


class HistoryForm:
    """A form for the items of a history, oldest first.

    Args:
        client: client bound to a run.
        users: number of real users to start from.
        first_user: id of one of these users.
        on_change: called after every change.
    """

    def __init__(self, client: RpcClient, users: int, first_user: str, on_change: Callable[[], None]) -> None:
        self.client, self._on_change = client, on_change
        self.items: list[Item] = []
        self.title_field = TitleField(client, "add", "Add to history", self._add)
        self.user = widgets.Text(
            value=first_user, description="user id", continuous_update=False, layout={"width": "14em"}
        )
        self.pasted = widgets.Textarea(
            placeholder="one title per line", description="list", layout=WIDE | {"height": "6em"}
        )
        pasting = widgets.VBox([self.pasted, button("Add these lines", self.paste)])
        self.list = widgets.Select(description="history", rows=8, layout=WIDE)
        buttons = [
            button("Earlier", lambda: self.move(-1)),
            button("Later", lambda: self.move(1)),
            button("Remove", self.remove),
            button("Remove all", lambda: self.set([])),
        ]
        self.table, self.message = widgets.HTML(), Message()
        from_user = f"Replace the history with that of one of {users} real users"
        self.view = panel(
            "1. History",
            self.title_field.view,
            row(
                self.user,
                button("Start from this user", self.use_user, from_user),
                button("Random user", self._use_random_user),
            ),
            widgets.Accordion([pasting], titles=("Paste a list",), selected_index=None),
            row(self.list, widgets.VBox(buttons)),
            self.message,
            self.table,
            lessons=["history"],
        )
        self._show()

    @property
    def numbers(self) -> list[int]:
        """Item indices, oldest first."""
        return [i["item"] for i in self.items]

    def set(self, items: Sequence[Item], notices: Sequence[str] = ()) -> None:
        """Replace the history, and show notices below it."""
        cut = [f"Only the latest {MAX_ITEMS} of {len(items)} items are kept here."] if len(items) > MAX_ITEMS else []
        self.items = list(items)[-MAX_ITEMS:]
        self._show([*notices, *cut])
        self._on_change()

    def use_user(self) -> None:
        """Use the history of a real user."""
        with self.message.catching_errors():
            self.set(self.client.call("user_history", user=self.user.value.strip()))

    def _use_random_user(self) -> None:
        with self.message.catching_errors():
            drawn = self.client.call("random_user")
            self.user.value = drawn["user"]
            self.set(drawn["items"])

    def paste(self) -> None:
        """Add the titles of a pasted list; unknown and ambiguous titles are reported and skipped."""
        lines = [line.strip() for line in self.pasted.value[:MAX_LETTERS].splitlines() if line.strip()]
        items, notices = [], []
        if len(lines) > MAX_ITEMS or len(self.pasted.value) > MAX_LETTERS:
            notices.append(f"The list is too long: only its first {min(len(lines), MAX_ITEMS)} lines were read.")
        with self.message.catching_errors():
            for number, line in enumerate(lines[:MAX_ITEMS], 1):
                resolution = self.client.call("resolve", text=line)
                kind, matches = resolution["kind"], resolution["matches"][:3]
                if kind in ("exact", "close"):
                    items.append(matches[0])
                if kind == "close":
                    label, score = matches[0]["label"], matches[0]["score"]
                    notices.append(
                        f"Line {number}: “{line}” was interpreted as “{label}” (similarity {score:.0f} of 100)."
                    )
                elif kind != "exact":
                    why = "matches several titles:" if kind == "ambiguous" else "was not found. Similar titles:"
                    near = ", ".join(m["label"] for m in matches) or "none"
                    notices.append(f"Line {number} was skipped: “{line}” {why} {near}.")
            self.set([*self.items, *items], notices)
            self.pasted.value = ""

    def move(self, by: int) -> None:
        """Move the selected item."""
        at = self.list.index
        if at is not None and 0 <= at + by < len(self.items):
            self.items[at], self.items[at + by] = self.items[at + by], self.items[at]
            self._show(chosen=at + by)
            self._on_change()

    def remove(self) -> None:
        """Remove the selected item."""
        at = self.list.index
        if at is not None:
            del self.items[at]
            self._show(chosen=min(at, len(self.items) - 1) if self.items else None)
            self._on_change()

    def _add(self, item: Item) -> None:
        if len(self.items) >= MAX_ITEMS:
            self.message.show_error(f"A history can have at most {MAX_ITEMS} items here.")
        else:
            self.set([*self.items, item])

    def _show(self, notices: Sequence[str] = (), chosen: int | None = None) -> None:
        self.list.options = [(f"{n}. {i['label']}", n - 1) for n, i in enumerate(self.items, 1)]
        self.list.index = chosen
        self.table.value = pieces.item_table(self.items) if self.items else ""
        self.message.show(*notices)
