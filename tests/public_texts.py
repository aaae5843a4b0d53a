"""The public texts of LLMXRec: those read and labelled by hand, and edits planted in them, to measure the reader.

`tests/data/llmxrec_labels.jsonl` holds the labels of 200 texts (100 on films, 60 on games, 40 on news, drawn with a
fixed seed over all models) by one annotator, made before the reader was changed for free prose. It holds none of their
words, but the row of `explanations.jsonl.gz`, the model, the beginning of the text's SHA-256, and by offsets

- `citations`: [start, end, position]: a title other than the item's, as whole or in part, quoted or not; the position
  in the history counts from 1, 0 is a title that the history does not hold;
- `statements`: [start, end, value, subjects, true]: an attribute value by its name or a form of it (dramas, romantic),
  said of positions of the history, of the item (0), or of the history as a whole (no subjects). It is true if all
  subjects have the value, and of the history as a whole if two of its items do.

No statement is what only describes ("action-packed", "thrilling action sequences", "the music industry").
"""

import hashlib
import itertools
import json
import random
import re
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
from llmxrec_texts import converted, rows  # noqa: E402

from recx.evaluation.foreign_texts import read_foreign_texts  # noqa: E402
from recx.parsing.explanation_parser import ExplanationParser  # noqa: E402

LABELS = Path(__file__).parent / "data" / "llmxrec_labels.jsonl"


@dataclass(frozen=True)
class Told:
    """One text with what it is about; what is true of it, if that was labelled."""

    dataset: str
    model: str
    text: str
    history: list[int]
    item: int
    label: dict | None = None


