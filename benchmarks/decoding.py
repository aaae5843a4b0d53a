"""Titles for test histories: decoding along the trie, compared with two common methods and for larger catalogues.

(a) `generate` with five beams and `prefix_allowed_tokens_fn` over a trie of Python dictionaries;
(b) `generate` with five unconstrained beams whose texts are matched to titles, as in the paper's code.

All three use the same prompts and the same aligned model (of a finished run), and take turns.

    python benchmarks/decoding.py [--dataset demo --data-dir DIR] [--mode intention] [--quick] [--record]
"""

import argparse
import json
import time
from functools import partial

import numpy as np
import torch
from recorded import Row, add_option, record

from recx.decoding import constrained
from recx.decoding.title_trie import build_title_trie
from recx.evaluation.alignment_metrics import hit_rate
from recx.evaluation.test_set import draw_test_set
from recx.models.backbones import autocast
from recx.pipeline.finished import open_finished
from recx.profiles.resolve import resolve_settings
from recx.prompts.tokens import Prompt, PromptEncoder


class Trie:
    """Finds the allowed next tokens in nested dictionaries, with one look-up per step and beam."""

    def __init__(self, sequences: list[list[int]]) -> None:
        self.root: dict = {}
        for sequence in sequences:
            node = self.root
            for token in sequence:
                node = node.setdefault(token, {})

    def allowed(self, written: list[int], end: int) -> list[int]:
        node = self.root
        for token in written:
            node = node.get(token)
            if node is None:
                return [end]
        return list(node) or [end]


@torch.inference_mode()
def with_prefix_function(explainer, prompts: list[Prompt], trie: Trie, beams: int = 5, batch: int = 128) -> list:
    end, longest = int(explainer.encoder.end[0]), max(map(len, explainer.encoder.titles)) + 1
    answers = []
    for start in range(0, len(prompts), batch):
        rows = prompts[start : start + batch]
        width = max(len(p.ids) for p in rows)
        ids = np.zeros((len(rows), width), dtype=np.int64)
        mask = np.zeros_like(ids)
        for n, prompt in enumerate(rows):
            ids[n, width - len(prompt.ids) :], mask[n, width - len(prompt.ids) :] = prompt.ids, 1
        users = None if rows[0].user is None else torch.stack([p.user for p in rows])
        with autocast(explainer.precision, explainer.model.device.type):
            out = explainer.model.backbone.generate(
                inputs_embeds=explainer.model.embed(torch.from_numpy(ids), users),
                attention_mask=torch.from_numpy(mask),
                num_beams=beams,
                num_return_sequences=beams,
                do_sample=False,
                max_new_tokens=longest,
                eos_token_id=end,
                pad_token_id=end,
                prefix_allowed_tokens_fn=lambda _, written: trie.allowed(written.tolist(), end),
            )
        answers += out.view(len(rows), beams, -1).tolist()
    return answers


def items_of(answers: list, explainer) -> np.ndarray:
    end = int(explainer.encoder.end[0])
    index = {tuple(t.tolist()): n for n, t in enumerate(explainer.encoder.titles) if n}
    return np.array([[index.get(tuple(a[: a.index(end)] if end in a else a), 0) for a in row] for row in answers])


def timed(work):
    started = time.perf_counter()
    out = work()
    return time.perf_counter() - started, out


