"""What notebook 14 runs: explained pairs, the vectors of a graph without them, and the texts of each variant."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from recx.alignment.pair_training import VARIANTS, build, encode, train, write
from recx.alignment.training_cost import estimate_minutes
from recx.data.dataset import Dataset
from recx.data.registry import find_source, load_dataset
from recx.data.reviews import load_reviews, most_opinionated_sentence
from recx.data.xrec_files import ExplainedPairs, holds_pairs, read_explained_pairs
from recx.decoding.self_test import check_backbone
from recx.errors import DataError, SettingsError
from recx.explaining.chat_profiles import write_pairs
from recx.models.aligned_model import AlignedModel
from recx.models.saved_models import SharedBackbone
from recx.prompts.profile_prompts import rule_made_pairs
from recx.recommenders.interaction_graph import GraphVectors, graph_vectors, percentiles, without_pairs
from recx.settings import Settings, XRecSettings
from recx.storage.run_folder import Run, read_kept, write_json
from recx.storage.text_store import TextStore


@dataclass(frozen=True)
class Graphs:
    """LightGCN's vectors from two graphs.

    Attributes:
        without: the explained pairs and all interactions of the unseen users are left out.
        complete: nothing is left out.
        places: `graph, pair, user, value`: the share of items that score below the item of a pair, for every pair that
            is an edge of the complete graph and whose user is not unseen.
    """

    without: GraphVectors
    complete: GraphVectors
    places: pd.DataFrame


def load_pairs(settings: Settings, store: TextStore | None = None, show_progress: bool = False) -> ExplainedPairs:
    """The explained pairs of the data set's folder, or pairs made from its interactions if it has none.

    Profiles are made by rule, or written by the chat model `xrec.writer`. References are made by rule from attributes,
    or with `xrec.reviews` drawn from what the users wrote: distilled by that chat model, or else the most opinionated
    sentence of each review. Pairs without such a text are left out.

    Args:
        settings: settings of the run.
        store: cache of the chat model's replies, with which an interrupted run resumes.
        show_progress: print the chat model's estimated cost first, and show a bar.

    Raises:
        ChatError: the chat endpoint cannot be used; its replies so far are kept.
        DataError: reviews are asked for, and there are none.
    """
    folder, chosen = find_source(settings.data.name).custom_folder, settings.xrec
    if folder and holds_pairs(folder):
        return read_explained_pairs(folder)
    data = load_dataset(settings.data)
    pairs, reviews = rule_made_pairs(data, chosen.pairs, chosen.seed), None
    if chosen.reviews:
        pairs, reviews = _reviewed(pairs, data, settings)
    if chosen.writer.address:
        return write_pairs(pairs, data, chosen.writer, reviews, store, show_progress)
    if reviews is None:
        return pairs
    origin = "Profiles are made by rule, from attributes, and a reference is the most opinionated sentence of a review."
    return replace(pairs, explanations=tuple(map(most_opinionated_sentence, reviews)), origin=origin)


def _reviewed(pairs: ExplainedPairs, data: Dataset, settings: Settings) -> tuple[ExplainedPairs, list[str]]:
    """The pairs with a review, and the reviews."""
    users, items = pairs.users.tolist(), pairs.items.tolist()
    named = [(data.user_ids[u], data.catalogue.item_ids[i]) for u, i in zip(users, items, strict=True)]
    found = load_reviews(settings.data, named)
    rows = [n for n, pair in enumerate(named) if pair in found]
    if not rows:
        raise DataError(f"None of the {len(pairs):,} pairs drawn from {data.name!r} has a review with a text.")
    return pairs.subset(rows), [found[named[row]] for row in rows]


def first_pair(pairs: ExplainedPairs) -> pd.DataFrame:
    """The first pair for reading: one row for each text of it."""
    texts = {
        "user's profile": pairs.user_profiles[0],
        "item": pairs.titles[0],
        "item's profile": pairs.item_profiles[0],
        "reference": pairs.explanations[0],
    }
    return pd.DataFrame({"text": texts})


def unseen_users(tested: np.ndarray, share: float, seed: int) -> np.ndarray:
    """A share of the users of the test pairs (Q,), sorted."""
    users = np.unique(tested)
    return np.sort(np.random.default_rng(seed).permutation(users)[: round(share * len(users))])


def collaborative_graphs(
    pairs: ExplainedPairs, parts: np.ndarray, settings: Settings, show_progress: bool = True
) -> Graphs:
    """Train LightGCN without and with the explained pairs.

    Args:
        pairs: P explained pairs.
        parts: (P,) part of each pair.
        settings: settings of the run.
        show_progress: show bars.

    Raises:
        DataError: there are no pairs for training or none for testing.
    """
    _require_parts(pairs, parts)
    chosen = settings.xrec
    unseen = unseen_users(pairs.users[parts == "test"], chosen.unseen, chosen.seed)
    both = np.stack([pairs.users, pairs.items], axis=1)
    edges = {"left out": without_pairs(pairs.edges, both, unseen), "left in": pairs.edges}
    trained = {
        name: graph_vectors(own, pairs.user_count, pairs.item_count, chosen.graph, show_progress)
        for name, own in edges.items()
    }
    seen = np.flatnonzero(leaking(pairs, unseen))
    places = [
        pd.DataFrame(
            {"graph": name, "pair": seen, "user": pairs.users[seen]}
            | {"value": percentiles(vectors, both[seen], edges["left out"])}
        )
        for name, vectors in trained.items()
    ]
    return Graphs(trained["left out"], trained["left in"], pd.concat(places, ignore_index=True))


def _require_parts(pairs: ExplainedPairs, parts: np.ndarray) -> None:
    if not {"train", "test"} <= set(parts):
        raise DataError(
            f"{len(pairs):,} explained pairs of {len(set(pairs.users)):,} users cannot be split by user into training "
            "and test pairs. At least five users are needed, none with over a fifth of the pairs."
        )


def leaking(pairs: ExplainedPairs, unseen: np.ndarray) -> np.ndarray:
    """Whether each pair (P,) is an edge of the complete graph and its user none of the unseen ones."""
    width = pairs.item_count + 1
    edges = pairs.edges[:, 0] * width + pairs.edges[:, 1]
    return np.isin(pairs.users * width + pairs.items, edges) & ~np.isin(pairs.users, unseen)


def edges_to_draw(pairs: ExplainedPairs, parts: np.ndarray, chosen: XRecSettings, count: int = 3) -> pd.DataFrame:
    """Some edges of the complete graph: of two users with explained pairs, and of an unseen one.

    Args:
        pairs: P explained pairs.
        parts: (P,) part of each pair.
        chosen: settings that decide who is unseen.
        count: edges of each user, explained pairs first.

    Returns:
        Columns `user, item, kind`, where `kind` is "kept", "explained" or "unseen".
    """
    unseen = set(unseen_users(pairs.users[parts == "test"], chosen.unseen, chosen.seed).tolist())
    named = dict(zip(pairs.items.tolist(), pairs.titles, strict=True))
    explained = set(zip(pairs.users.tolist(), pairs.items.tolist(), strict=True))
    edges = [(int(user), int(item)) for user, item in pairs.edges]
    known = [user for user, item in edges if (user, item) in explained and user not in unseen]
    hidden = [user for user, _ in edges if user in unseen]
    rows = []
    for user in [*dict.fromkeys(known)][:2] + hidden[:1]:
        own = sorted((edge for edge in edges if edge[0] == user), key=lambda edge: edge not in explained)
        for edge in own[:count]:
            kind = "unseen" if user in unseen else "explained" if edge in explained else "kept"
            name = f"user {user}" + " (unseen)" * (user in unseen)
            rows.append((name, named.get(edge[1], f"item {edge[1]}"), kind))
    return pd.DataFrame(rows, columns=["user", "item", "kind"])


def variants_of(settings: Settings) -> tuple[str, ...]:
    """The variants to train.

    Raises:
        SettingsError: there is no variant of that name.
    """
    names = tuple(dict.fromkeys(name.strip() for name in settings.xrec.variants.split(";") if name.strip()))
    for name in names:
        if name not in VARIANTS:
            raise SettingsError(f"Setting 'xrec.variants' names {name!r}. Known: {'; '.join(VARIANTS)}.")
    return names


def write_variants(
    pairs: ExplainedPairs, parts: np.ndarray, graphs: Graphs, settings: Settings, run: Run, show_progress: bool = True
) -> tuple[dict[str, list[str]], pd.DataFrame]:
    """Train every variant of the settings and let it explain the test pairs; finished ones are not trained again.

    Args:
        pairs: P explained pairs.
        parts: (P,) part of each pair.
        graphs: vectors of users and items.
        settings: settings of the run.
        run: run of the stage, for checkpoints.
        show_progress: show bars, and how long each training is estimated to take.

    Returns:
        Variant -> texts of the test pairs, and the validation losses: `variant, epoch, loss, seconds`.

    Raises:
        DataError: there are no pairs for training or none for testing.
    """
    _require_parts(pairs, parts)
    chosen, backbone, folder = settings.xrec, settings.align.backbone, run.checkpoints()
    shared = SharedBackbone.load(backbone)
    vocabulary = shared.model.get_input_embeddings().num_embeddings
    rows = encode(pairs, parts, shared.tokenizer, vocabulary)
    longest = max(int(own.lengths.max()) for own in rows.forms.values()) + chosen.max_tokens
    check_backbone(AlignedModel(shared.model), shared.tokenizer, longest)
    texts, curves = {}, []
    for number, name in enumerate(variants_of(settings)):
        own = folder / f"variant-{number}"
        kept = read_kept(own / "texts.json", run.fingerprint)
        if kept is None:
            variant, vectors = VARIANTS[name], graphs.complete if VARIANTS[name].seen else graphs.without
            read = rows.vectors(vectors.users, vectors.items)
            model = build(variant, rows, read, backbone, chosen.projector, chosen.seed, shared)
            if show_progress and variant.tuned != "nothing":
                minutes = estimate_minutes(model, rows.rows(variant.form, "train"), chosen.fit)
                print(f"{name}: about {max(1, round(minutes)):,} min of training here", flush=True)
            curve = train(model, variant, rows, chosen.fit, own, chosen.seed, show_progress=show_progress)
            ids = write(model, rows.rows(variant.form, "test"), rows.ends, chosen.max_tokens, chosen.fit.precision)
            said = [shared.tokenizer.decode(answer, skip_special_tokens=True).strip() for answer in ids]
            kept = {"fingerprint": run.fingerprint, "texts": said, "curve": curve}
            own.mkdir(parents=True, exist_ok=True)
            write_json(own / "texts.json", kept)
        texts[name] = kept["texts"]
        curves += [{"variant": name} | row for row in kept["curve"]]
    frame = pd.DataFrame(curves, columns=["variant", "epoch", "loss", "seconds"])
    return texts, frame.astype({"loss": float})  # a loss of nothing is null in a file


def shown_texts(texts: Mapping[str, list[str]], pairs: ExplainedPairs, parts: np.ndarray, row: int = 0) -> pd.DataFrame:
    """All texts about one test pair beside its reference: columns `source`, `text`."""
    pair = int(np.flatnonzero(parts == "test")[row])
    said = {"reference": pairs.explanations[pair]} | {name: own[row] for name, own in texts.items()}
    return pd.DataFrame(said.items(), columns=["source", "text"])
