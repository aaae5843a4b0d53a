"""Settings of the section `data`: the data set, how files are read, and the demo world."""

from dataclasses import dataclass, field

from recx.settings.accepted_values import require

LONGEST_MEAN = 100  # of the demo's histories; beyond, people run out of items


@dataclass(frozen=True)
class DemoSettings:
    """Size and rules of the demo world.

    Attributes:
        users: number of people.
        seed: random seed for everything that is drawn.
        shortest: smallest number of choices per person.
        mean_length: average number of choices per person, at least `shortest`.
        follow_series: probability of continuing a started series if a next entry exists.
        buy_accessory: probability of choosing an accessory for the platform of which most games are owned.
        noise: probability of a random choice.
    """

    users: int = 3000
    seed: int = 0
    shortest: int = 5
    mean_length: float = 10.0
    follow_series: float = 0.45
    buy_accessory: float = 0.08
    noise: float = 0.06

    def __post_init__(self) -> None:
        least = f"at least data.demo.shortest ({self.shortest})"
        require(self.users >= 1, "data.demo.users", "at least 1", self.users)
        require(self.mean_length >= self.shortest, "data.demo.mean_length", least, self.mean_length)
        require(self.mean_length <= LONGEST_MEAN, "data.demo.mean_length", f"at most {LONGEST_MEAN}", self.mean_length)
        for name in ("follow_series", "buy_accessory", "noise"):
            require(0 <= getattr(self, name) <= 1, f"data.demo.{name}", "between 0 and 1", getattr(self, name))


@dataclass(frozen=True)
class Columns:
    """How the user's own files are read. Empty fields are inferred from the files, and the decisions are reported.

    Columns of a file without a header are named 1, 2, 3 and so on.

    Attributes:
        user: user column of the interaction log.
        item: item column of the interaction log, and of the item file if it has a column of that name.
        timestamp: time column; without one, rows keep the order of the file.
        rating: rating column.
        title: title column of the item file (of the log if there is no item file).
        separator: column separator: one character, or tab, comma, semicolon, pipe or space.
        encoding: character encoding, e.g. utf-8, latin-1 or cp1251.
        header: yes or no: whether the first line holds the column names.
        quote: quote character around values that contain a separator, or none.
        date_format: format of the times, e.g. "%d/%m/%Y %H:%M"; or seconds, milliseconds, microseconds or nanoseconds
            (since 1970); or number, of which only the order is used.
        value_separator: separator between several values of one attribute in a text column.
    """

    user: str = ""
    item: str = ""
    timestamp: str = ""
    rating: str = ""
    title: str = ""
    separator: str = ""
    encoding: str = ""
    header: str = ""
    quote: str = ""
    date_format: str = ""
    value_separator: str = "|"

    def __post_init__(self) -> None:
        require(self.header in ("", "yes", "no"), "data.columns.header", "'yes' or 'no'", self.header)


@dataclass(frozen=True)
class DataSettings:
    """Which data set to use, where its files are, and how it is filtered.

    Attributes:
        name: a name shown by `recx data list`, or a folder with the user's own files.
        data_dir: folder with data sets obtained elsewhere; `RECX_DATA_DIR` by default.
        top_items: number of most popular items kept before any other filter (0: all, -1: the data set's default).
        sample_users: number of users sampled before filtering (0: all, -1: the data set's default).
        min_user: smallest number of interactions per user (-1: the data set's default).
        min_item: smallest number of interactions per item (-1: the data set's default).
        columns: how the user's own files are read.
        demo: size and rules of the demo world.
    """

    name: str = "demo"
    data_dir: str = ""
    top_items: int = -1
    sample_users: int = -1
    min_user: int = -1
    min_item: int = -1
    columns: Columns = field(default_factory=Columns)
    demo: DemoSettings = field(default_factory=DemoSettings)

    def __post_init__(self) -> None:
        for name in ("top_items", "sample_users", "min_user", "min_item"):
            value = getattr(self, name)
            require(value >= -1, f"data.{name}", "at least 0, or -1 for the data set's default", value)
