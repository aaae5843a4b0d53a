"""RecExplainer (Lei et al., KDD 2024) in one file: align a language model to a recommender, then ask it for reasons.

    python docs/method_in_one_file.py

It needs torch, transformers, this repository's catalogue and teaching backbone, and minutes on two cores. People are
drawn by simpler rules than the demo's. `recx` adds ties, intervals, beam search, large models and faithfulness.
"""

import csv
import random
import time
from pathlib import Path

import torch
from torch import nn
from torch.nn.functional import cross_entropy
from transformers import AutoModelForCausalLM, AutoTokenizer

DATA = Path(__file__).parent.parent / "data"
PEOPLE, TEST, ROWS, TEXTS, LENGTH, WIDTH = 3000, 200, 26_000, 2000, 12, 32
WHY = "Would the recommender suggest {}? Say why."


# 1. Data: real games, and people who stay with a platform and a genre and continue the series that they have begun.
def read_catalogue() -> list[dict]:
    """The games; number 0 is padding. A title that several platforms have is followed by its platform."""
    lines = (DATA / "demo" / "catalogue.csv").read_text(encoding="utf-8").splitlines()
    games = [row for row in csv.DictReader(lines) if row["kind"] == "game"]
    titles = [game["title"] for game in games]
    for game, title in zip(games, titles, strict=True):
        game["label"] = f"{title} ({game['platform']})" if titles.count(title) > 1 else title
    return [{"label": ""}, *games]


def draw_person(games: list[dict]) -> list[int]:
    """The games that one person chose, oldest first."""
    platform, genre = random.choice(games[1:])["platform"], random.choice(games[1:])["genres"].split("|")[0]
    chosen: list[int] = []
    for _ in range(random.randint(6, LENGTH + 1)):
        new = [i for i in range(1, len(games)) if i not in chosen]
        series = {games[i]["franchise"] for i in chosen[-2:]} - {""}
        wanted = [i for i in new if games[i]["franchise"] in series] if random.random() < 0.4 else []
        wanted = wanted or [i for i in new if games[i]["platform"] == platform and genre in games[i]["genres"]]
        chosen.append(random.choice(wanted or [i for i in new if games[i]["platform"] == platform] or new))
    return chosen


# 2. The target: SASRec. Its state after the latest item is the user vector; user times item vector is the score.
class SASRec(nn.Module):
    def __init__(self, items: int) -> None:
        super().__init__()
        self.items = nn.Embedding(items, WIDTH, padding_idx=0)
        self.positions = nn.Parameter(0.02 * torch.randn(LENGTH, WIDTH))
        self.layer = nn.TransformerEncoderLayer(WIDTH, 2, 4 * WIDTH, dropout=0.2, batch_first=True, norm_first=True)
        self.norm = nn.LayerNorm(WIDTH)
        nn.init.normal_(self.items.weight, std=WIDTH**-0.5)

    def forward(self, histories: torch.Tensor) -> torch.Tensor:
        """Histories (B, LENGTH), padded on the right with 0 -> the state after each item (B, LENGTH, WIDTH)."""
        causal = nn.Transformer.generate_square_subsequent_mask(LENGTH)
        return self.norm(self.layer(self.items(histories) + self.positions, src_mask=causal, is_causal=True))


def padded(rows: list[list[int]], length: int) -> torch.Tensor:
    return torch.tensor([row + [0] * (length - len(row)) for row in rows])


def train_target(people: list[list[int]], items: int, epochs: int = 20) -> SASRec:
    """Next-item prediction with a softmax over the catalogue."""
    target = SASRec(items)
    inputs, wanted = padded([p[:-1] for p in people], LENGTH), padded([p[1:] for p in people], LENGTH)
    optimizer = torch.optim.Adam(target.parameters(), lr=3e-3)
    for _ in range(epochs):
        for batch in torch.randperm(len(people)).split(128):
            optimizer.zero_grad()
            scores = (target(inputs[batch]) @ target.items.weight.T).flatten(0, 1)
            cross_entropy(scores, wanted[batch].flatten(), ignore_index=0).backward()
            optimizer.step()
    return target.eval()