class PublicTexts:
    """The texts of `explanations.jsonl.gz`, and a reader for each of its data sets."""

    def __init__(self, folder, workspace):
        lines = [converted(row) for row in rows(folder / "explanations.jsonl.gz")]
        path = workspace / "texts.jsonl"
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))
        self.sets = {given.dataset: given for given in read_foreign_texts(path)}
        self.parsers = {name: ExplanationParser(given.catalogue) for name, given in self.sets.items()}
        self._places, seen = [], Counter()
        for line in lines:
            self._places.append((line["dataset"], seen[line["dataset"]]))
            seen[line["dataset"]] += 1

    def told(self, row, model, label=None):
        name, place = self._places[row]
        given = self.sets[name]
        text, history = given.texts[model][place], given.pairs.histories[place].tolist()
        return Told(name, model, text, history, int(given.pairs.items[place]), label)

    def labelled(self):
        for line in LABELS.read_text().splitlines():
            label = json.loads(line)
            told = self.told(label["row"], label["model"], label)
            assert hashlib.sha256(told.text.encode()).hexdigest().startswith(label["sha256"]), label["row"]
            yield told

    def all(self):
        for row, (name, place) in enumerate(self._places):
            for model, texts in self.sets[name].texts.items():
                if texts[place] and "(" not in name:
                    yield self.told(row, model)

    def read(self, told, text=None):
        return self.parsers[told.dataset].parse(told.text if text is None else text, told.history, told.item)

    def label_of(self, told, item):
        return self.sets[told.dataset].catalogue.titles[item]

    def rates(self, texts):
        """Precision and recall of citations and statements: (wanted, found, missed, too many) of each."""
        counts = {"citations": Counter(), "statements": Counter()}
        for told in texts:
            reading = self.read(told)
            wanted = [((a, b), told.history[n - 1] if n else None) for a, b, n in told.label["citations"]]
            found = [(c.span, c.item) for c in reading.citations]
            _add(counts["citations"], wanted, found, lambda w, f, told=told: self._same_title(told, w, f))
            wanted = [((a, b), (value, true)) for a, b, value, _, true in told.label["statements"]]
            found = [(s.span, (s.value, s.true)) for s in reading.statements]
            _add(counts["statements"], wanted, found, _same_value)
        return {kind: (1 - c["extra"] / c["found"], 1 - c["missed"] / c["wanted"]) for kind, c in counts.items()}

    def _same_title(self, told, wanted, found):
        if wanted is None or found is None or found not in told.history:
            return wanted is None and found not in told.history
        return self.label_of(told, wanted) == self.label_of(told, found)

    def title_edits(self, count, seed=0):
        """Texts in which one title of the history, written out, is replaced by one outside: text, and where."""
        rng = random.Random(seed)
        texts = list(self.all())
        written = ((told, self._written(told)) for told in rng.sample(texts, len(texts)))
        for told, places in itertools.islice(((told, places) for told, places in written if places), count):
            start, end, _ = rng.choice(places)
            near = {self.label_of(told, i) for i in (*told.history, told.item)}
            titles = self.sets[told.dataset].catalogue.titles[1:]
            drawn = (rng.choice(titles) for _ in itertools.count())
            other = _natural(next(t for t in drawn if " " in t and not any(_alike(t, n) for n in near)))
            yield told, told.text[:start] + other + told.text[end:], (start, start + len(other))

    def value_edits(self, count, seed=0):
        """Labelled texts in which one true value is replaced by one that neither item nor history has."""
        rng = random.Random(seed)
        spans = [(told, s) for told in self.labelled() for s in told.label["statements"] if s[4] and _plain(told, s)]
        for told, (start, end, value, *_) in [*rng.sample(spans, len(spans)), *rng.choices(spans, k=count)][:count]:
            columns = self.sets[told.dataset].catalogue.attributes.values()
            column = next(c for c in columns if any(value in own for own in c))
            near = {v for c in columns for i in (*told.history, told.item) for v in c[i]}
            other = rng.choice(sorted({v for own in column for v in own} - near))
            said = other if told.text[start].isupper() or " " in value else other.lower()
            said += "s" if told.text[start:end].casefold() == f"{value}s".casefold() else ""
            yield told, told.text[:start] + said + told.text[end:], (start, start + len(said))

    def caught(self, kind, count):
        """Precision and recall of what is newly found false in edited texts, and the edits that were missed.

        Where a title is replaced, what is stated of it may rightly become false, so only citations are compared.
        """
        hits = extra = 0
        missed = []
        for told, text, span in getattr(self, kind)(count):
            before, after = self._false(told, told.text, kind), self._false(told, text, kind)
            hit = any(a < span[1] and span[0] < b for (a, b), _ in after)
            hits += hit
            missed += [] if hit else [(text, span)]
            others = Counter(what for (a, b), what in after if not (a < span[1] and span[0] < b))
            extra += (others - Counter(what for _, what in before)).total()
        return hits / (hits + extra), hits / (hits + len(missed)), missed

    def _false(self, told, text, kind):
        reading = self.read(told, text)
        if kind == "title_edits":
            return [(c.span, c.title) for c in reading.citations if not c.in_history]
        return [(s.span, s.value) for s in reading.statements if not s.true]

    def _written(self, told):
        """Where titles of the history stand letter by letter, in quotes or in several words."""
        own, found = self.label_of(told, told.item), []
        for item in set(told.history):
            title = self.label_of(told, item)
            for form in {title, _natural(title), re.sub("[®™]", "", title)}:
                if form not in told.text or _alike(form, own):
                    continue
                for m in re.finditer(rf"(?<!\w){re.escape(form)}(?!\w)", told.text):
                    if " " in form or told.text[m.start() - 1 : m.start()] + told.text[m.end() : m.end() + 1] == '""':
                        found.append((m.start(), m.end(), item))
        return [f for f in found if not any(g[0] <= f[0] and f[1] <= g[1] and g[:2] != f[:2] for g in found)]


def _add(counts, wanted, found, same):
    def meets(w, f):
        return w[0][0] < f[0][1] and f[0][0] < w[0][1] and same(w[1], f[1])

    counts["wanted"] += len(wanted)
    counts["found"] += len(found)
    counts["missed"] += sum(not any(meets(w, f) for f in found) for w in wanted)
    counts["extra"] += sum(not any(meets(w, f) for w in wanted) for f in found)


def _same_value(wanted, found):
    """ "music news" may be called music or musicnews, where either is true or false."""
    a, b = (re.sub(r"[\W_]", "", v).casefold() for v in (wanted[0], found[0]))
    return (a in b or b in a) and wanted[1] == found[1]


def _plain(told, statement):
    """Whether the value is written as the catalogue has it, but for case, hyphens and a plural."""
    said, value = (re.sub(r"[\W_]", "", v).casefold() for v in (told.text[statement[0] : statement[1]], statement[2]))
    return said in (value, f"{value}s")


def _natural(title):
    return re.sub(r"^(.*), (The|A|An)$", r"\2 \1", title)


def _alike(a, b):
    a, b = (re.sub(r"[^\w ]", "", _natural(t)).casefold().removeprefix("the ") for t in (a, b))
    return a.startswith(b) or b.startswith(a)
