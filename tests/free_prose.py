"""True explanations in ordinary English, and edits that make them false.

`python tests/free_prose.py DATASET [COUNT]` prints how many true texts pass and how many edits are caught.
"""

import re
import sys
import time
from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from recx.data.registry import load_dataset
from recx.parsing.explanation_parser import ExplanationParser
from recx.prompts.controls import random_control
from recx.prompts.pieces import Piece, Title
from recx.prompts.templates import templated_explanation
from recx.settings import DataSettings

# {a} and {b} are titles of the history, {t} the item asked about, {n} "game", "film" or "book"; {v} is a value that the
# items before the colon have, of a column of the kind after it.
WORDINGS = """
t genre: I would recommend {t}, because it is a {v} {n}, and they have enjoyed {a} and {b} before.
t genre: The recommender would probably suggest {t}. It is a {v} {n}, and {a} was one of the latest choices.
a genre: Yes, since {a} is a {v} {n} and {t} goes in the same direction. They also liked {b}.
a genre: I'd say yes. {a} is a well-made {v} {n}, and whoever liked it and {b} will like {t}.
ab genre: As someone who enjoyed {v} {n}s like {a} and {b}, you will probably love {t}.
ab genre: You have enjoyed {v} {n}s such as {a} and {b}. That is why {t} would be a good choice.
ab genre: Given your interest in {v} {n}s, including {a} and {b}, I think {t} would suit you.
h genre: As a fan of {v} {n}s, you'd enjoy {t}. Those who liked {a} mostly do.
h genre: This person has a clear taste for {v} {n}s, and {t} follows {a} naturally.
h genre: Based on your history, you seem to like {v} {n}s; after {a}, I would suggest {t}.
h genre: The history shows a love of the {v} genre, from {a} to {b}, so {t} would be recommended.
t genre: Probably not. While {a} and {b} were enjoyed, {t} is a {v} {n}.
t genre: I do not think so. {t} is a {v} {n}. The history, with {a} and {b}, goes elsewhere.
t genre: The recommender would not suggest {t}: this {v} {n} has little to do with {a}.
a genre: No. {a} is a {v} {n}, but {t} is something else entirely.
a genre: It is unlikely that they would enjoy {t}, even though {a} is a {v} {n}.
ab genre: {a} and {b} are both {v} {n}s. I expect the recommender to suggest {t} next.
ab genre: Both {a} and {b} belong to the {v} genre. Therefore {t} is a strong candidate.
b genre: After finishing {a}, they moved on to {b}, a {v} {n}. I recommend {t} as the next step.
b genre: They picked {a} first and then {b}, which is a {v} {n}. Hence {t} would be a solid recommendation.
t genre: {t} is a {v} {n} with a lot of charm. Viewed beside {a}, it is a natural choice.
t genre: {t} offers what {v} {n}s do best. I would suggest it to anybody who has finished {a} or {b}.
a platform: I would suggest {t}. Since {a} is available for {v}, nothing new has to be bought.
t platform: The recommender would likely recommend {t}, which runs on {v}, after {a} and {b}.
ab platform: You have {a} and {b} for {v}, so I would go for {t}.
t year: {t} came out in {v}. I would recommend it to those who have seen or played {a}.
a year: Having liked {a} from {v}, they should try {t}.
a maker: I recommend {t}. They know the work of {v} from {a}, and they also chose {b}.
t maker: They would enjoy {t}, made by {v}, as much as {a}.
- : I would recommend {t} to this person. They chose {a} and {b} not long ago.
- : In my view {t} fits well; {a}, {b} and this one share a mood.
- : Whoever finished {a} will not be bored by {t}. It is the obvious choice after {b}.
- : It's hard to imagine a better successor to {a} than {t}. I would suggest it.
- : No, I don't think the recommender would pick {t}. Nothing in it recalls {a} or {b}.
- : There are echoes of {a} in {t}, so I would definitely recommend it. {b} points there as well.
- : The answer is yes: {a}, {b} and {t} are loved by the same people.
- : Coming from {a}, you may find {t} slow at first. Still, {b} prepared you for it.
- : This is for admirers of {a}. You should give {t} a try, just as you once gave {b} one.
""".strip().splitlines()
KINDS = {"genre": ("genre", "tag"), "platform": ("platform",), "year": ("year",), "maker": ("developer", "publisher")}
MARKS = ("{}",) * 6 + ("“{}”", "'{}'", "«{}»", "*{}*", '"{}"', "„{}“")


