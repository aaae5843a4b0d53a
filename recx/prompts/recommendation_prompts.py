"""Questions about a recommendation in plain words, for language models that are tuned on instructions (LLMXRec).

The wordings are our own; titles and attributes are those of the record. Where the prompts of the alignment are made of
pieces of one catalogue, these describe the items of any record of texts.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from recx.data.text_records import DescribedItem, Facts, TextRecord

MAX_HISTORY = 10
_LONGEST = 150  # words of a text that is compared; the longest are cut

_EXPLAIN = (
    "Explain to this person in about sixty words why the suggestion suits them. Refer to what they chose before, and "
    "claim nothing that is not written above."
)
_CHOOSE = (
    "Two explanations of the suggestion were written for this person.\n\nText A: {first}\n\nText B: {second}\n\n"
    "Which of them is the better explanation, A or B? Answer with one letter."
)
_OF_PERSON = "What is the {attribute} of this person? Answer with one of: {options}."
_OF_ITEM = "What is the {attribute} of the suggested item? Answer with one of: {options}."


@dataclass(frozen=True)
class AttributeQuestion:
    """A question about one attribute of the person or of the item.

    Attributes:
        attribute: its name in the record.
        of_item: whether the item has it, and not the person.
        options: the values to choose from.
    """

    attribute: str
    of_item: bool
    options: tuple[str, ...]

    def prompt(self, record: TextRecord, withheld: bool, max_history: int = MAX_HISTORY) -> str:
        """The question, with the attribute withheld from what is told of the person or the item, or with all told."""
        hidden = {self.attribute} if withheld else set()
        told = situation(record, max_history, set() if self.of_item else hidden, hidden if self.of_item else set())
        asked = _OF_ITEM if self.of_item else _OF_PERSON
        return f"{told}\n\n{asked.format(attribute=self.attribute, options=', '.join(self.options))}"


def explanation_prompt(record: TextRecord, max_history: int = MAX_HISTORY) -> str:
    """Ask for an explanation of a recommendation."""
    return f"{situation(record, max_history)}\n\n{_EXPLAIN}"


def comparison_prompt(told: str, first: str, second: str) -> str:
    """Ask which of two explanations is the better one, A (the first) or B.

    Args:
        told: what `situation` says of the record.
        first: a text.
        second: a text.
    """
    return f"{told}\n\n{_CHOOSE.format(first=_cut(first), second=_cut(second))}"


def situation(
    record: TextRecord,
    max_history: int = MAX_HISTORY,
    hidden_of_person: Collection[str] = (),
    hidden_of_item: Collection[str] = (),
) -> str:
    """Describe person, history and recommended item.

    Args:
        record: what is described.
        max_history: how many of the latest items are listed.
        hidden_of_person: attributes of the person that are left out.
        hidden_of_item: attributes of the recommended item that are left out.
    """
    lines = ["A person chose these, the latest last:"]
    lines += [f"- {described(item)}" for item in record.history[-max_history:]]
    person = _facts(record.person, hidden_of_person)
    lines += [f"About the person: {person}."] if person else []
    return "\n".join([*lines, f"A recommender suggests to this person: {described(record.item, hidden_of_item)}."])


def described(item: DescribedItem, hidden: Collection[str] = ()) -> str:
    """A title in quotation marks, with the attributes in brackets."""
    title, attributes = item
    facts = _facts(attributes, hidden)
    return f'"{title}"' + (f" ({facts})" if facts else "")


def _facts(facts: Facts, hidden: Collection[str]) -> str:
    return "; ".join(f"{name}: {_listed(values)}" for name, values in facts if name not in hidden)


def _listed(values: Sequence[str]) -> str:
    return ", ".join(values)


def _cut(text: str) -> str:
    return " ".join(text.split()[:_LONGEST])
