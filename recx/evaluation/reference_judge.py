"""The reference judge: offline, deterministic, and every point it gives or withholds can be shown."""

from collections import Counter
from collections.abc import Sequence

from recx.data.catalogue import Catalogue
from recx.evaluation.judges import Choice, ExplanationToRate, Rating
from recx.prompts.explanation_parser import ExplanationParser, ParsedExplanation, Statement


class ReferenceJudge:
    """Checks an explanation against the recommender's decision, the history and the catalogue.

    The decision comes first: a wrong or missing one is worth 0 whatever follows. A right one is worth 1, and up to 3
    by the share of these points that hold, of those that can be checked (a catalogue without attributes allows the
    first one only):

    - `cites`: at least one title is cited, and every cited one stands in the history;
    - `facts`: at least one attribute is stated, and all stated ones are true;
    - `taste`: what is said of cited titles is typical of the history: some stated value is shared by two of its items,
      or by as many as its most common value;
    - `consistent`: the reasons point to the decision: for a yes some value truly said of the history is the item's
      too, for a no some is not.

    Args:
        catalogue: items with attributes.
    """

    name = "reference"

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue, self.parser = catalogue, ExplanationParser(catalogue)

    def rate(self, questions: Sequence[ExplanationToRate]) -> list[Rating]:
        """One rating for each question, in their order; without score and points where there is no text."""
        return [self._rate(q) if q.has_text else Rating(None) for q in questions]

    def compare(self, first: Sequence[ExplanationToRate], second: Sequence[ExplanationToRate]) -> list[Choice]:
        """The explanation with the higher score is better; neither where the scores are equal."""
        scores = [[r.score for r in self.rate(questions)] for questions in (first, second)]
        return [
            Choice(None, False) if a is None or b is None else Choice((a > b) - (a < b), True)
            for a, b in zip(*scores, strict=True)
        ]

    def _rate(self, question: ExplanationToRate) -> Rating:
        reading = self.parser.parse(question.text, question.history, question.item)
        points = {"decision": reading.decision is not None and reading.decision == question.decision}
        points["cites"] = bool(reading.citations) and all(c.in_history for c in reading.citations)
        if self.catalogue.attributes:
            points["facts"] = bool(reading.statements) and all(s.true for s in reading.statements)
            points["taste"] = self._typical(reading, question)
            points["consistent"] = self._consistent(reading, question)
        if not points["decision"]:
            return Rating(0, points)
        others = [held for name, held in points.items() if name != "decision"]
        share = sum(others) / len(others)
        # Full marks only where every point holds; half of them are needed for the step before.
        return Rating(3 if share == 1 else 2 if share >= 0.5 else 1, points)

    def _typical(self, reading: ParsedExplanation, question: ExplanationToRate) -> bool:
        counts = Counter(v for h in set(question.history) for v in self._values(h))
        most = max(counts.values(), default=0)
        said = {s.value for s in _about_history(reading, question) if s.true and not s.negated}
        return any(counts[v] >= min(2, most) and counts[v] > 0 for v in said)

    def _consistent(self, reading: ParsedExplanation, question: ExplanationToRate) -> bool:
        own = set(self._values(question.item))
        said = [s.value for s in _about_history(reading, question) if s.true and not s.negated]
        return any((value in own) == question.decision for value in said)

    def _values(self, item: int) -> list[str]:
        return [v for values in self.catalogue.facts(int(item)).values() for v in values]


def _about_history(reading: ParsedExplanation, question: ExplanationToRate) -> list[Statement]:
    """Statements about titles of the history, or about it as a whole."""
    return [s for s in reading.statements if question.item not in s.items]
