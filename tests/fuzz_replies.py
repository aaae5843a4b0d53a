"""Fuzzes everything that parses a chat model's replies: a reply gives a value or a `BadReply`, never a crash.

    python tests/fuzz_replies.py [--inputs 1000000] [--seed 0]

Well-formed replies are damaged at random, and suspicious pieces are inserted. The parsed value must occur in the
answer, must not come from the model's reasoning, and must be the same with code fences or reasoning around the answer.
An input that violates this is written to `fuzz-findings/`, and the run ends with an error.
"""

import argparse
import contextlib
import io
import json
import random
import re
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from openai.types.chat import ChatCompletion

from recx.data.catalogue import build_catalogue
from recx.evaluation.judge_replies import read_choice, read_rating
from recx.evaluation.xrec import read_hundred
from recx.explaining.chat_client import ChatClient
from recx.explaining.chat_endpoint import ChatError
from recx.explaining.chat_profiles import read_passage
from recx.explaining.chat_replies import BadReply, answer_of, read_decision, read_titles, text_of
from recx.parsing.explanation_parser import ExplanationParser
from recx.parsing.phrase_index import phrase_key
from recx.parsing.quotation_marks import straight_quotes
from recx.parsing.title_forms import plain_title
from recx.parsing.title_index import TitleIndex
from recx.settings import ChatSettings

TITLES = ["Portal", "Portal 2", "Halo 3", "Assassin's Creed", "Rock 'n' Roll", "1942", "Yes", "Two", "Dune (1984)",
          "Dune", "Steins;Gate", "Poke\u0301mon \u2013 Red", "Smash Bros.", "A; B", "No. 1",
          "\u300eOkami\u300f"]  # fmt: skip
CATALOGUE = build_catalogue(
    [str(n) for n in range(len(TITLES))], TITLES,
    {"genre": [["Puzzle"], ["Shooter"], [], ["Rock, Pop"]] * 4, "year": [["2007"], []] * 8},
)  # fmt: skip
INDEX, PARSER = TitleIndex(CATALOGUE), ExplanationParser(CATALOGUE)
GOOD = [
    '{"score": 2, "reason": "fine"}', "Score: 2/3\nbecause", "two out of three", '{"better": "A", "reason": "x"}',
    "Yes", "Answer: **No**", '1. "Portal" (2007)\n2. **Halo 3** - a fit\n3. 1942',
    "Sure:\n\n- Portal\n- Dune (1984)\n\nEnjoy!",
    '"Portal"; "Halo 3"; "Two"', "Yes. \u201cPortal\u201d is a Puzzle title, like \u00ab Halo 3 \u00bb.",
    "No. 'Portal 2' isn't like \u2018Halo 3\u2019 from the history, it is a Shooter title as well.",
    '<think>Perhaps {"score": 1}?</think>\n{"score": 3}', 'A draft: {"score": 1} and {"score": 3}',
]  # fmt: skip
PIECES = ["<think>", "</think>", "<THINKING>", "</Reasoning>", "[THINK]", "[/THINK]", "<|channel|>analysis<|message|>",
          "<|channel|>final<|message|>", "```", "```json\n", "~~~", "\n", "\r\n", "\u2028", "\x00", "\x1b[31m",
          "\u202e",
          '"', "'", "\u201c", "\u201d", "\u201e", "\u00ab", "\u00bb", "\u2018", "\u2019", "\u201a", "\u300a", "\uff02",
          "**", "*", "_", "- ", "1. ", "2) ", "(2007)", "{", "}", "[", "]", ":", ";", "/", "-", ".", "\\",
          '{"score": 1}',
          '{"score": ', '"better": "B"', "score: ", "yes", "no", "two", "drei", "\u4e09", "\uff13", "\u0663", "NaN",
          "null",
          "1e999", "9" * 5000, "{" * 300, '{"a":' * 400, "[" * 5000, "(" * 300, " " * 500, "*" * 300,
          "'" * 200, '" ' * 200,
          "Portal", "Halo 3", "Nobody Made This", "\ud800", "\u0301", "x" * 2000]  # fmt: skip
TAGS = re.compile(r"think|reason|thought|channel", re.IGNORECASE)
WRAPPINGS = ("{}", "```\n{}\n```", "~~~text\r\n{}\n~~~", "<think>9, \"Two\"</think>\n{}", "<THINKING>no</THINKING>{}",
             "yes</reasoning>\n\n{}", "```json\n<think>x</think>\n{}\n```", "\n\n  {}\n ")  # fmt: skip


def find(title: str) -> int | None:
    return INDEX.find(title.strip(), ignore_case=True)


def stands_in(item: int, answer: str) -> bool:
    """Whether the words of a title, up to its brackets or subtitle, occur in an answer in the same order."""
    title = phrase_key(re.split(r" [(\[]|: ", CATALOGUE.labels[item])[0])
    return f" {title} " in f" {phrase_key(plain_title(answer))} " or f" {title} " in f" {phrase_key(answer)} "


def rated(answer: str) -> str | None:
    return None if read_rating(answer).score in (0, 1, 2, 3) else "a score out of range"


def chosen(answer: str) -> str | None:
    return None if read_choice(answer) in (-1, 0, 1) else "no choice"


def decided(answer: str) -> str | None:
    word = "yes" if read_decision(answer) else "no"
    return None if word in answer.lower() else f"a {word} that is not said"


