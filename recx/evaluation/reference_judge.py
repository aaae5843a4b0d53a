"""The reference judge: offline and deterministic, with a reason for every point it gives or withholds."""

from collections import Counter
from collections.abc import Sequence

from recx.data.catalogue import Catalogue
from recx.evaluation.judges import Choice, ExplanationToRate, Rating
from recx.parsing.explanation_parser import ExplanationParser
from recx.parsing.parsed_explanation import ParsedExplanation, Statement


class ReferenceJudge:
    """Checks an explanation against the recommender's decision, the history and the catalogue.

    The decision comes first: a wrong or missing decision scores 0 whatever follows. A correct one scores between 1 and
    3, depending on the share of the following points it earns. Without attributes in the catalogue only the first point
    can be checked.

    - `cites`: at least one title is cited, and every cited title is in the history;
    - `facts`: at least one attribute is stated, and all stated attributes are true;
    - `taste`: the statements about the history are typical of it: some stated value is shared by at least two of its
      items, provided that any value is;
    - `consistent`: the reasons support the decision: for a yes, the item shares some value correctly stated about the
      history; for a no, it lacks one.

    A further question, whether what is cited mattered to the recommender, needs measured effects, so it is asked in
    notebook 11 (`recx.evaluation.faithfulness.mattered`) and plays no part in the score.

    Args:
        catalogue: items with attributes.
        decisions: whether decisions are judged. Without them only the other points count, from 1 to 3: for texts about
            a recommender that is not available, which explain what it recommended and need not say yes.
    """

    name = "reference"

    def __init__(self, catalogue: Catalogue, decisions: bool = True) -> None:
        self.catalogue, self.decisions, self.parser = catalogue, decisions, ExplanationParser(catalogue)

    def rate(self, questions: Sequence[ExplanationToRate]) -> list[Rating]:
        """Rate each question, in order; a rating has no score and no points if there is no text."""
        return [self._rate(q) if q.has_text else Rating(None) for q in questions]

    def compare(self, first: Sequence[ExplanationToRate], second: Sequence[ExplanationToRate]) -> list[Choice]:
        """Prefer the explanation with the higher score; equal scores are a tie."""
        scores = [[r.score for r in self.rate(questions)] for questions in (first, second)]
        return [
            Choice(None, False) if a is None or b is None else Choice((a > b) - (a < b), True)
            for a, b in zip(*scores, strict=True)
        ]

    def _rate(self, question: ExplanationToRate) -> Rating:
        return self.rate_reading(self.parser.parse(question.text, question.history, question.item), question)

    def rate_reading(self, reading: ParsedExplanation, question: ExplanationToRate) -> Rating:
        """Rate an explanation that has been read already."""
        points = {}
        if self.decisions:
            points["decision"] = reading.decision is not None and reading.decision == question.decision
        points["cites"] = bool(reading.citations) and all(c.in_history for c in reading.citations)
        if self.catalogue.attributes:
            points["facts"] = bool(reading.statements) and all(s.true for s in reading.statements)
            points["taste"] = self._typical(reading, question)
            points["consistent"] = self._consistent(reading, question)
        if not points.get("decision", True):
            return Rating(0, points)
        others = [held for name, held in points.items() if name != "decision"]
        share = sum(others) / len(others)
        # A 3 requires every point, a 2 at least half of them.
        return Rating(3 if share == 1 else 2 if share >= 0.5 else 1, points)

    def _typical(self, reading: ParsedExplanation, question: ExplanationToRate) -> bool:
        counts = Counter(v for h in set(question.history) for v in set(self._values(h)))
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
    """Select the statements about titles of the history, or about the history as a whole."""
    return [s for s in reading.statements if question.item not in s.items]