# 3. The language model. Two new tokens stand for vectors of the target; projectors carry them into its input space.
class Aligned(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.tokenizer = AutoTokenizer.from_pretrained(DATA / "backbones" / "recx-tiny", padding_side="left")
        self.model = AutoModelForCausalLM.from_pretrained(DATA / "backbones" / "recx-tiny", dtype=torch.float32)
        self.words = self.model.get_input_embeddings()
        self.tokenizer.add_tokens(["<user>", "<item>"])
        h = self.words.embedding_dim
        self.user, self.item = (nn.Sequential(nn.Linear(WIDTH, h), nn.GELU(), nn.Linear(h, h)) for _ in range(2))

    def prompts(self, rows: list[tuple], begun: bool = False) -> dict:
        """Rows (prompt, user vector, item vector, answer) as the model reads them; `begun` adds the answer."""
        texts = [f"<|user|>{row[0]}<|assistant|>{row[3] * begun}" for row in rows]
        tokens = self.tokenizer(texts, return_tensors="pt", padding=True)
        embedded = self.words(tokens.input_ids.clamp_max(self.words.num_embeddings - 1))
        for column, token, project in ((1, "<user>", self.user), (2, "<item>", self.item)):
            here = tokens.input_ids == self.tokenizer.convert_tokens_to_ids(token)
            vectors = project(torch.stack([row[column] for row in rows]))
            embedded = torch.where(here[..., None], vectors[:, None], embedded)
        return {"inputs_embeds": embedded, "attention_mask": tokens.attention_mask}

    def loss(self, rows: list[tuple]) -> torch.Tensor:
        """Mean cross-entropy of the answers' tokens. A decision alone has no end: its reasons would follow."""
        prompt, end = self.prompts(rows), [self.tokenizer.eos_token_id]
        answers = [self.tokenizer(row[3]).input_ids + end * (row[3] not in ("Yes", "No")) for row in rows]
        length = max(map(len, answers))
        ids, real = padded(answers, length), padded([[1] * len(answer) for answer in answers], length)
        embedded = torch.cat([prompt["inputs_embeds"], self.words(ids)], 1)
        attention = torch.cat([prompt["attention_mask"], real], 1)
        logits = self.model(inputs_embeds=embedded, attention_mask=attention, logits_to_keep=length + 1).logits
        return cross_entropy(logits[:, :-1][real > 0], ids[real > 0])

    @torch.no_grad()
    def texts(self, rows: list[tuple], begun: bool = False) -> list[str]:
        """Greedy answers (B,)."""
        ids = self.model.generate(**self.prompts(rows, begun), max_new_tokens=100, do_sample=False)
        return [r[3] * begun + self.tokenizer.decode(i, True) for r, i in zip(rows, ids, strict=True)]


# 4. Questions: who is asked about, by the vector (intention) or by titles and vector (hybrid); the target answers.
class Questions:
    def __init__(self, target: SASRec, labels: list[str], histories: list[list[int]]) -> None:
        self.labels, self.histories, items = labels, histories, target.items.weight.detach()
        with torch.no_grad():
            states = target(padded([h[-LENGTH:] for h in histories], LENGTH))
        users = states[torch.arange(len(histories)), [min(len(h), LENGTH) - 1 for h in histories]]
        scores = users @ items.T
        for row, history in zip(scores, histories, strict=True):
            row[[0, *history]] = -torch.inf  # neither padding nor what the person has
        self.ranking, self.users, self.items = scores.argsort(descending=True), users / users.std(), items / items.std()

    def row(self, n: int, form: str, question: str, item: int = 0, answer: str = "") -> tuple:
        """Prompt, user vector, item vector and answer about history n; `{}` in the question is the item."""
        history = "; ".join(f'"{self.labels[i]}"' for i in self.histories[n][-6:])
        what = f'"{self.labels[item]}" <item>' if form == "hybrid" else "<item>"
        who = f"History: {history}. " * (form == "hybrid") + "User <user>. "
        return who + question.format(what), self.users[n], self.items[item], answer

    def next_item(self, n: int, form: str) -> tuple:
        """Task 1: the target's best item."""
        return self.row(n, form, "What comes next?", answer=f'"{self.labels[self.ranking[n][0]]}"')

    def preference(self, n: int, form: str) -> tuple:
        """Task 3: an item of the target's best fifth, or of its worse half."""
        order, liked = self.ranking[n][: -len(self.histories[n]) - 1].tolist(), random.random() < 0.5
        item = random.choice(order[: len(order) // 5] if liked else order[len(order) // 2 :])
        return self.row(n, form, WHY, item, "Yes" if liked else "No")


# 5. Alignment, and what comes of it.
def own_words(model: Aligned, asked: Questions, count: int) -> list[tuple]:
    """Explanations that the model writes before alignment, each begun with the target's decision."""
    rows = [asked.preference(n, "hybrid") for n in random.sample(range(len(asked.histories)), count)]
    texts = [text for n in range(0, count, 100) for text in model.texts(rows[n : n + 100], begun=True)]
    return [(*row[:3], text) for row, text in zip(rows, texts, strict=True)]


def align(model: Aligned, rows: list[tuple], size: int = 64) -> None:
    """One pass over the rows; rows of like length share a batch."""
    optimizer, rows = torch.optim.AdamW(model.parameters()), sorted(rows, key=lambda row: len(row[0] + row[3]))
    batches = [rows[n : n + size] for n in range(0, len(rows), size)]
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=len(batches), pct_start=0.05)
    for batch in random.sample(batches, len(batches)):
        optimizer.zero_grad(), model.loss(batch).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step(), schedule.step()


def agreement(model: Aligned, asked: Questions) -> str:
    """How often the model says what the target says about people whom it never saw, in the hybrid form."""
    titles = model.texts([asked.next_item(n, "hybrid") for n in range(len(asked.histories))])
    best = [[f'"{asked.labels[i]}"' for i in ranking[:5]] for ranking in asked.ranking]
    hits = sum(title in five for title, five in zip(titles, best, strict=True)) / len(titles)
    rows = [asked.preference(n, "hybrid") for n in range(len(titles))]
    right = sum(text.startswith(row[3]) for text, row in zip(model.texts(rows), rows, strict=True)) / len(rows)
    return f"its title is among the target's best five: {hits:.2f}; its explanation decides rightly: {right:.2f}"


def main() -> None:
    random.seed(0), torch.manual_seed(0)
    started, games = time.time(), read_catalogue()
    labels, people = [game["label"] for game in games], [draw_person(games) for _ in range(PEOPLE)]
    target = train_target([person[:-1] for person in people[TEST:]], len(labels))
    model, test = Aligned(), Questions(target, labels, [person[:-1] for person in people[:TEST]])
    train = Questions(target, labels, [person[:n] for person in people[TEST:] for n in range(3, len(person))])
    print(f"[{time.time() - started:3.0f} s] before alignment: {agreement(model, test)}")
    drawn = [(random.randrange(len(train.histories)), random.choice(["intention", "hybrid"])) for _ in range(ROWS)]
    rows = [(train.next_item if n % 2 else train.preference)(*one) for n, one in enumerate(drawn)]
    align(model, rows + 3 * own_words(model, train, TEXTS))  # each of its own texts counts three times
    print(f"[{time.time() - started:3.0f} s] after alignment: {agreement(model, test)}")
    for item in test.ranking[0, [0, -20]].tolist():
        shown, place = "; ".join(labels[i] for i in test.histories[0][-6:]), test.ranking[0].tolist().index(item) + 1
        print(f"\nHistory: {shown}\n{labels[item]}, number {place} of {len(labels) - 1} for the target")
        print(model.texts([test.row(0, "hybrid", WHY, item)])[0])


if __name__ == "__main__":
    main()