@dataclass(frozen=True)
class Planted:
    """A true text and the same text with one false word, with the index of its `wording` and `what` was changed."""

    history: list[int]
    item: int
    true: str
    false: str
    what: str
    wording: int


class Planter:
    """Writes true texts about one catalogue and plants false edits in them."""

    def __init__(self, catalogue, noun, seed=0):
        self.catalogue, self.noun, self.rng = catalogue, noun, np.random.default_rng(seed)
        self.starts = defaultdict(int)
        for label in catalogue.labels[1:]:
            for n in range(1, len(label) + 1):
                if n == len(label) or not label[n].isalnum():
                    self.starts[label[:n]] += 1

    def free_prose(self, count):
        """`count` texts in free wordings; half of the edits change a title, half a value if the wording has one."""
        while count:
            planted = self._free(int(self.rng.integers(len(WORDINGS))), "title" if self.rng.random() < 0.5 else "value")
            if planted is not None:
                yield planted
                count -= 1

    def templated(self, count):
        """`count` texts in the style of `recx-tiny`."""
        while count:
            *history, item = (self.rng.permutation(len(self.catalogue))[:6] + 1).tolist()
            pieces = templated_explanation(
                self.rng, self.catalogue, history, item, bool(self.rng.random() < 0.5),
                random_control(self.rng, list(self.catalogue.attributes) or ["title"]),
            )  # fmt: skip
            edited = self._edit_pieces(pieces, history, item)
            if edited is not None:
                yield Planted(history, item, self._text(pieces), self._text(edited[0]), edited[1], -1)
                count -= 1

    def _free(self, number, what):
        kind, _, wording = WORDINGS[number].partition(": ")
        *history, item = (self.rng.permutation(len(self.catalogue))[:6] + 1).tolist()
        a, b = history[:2]
        about, _, kind = kind.strip().partition(" ")
        slots = {"n": self.noun}
        if kind:
            column = next((c for c in KINDS[kind] if c in self.catalogue.attributes), None)
            if column is None:
                return None
            values = self.catalogue.attributes[column]
            of = {"t": [item], "a": [a], "b": [b], "ab": [a, b], "h": history}[about]
            held = [v for v in values[of[0]] if all(v in values[i] for i in of)]
            if about == "h":
                held = [v for v in values[a] if sum(v in values[i] for i in history) >= 2]
            every = sorted({v for own in values for v in own} - {v for i in (*history, item) for v in values[i]})
            if not held or (what == "value" and not every):
                return None
            slots["v"] = self._said(str(self.rng.choice(held)), kind)
            other = self._said(str(self.rng.choice(every)), kind) if every else ""
        elif what == "value":
            return None
        mark = str(self.rng.choice(MARKS))
        titles = {"a": self._written(a, mark), "b": self._written(b, mark), "t": self._written(item, mark)}
        if "{b}" not in wording:
            titles.pop("b")
        outside = next(int(i) for i in self.rng.permutation(len(self.catalogue)) + 1 if self._far(i, [*history, item]))
        true = _filled(wording, slots | titles)
        changed = {"v": other} if what == "value" else {"a": self._written(outside, mark)}
        return Planted(history, item, true, _filled(wording, slots | titles | changed), what, number)

    def _edit_pieces(self, pieces, history, item):
        cited = [n for n, p in enumerate(pieces) if isinstance(p, Title) and p.item in history]
        if cited and self.rng.random() < 0.5:
            outside = next(
                int(i) for i in self.rng.permutation(len(self.catalogue)) + 1 if self._far(i, [*history, item])
            )
            place = int(self.rng.choice(cited))
            return [*pieces[:place], Title(outside), *pieces[place + 1 :]], "title"
        own = {v: c for c, column in self.catalogue.attributes.items() for i in (*history, item) for v in column[i]}
        for n, piece in enumerate(pieces):
            said = [
                v for v in own if isinstance(piece, str) and re.search(rf"(?<![\w-]){re.escape(v)}(?![\w-])", piece)
            ]
            if said:
                value = max(said, key=len)
                every = sorted({v for vs in self.catalogue.attributes[own[value]] for v in vs} - own.keys())
                changed = piece.replace(value, str(self.rng.choice(every)), 1)
                return [*pieces[:n], changed, *pieces[n + 1 :]], "value"
        return None

    def _text(self, pieces: list[Piece]) -> str:
        return "".join(f'"{self.catalogue.labels[p.item]}"' if isinstance(p, Title) else str(p) for p in pieces)

    def _far(self, item, near):
        """Whether no item nearby shares the beginning of the title, which could then be mistaken for that item's."""
        starts = [_start(self.catalogue.labels[i]) for i in (item, *near)]
        return not any(a.startswith(starts[0]) or starts[0].startswith(a) for a in starts[1:])

    def _written(self, item, mark):
        """A title in a form that people write."""
        label = self.catalogue.labels[item]
        natural = re.sub(r"^(.*), (The|A|An)$", r"\2 \1", re.sub(r" \((?:19|20)\d\d\)$", "", label))
        short = re.split(r": | - ", label)[0]
        forms = [natural, natural, label]
        if short != label and self.starts[short] == 1:
            forms.append(short)
        if len(natural.split()) > 3 and natural[0].isalpha():
            forms.append(natural.lower())
        return mark.format(self.rng.choice(forms))

    def _said(self, value, kind):
        """A value in a form that people use; a genre is in lower case before "game" and similar words."""
        return value.lower() if kind == "genre" and self.rng.random() < 0.7 else value


