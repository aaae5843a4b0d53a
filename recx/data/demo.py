"""The demo world: real games and accessories, and simulated people whose choices follow known rules.

The rules for each person (everything is drawn from one seed):

1. *Platforms*: one to three owned platforms; nearly every choice is for one of them.
2. *Genres*: two or three preferred genres with unequal weights.
3. *Series*: after one entry of a series, the next entry on an owned platform is likely.
4. *Accessories*: a platform's console may come first, and accessories follow consoles.
5. *Popularity*: well-known items are chosen more often (each item has a fixed, seeded weight).
6. *Noise*: some choices are random.

The reason for each choice is stored in `Dataset.reasons`. It is for evaluation only; no training text uses it.
"""

import numpy as np
import polars as pl

from recx import paths
from recx.data.catalogue import Catalogue, build_catalogue
from recx.settings import DemoSettings


def demo_frame() -> pl.DataFrame:
    """The shipped catalogue file, one row per item, with the columns described in `data/demo/README.md`."""
    frame = pl.read_csv(paths.shipped_data() / "demo" / "catalogue.csv", infer_schema=False, glob=False)
    return frame.fill_null("")


def demo_catalogue() -> Catalogue:
    """The shipped catalogue with the attributes platform, genre, year, developer and series."""
    frame = demo_frame()
    attributes = {
        "platform": [[v] for v in frame["platform"]],
        "genre": [v.split("|") for v in frame["genres"]],
        "year": [[v] for v in frame["year"]],
        "developer": [[v] for v in frame["developer"]],
        "series": [[v] if v else [] for v in frame["franchise"]],
    }
    return build_catalogue(frame["item_id"].to_list(), frame["title"].to_list(), attributes)


def generate(settings: DemoSettings) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Draw people and their choices.

    Returns:
        interactions: `user_id, item_id, timestamp` in order of choice.
        reasons: `user_id, item_id, reason, because` for each choice: the rule that made it, and the earlier item,
            platform or genre that it refers to.
        people: `user_id, platforms, genres` (lists): what each person owns and likes.
    """
    rng = np.random.default_rng(settings.seed)
    world = _World(demo_frame(), rng)
    choices, people = [], []
    for person in range(settings.users):
        user_id = f"u{person:05d}"
        platforms, tastes = world.draw_person(rng)
        people.append(
            (user_id, [world.platforms[p] for p in platforms], [world.genres[g] for g in np.flatnonzero(tastes)])
        )
        length = settings.shortest + rng.poisson(settings.mean_length - settings.shortest)
        for step, (item, reason, because) in enumerate(world.choose(rng, settings, platforms, tastes, length)):
            choices.append((user_id, world.ids[item], person * 1000 + step, reason, because))
    frame = pl.DataFrame(choices, orient="row", schema=["user_id", "item_id", "timestamp", "reason", "because"])
    return (
        frame.select("user_id", "item_id", "timestamp"),
        frame.select("user_id", "item_id", "reason", "because"),
        pl.DataFrame(people, orient="row", schema=["user_id", "platforms", "genres"]),
    )


class _World:
    """The catalogue as arrays, from which a person's choices are drawn."""

    def __init__(self, frame: pl.DataFrame, rng: np.random.Generator) -> None:
        self.ids = frame["item_id"].to_list()
        self.platforms = sorted(set(frame["platform"]))
        games = frame.filter(pl.col("kind") == "game")
        self.genres = sorted({g for row in games["genres"] for g in row.split("|")})
        self.platform = np.array([self.platforms.index(p) for p in frame["platform"]])
        self.kind = np.array(frame["kind"].to_list())
        self.genre = np.zeros((len(self.ids), len(self.genres)))
        for row, values in enumerate(frame["genres"]):
            for value in values.split("|"):
                if value in self.genres:
                    self.genre[row, self.genres.index(value)] = 1.0
        self.genre /= np.maximum(1.0, self.genre.sum(1, keepdims=True))
        self.series = frame["franchise"].to_list()
        self.entry = np.array([int(e) if e else 0 for e in frame["entry"]])
        self.fame = np.exp(0.7 * rng.standard_normal(len(self.ids)))
        self.members = {s: [r for r, name in enumerate(self.series) if name == s] for s in set(self.series) - {""}}
        share = np.array([self.fame[(self.platform == p)].sum() for p in range(len(self.platforms))])
        self.platform_share = share / share.sum()

    def draw_person(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Draw the owned platforms, and a weight for each genre (zero for most)."""
        owned = rng.choice(len(self.platforms), rng.choice([1, 2, 3], p=[0.45, 0.4, 0.15]), False, self.platform_share)
        tastes = np.zeros(len(self.genres))
        liked = rng.choice(len(self.genres), rng.choice([2, 3], p=[0.6, 0.4]), replace=False)
        tastes[liked] = rng.permutation([1.0, 0.6, 0.35][: len(liked)])
        return owned, tastes

    def choose(
        self, rng: np.random.Generator, rules: DemoSettings, owned: np.ndarray, tastes: np.ndarray, length: int
    ) -> list[tuple[int, str, str]]:
        """Draw one person's choices in order: (row, rule, what the rule refers to)."""
        taken = np.zeros(len(self.ids), dtype=bool)
        on_owned = np.isin(self.platform, owned)
        games = self.kind == "game"
        chosen: list[tuple[int, str, str]] = []
        for step in range(length):
            rule, weights, because = "genre", None, ""
            if step == 0 and rng.random() < 0.35:
                rule, weights = "console", self.fame * (self.kind == "console") * (self.platform == owned[0])
                because = self.platforms[owned[0]]
            elif rng.random() < rules.noise:
                rule, weights = "noise", self.fame * games
            elif chosen and rng.random() < rules.follow_series:
                following = self._next_entries(chosen, taken, on_owned)
                if following:
                    row, because = following[0]
                    rule, weights = "series", np.eye(1, len(self.ids), row)[0]
            elif chosen and rng.random() < rules.buy_accessory / (1 - rules.follow_series):
                bought = np.bincount(self.platform[[r for r, _, _ in chosen]], minlength=len(self.platforms))
                platform = int(bought.argmax())
                rule, because = "accessory", self.platforms[platform]
                weights = self.fame * (self.kind == "accessory") * (self.platform == platform)
            if weights is None or not (weights * ~taken).any():
                rule, weights = "genre", self.fame * games * on_owned * (self.genre @ tastes)
            weights = weights * ~taken
            if not weights.any():  # all games of the preferred genres are owned by now
                rule, weights = "platform", self.fame * games * on_owned * ~taken
            if not weights.any():
                rule, weights = "noise", self.fame * games * ~taken
            row = int(rng.choice(len(self.ids), p=weights / weights.sum()))
            if rule == "genre":
                because = self.genres[int((self.genre[row] * tastes).argmax())]
            elif rule == "platform":
                because = self.platforms[self.platform[row]]
            taken[row] = True
            chosen.append((row, rule, because))
        return chosen

    def _next_entries(
        self, chosen: list[tuple[int, str, str]], taken: np.ndarray, on_owned: np.ndarray
    ) -> list[tuple[int, str]]:
        """The next entry of each started series, most recent series first."""
        following: dict[str, tuple[int, str]] = {}
        for row, _, _ in reversed(chosen):
            series = self.series[row]
            if not series or series in following:
                continue
            later = [
                r for r in self.members[series] if self.entry[r] > self.entry[row] and on_owned[r] and not taken[r]
            ]
            if later:
                following[series] = (min(later, key=lambda r: self.entry[r]), self.ids[row])
        return list(following.values())