def listed(answer: str) -> str | None:
    items = read_titles(answer, find)
    strange = [i for i in items if i and not stands_in(i, answer)]
    return f"titles that are not said: {strange}" if strange or not items else None


def explained(answer: str) -> str | None:
    reading = PARSER.parse(answer, [1, 3], 2)
    for c in reading.citations:
        if c.title not in answer and (c.item is None or not stands_in(c.item, answer[slice(*c.span)])):
            return f"a citation that does not stand there: {c}"
    ends = [end for _, end in (c.span for c in reading.citations)]
    return None if all(e <= len(answer) for e in ends) and len(straight_quotes(answer)) == len(answer) else "a span"


def scored(answer: str) -> str | None:
    return None if 0 <= read_hundred(answer) <= 100 else "a score out of range"


def passage(answer: str) -> str | None:
    text = read_passage(answer)
    return None if not text or 3 <= len(text.split()) <= 120 or not text.isascii() else "a passage out of range"


READERS: tuple[Callable[[str], str | None], ...] = (rated, chosen, decided, listed, explained, scored, passage)


def asked(reply: str) -> str | None:
    """Send the reply as content, as a part and as the whole body of a server's response."""
    client = ChatClient(ChatSettings("http://127.0.0.1:9/v1", "m", replies=2))
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": reply}}
    bodies = [
        {"choices": [choice]},
        {"choices": [choice | {"message": {"content": [{"type": "text", "text": reply}]}}]},
    ]
    with contextlib.suppress(ValueError, RecursionError):
        body = json.loads(reply)
        bodies += [body if isinstance(body, dict) else {"choices": body}]
    for body in bodies:
        client.endpoint.client.chat.completions.create = lambda body=body, **_: ChatCompletion.construct(**body)
        with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(ChatError):
            (value,) = client.ask([[{"role": "user", "content": "x"}]], read_rating_text)
            if value is not None and "think" in value:
                return "thinking in an answer"
    return None


def read_rating_text(answer: str) -> str:
    if read_rating(answer) and TAGS.search(answer):
        raise BadReply("for the check above")
    return answer


def outcome(reader: Callable[[str], object], answer: str) -> object:
    try:
        return reader(answer)
    except BadReply as error:
        return ("refused", bool(str(error)))


def check(reply: str) -> str | None:
    """What is wrong with the way a reply is parsed; None if nothing is."""
    answer = answer_of(reply)
    if answer_of(answer) != answer or text_of(reply) != reply:
        return "reading it again gives something else"
    for wrapping in WRAPPINGS:
        if answer_of(wrapping.replace("{}", reply)) != answer:
            return f"wrapped in {wrapping!r} it is another answer"
    if not TAGS.search(reply):
        if answer_of(f"<think>{reply}"):
            return "unclosed thinking is read"
        if answer_of(f"<think>{reply}</think>Yes") != "Yes":
            return "closed thinking is read"
    for reader in READERS:  # of the answer alone, so what stands around it changes nothing
        wrong = outcome(reader, answer)
        if isinstance(wrong, str) or wrong == ("refused", False):
            return f"{reader.__name__}: {wrong}"
    return None


def damaged(chance: random.Random, good: str) -> str:
    for _ in range(chance.choice((1, 1, 2, 3, 6))):
        at, what = chance.randrange(len(good) + 1), chance.randrange(6)
        length = chance.choice((1, 2, 8, 40))
        if what == 0:
            good = good[:at] + good[at + length :]
        elif what == 1:
            good = good[: at + length] + good[at:]
        elif what == 2:
            good = good[:at] + chr(chance.choice((chance.randrange(128), chance.randrange(0x3000)))) + good[at:]
        elif what == 3:
            good = good[:at] if chance.random() < 0.3 else good + "\n" + chance.choice(GOOD)
        else:
            good = good[:at] + chance.choice(PIECES) + good[at:]
    return good


def hang(*_: object) -> None:
    raise TimeoutError("two seconds of work for one reply")


def fuzz(inputs: int, seed: int, report: bool = False) -> list[tuple[str, str]]:
    """The findings: what went wrong, and the reply."""
    chance, findings = random.Random(seed), []
    signal.signal(signal.SIGVTALRM, hang)
    started = time.monotonic()
    for n in range(inputs):
        reply = damaged(chance, GOOD[n % len(GOOD)])
        signal.setitimer(signal.ITIMER_VIRTUAL, 2)
        try:
            wrong = check(reply) or (asked(reply) if n % 200 == 0 else None)
        except Exception as error:
            wrong = f"{type(error).__name__}: {error}"[:300]
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        if wrong:
            findings.append((wrong, reply))
            if report and len(findings) < 30:
                print(f"{wrong}\n    {reply!r}"[:700], flush=True)
        if report and n and n % 50_000 == 0:
            print(f"{n:,} inputs, {len(findings)} findings, {time.monotonic() - started:.0f} s", flush=True)
    return findings


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--inputs", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    findings = fuzz(arguments.inputs, arguments.seed, report=True)
    for n, (_, reply) in enumerate(findings[:50]):
        folder = Path("fuzz-findings")
        folder.mkdir(exist_ok=True)
        (folder / f"reply-{n}.txt").write_bytes(reply.encode(errors="surrogatepass"))
    print(f"{arguments.inputs:,} replies over {len(READERS)} readers, {len(findings)} findings")
    sys.exit(bool(findings))


if __name__ == "__main__":
    main()