def _start(label):
    return re.split(r"[:(\[,]| - ", label)[0].casefold() or label.casefold()


def _filled(wording, slots):
    text = re.sub(r"\{(\w)\}", lambda m: slots[m[1]], wording)
    text = re.sub(r"\ba(?= [aeiou])", "an", text)
    return text[:1].upper() + text[1:] if text[:1].isalpha() else text


def rates(catalogue, planted):
    """The share of true texts that pass, the share of edits of each kind that are caught, and the failures."""
    parser, held, wrong = ExplanationParser(catalogue), defaultdict(list), []
    for p in planted:
        true, false = (parser.parse(text, p.history, p.item) for text in (p.true, p.false))
        passes = all(c.in_history for c in true.citations) and all(s.true for s in true.statements)
        if p.what == "title":
            caught = any(not c.in_history for c in false.citations)
        else:
            caught = any(not s.true for s in false.statements)
        held["pass"].append(passes)
        held[p.what].append(caught)
        if not passes:
            wrong.append(("true text fails", p, true))
        if not caught:
            wrong.append((f"{p.what} not caught", p, false))
    return {kind: float(np.mean(flags)) for kind, flags in held.items()}, wrong


if __name__ == "__main__":
    name, count = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 1000
    loaded = load_dataset(DataSettings(name=name)).catalogue
    planter = Planter(loaded, "film" if name.startswith("m") else "game")
    for writer in (planter.free_prose, planter.templated):
        texts = list(writer(count))
        begun = time.perf_counter()
        measured, failed = rates(loaded, texts)
        seconds = time.perf_counter() - begun
        print(f"{name} {writer.__name__}: {measured}, {2 * count / seconds:.0f} texts a second, {len(loaded)} titles")
        if len(sys.argv) > 3:
            for kind, p, reading in failed[: int(sys.argv[3])]:
                labels = [loaded.labels[i] for i in (*p.history[:2], p.item)]
                print(f"- {kind} [{p.wording}] {labels}\n  {p.false if 'caught' in kind else p.true}\n  {reading}")