def growth(explainer, histories, sizes: list[int]) -> list[dict]:
    """Milliseconds per history, and seconds to build the graph, for catalogues of synthetic titles."""
    rng = np.random.default_rng(0)
    words = sorted({w for label in explainer.catalogue.labels for w in label.split()})
    rows = []
    for size in sizes:
        titles: dict[str, None] = {}
        while len(titles) < size:
            titles[" ".join(rng.choice(words, rng.integers(2, 7)))] = None
        encoder = PromptEncoder(explainer.encoder.tokenizer, ["", *titles], explainer.encoder.vocabulary)
        build, graph = timed(lambda encoder=encoder: build_title_trie(encoder.titles, encoder.end))
        prompts = explainer.prompts(explainer.requests("retrieval", histories))
        # In the aligned model, entity ids are above the vocabulary, whatever catalogue the titles come from.
        work = partial(constrained.beam_titles, explainer.model, prompts, graph)
        seconds, _ = timed(work)
        rows.append({"titles": size, "milliseconds": 1000 * seconds / len(histories), "graph_seconds": build})
        print(
            f"{size:>8,} titles: {rows[-1]['milliseconds']:6.1f} ms per history, graph built in {build:.1f} s",
            flush=True,
        )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", default="demo")
    parser.add_argument("--data-dir", default="")
    parser.add_argument("--profile", default="tiny")
    parser.add_argument("--mode", default="intention")
    parser.add_argument("--quick", action="store_true", help="32 histories, one round, no larger catalogues")
    add_option(parser)
    told = parser.parse_args()
    chosen = resolve_settings(told.profile, told.dataset, told.data_dir)
    opened = open_finished(chosen)
    explainer = opened.explainers[told.mode]
    test_set = draw_test_set(opened.split, opened.target, opened.target.length, chosen.evaluate)
    count, repeats = (32, 1) if told.quick else (200, 3)
    histories, wanted = test_set.histories[:count], test_set.labels.top[:count, 0]
    prompts = explainer.prompts(explainer.requests("retrieval", histories))
    end = explainer.encoder.end.tolist()
    trie = Trie([[*t.tolist(), *end] for t in explainer.encoder.titles[1:]])
    runs = []
    for _ in range(repeats):
        ours, found = timed(lambda: np.array([r.items for r in explainer.recommend(histories, seen=True)]))
        held, answers = timed(lambda: with_prefix_function(explainer, prompts, trie))
        free, loose = timed(lambda: explainer.recommend_freely(histories))
        runs.append((ours, held, free))
    hits = [float(hit_rate(f, wanted).mean()) for f in (found, items_of(answers, explainer), loose)]
    runs = np.array(runs)
    ratios = runs[:, 1:] / runs[:, :1]
    middle = 1000 * np.median(runs, axis=0) / count
    print(
        f"{told.dataset}, {told.mode}, {count} histories, {len(opened.data.catalogue):,} titles\n"
        f"trie             {middle[0]:7.1f} ms per history, HR@5 {hits[0]:.3f}\n"
        f"prefix function  {middle[1]:7.1f} ms per history, HR@5 {hits[1]:.3f}: {np.median(ratios[:, 0]):.1f}x\n"
        f"unconstrained    {middle[2]:7.1f} ms per history, HR@5 {hits[2]:.3f}: {np.median(ratios[:, 1]):.1f}x"
    )
    result = {"benchmark": "decoding", "dataset": told.dataset, "mode": told.mode, "hr@5": hits}
    result |= {"over_prefix_function": np.sort(ratios[:, 0]).round(2).tolist()}
    result |= {"over_unconstrained": np.sort(ratios[:, 1]).round(2).tolist()}
    result["growth"] = [] if told.quick else growth(explainer, histories[:64], [2_000, 20_000, 200_000])
    if told.record:
        label = f"{told.dataset}, {told.mode}"
        others = ["`generate` with `prefix_allowed_tokens_fn` over dictionaries", "`generate` with unconstrained beams"]
        rows = [
            Row(
                f"{label}, trie (ours): time",
                float(middle[0]),
                "ms/history",
                other,
                float(np.median(r)),
                min(r),
                max(r),
            )
            for other, r in zip(others, ratios.T.tolist(), strict=True)
        ]
        rows += [Row(f"{label}, {n}: time", float(m), "ms/history") for n, m in zip(others, middle[1:], strict=True)]
        names = ["trie (ours)", *others]
        rows += [Row(f"{label}, {name}: HR@5", hit) for name, hit in zip(names, hits, strict=True)]
        for size in result["growth"]:
            name = f"{label}, trie (ours), {size['titles']:,} synthetic titles"
            rows += [Row(f"{name}: time", size["milliseconds"], "ms/history")]
            rows += [Row(f"{name}: building the graph", size["graph_seconds"], "s")]
        record("decoding", rows, chosen.evaluate.seed, told.quick)
    print("RESULT " + json.dumps(result))


if __name__ == "__main__":
    main()
