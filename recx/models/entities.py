"""Entity tokens: ids above the vocabulary represent vectors of the target.

The input embedding of the language model is replaced by one that looks up ordinary ids in the ordinary table and maps
the others through a projector (paper section 2.3; `recx.models.projectors`). A prompt with user and item vectors is
then just a sequence of token ids, so trainers, caches and generation work unchanged.
"""

import torch
from torch import Tensor, nn

from recx.models.projectors import build_projector
from recx.models.relations import FEATURES, SCALE, RelationEncoder
from recx.prompts.entity_ids import ROLES, EntityIds


class HalfWhitening(nn.Module):
    """Centre vectors and partly equalise their directions: each is divided by the fourth root of its variance.

    A few directions carry most of a recommender's variance; without whitening, a projector learns those first and the
    others slowly. With full whitening, noise would be as strong as what the scores depend on.

    Args:
        vectors: (M, d) from which mean and covariance are estimated; if all are equal, vectors are left unchanged.
    """

    def __init__(self, vectors: Tensor) -> None:
        super().__init__()
        exact = vectors.detach().double()
        center, turn = exact.new_zeros(exact.shape[1]), torch.eye(exact.shape[1], dtype=exact.dtype)
        if len(exact) > 1 and float((exact - exact.mean(0)).abs().max()) > 0:
            center = exact.mean(0)
            variances, directions = torch.linalg.eigh(torch.atleast_2d(torch.cov((exact - center).T)))
            variances = variances.clamp_min(0.0)
            variances = variances + 0.01 * variances.mean()  # a direction without variance stays small
            turn = (directions * variances**-0.25) @ directions.T
            turn = turn / ((exact - center) @ turn).std()
        self.register_buffer("center", center.float())
        self.register_buffer("turn", turn.float())

    def forward(self, vectors: Tensor) -> Tensor:
        """(M, d) -> (M, d), with unit variance over the vectors it was fitted to."""
        with torch.autocast(vectors.device.type, enabled=False):  # bfloat16 would lose the small directions
            return (vectors.float() - self.center) @ self.turn


def variance_spectrum(vectors: Tensor) -> Tensor:
    """Variances (d,) of vectors (M, d) along the eigenvectors of their covariance, the largest first."""
    return torch.linalg.eigvalsh(torch.atleast_2d(torch.cov(vectors.detach().cpu().double().T))).flip(0)


class EntityEmbedding(nn.Module):
    """Input embedding for ordinary tokens, items and users.

    Ids: `0..V-1` ordinary, then those of `EntityIds`. Each call states which user a user id refers to; in training it
    is a row of `users`. A relation's id identifies an item of the history; the item and the user it relates to are
    those in its row, which has one of each. A told token stands in the same place and has the role that was measured.
    The text that follows either, up to the next entity, is the item's title: each of its tokens is also given the
    title's roles, so that titles that begin alike can be told apart at every token (docs/decisions/104).

    Args:
        base: the language model's own embedding, V rows.
        items: item vectors of the target (N + 1, d).
        users: user vectors of the target (U, d), the users of training.
        relations: whether there are relation tokens.
        projector: kind of the projectors of items and users.
    """

    def __init__(
        self, base: nn.Embedding, items: Tensor, users: Tensor, relations: bool = False, projector: str = "mlp"
    ) -> None:
        super().__init__()
        self.base = base
        self.vocabulary = base.num_embeddings
        self.ids = EntityIds(base.num_embeddings, len(items))
        scale = _root_mean_square(base)
        self.item_projector = build_projector(projector, items.shape[1], base.embedding_dim, scale)
        self.user_projector = build_projector(projector, items.shape[1], base.embedding_dim, scale)
        # A score is the product of a user's and an item's vector: both start in the same space.
        self.user_projector.load_state_dict(self.item_projector.state_dict())
        self.relations = RelationEncoder(items, users).requires_grad_(False) if relations else None
        if relations:
            self.relation_projector = nn.Linear(FEATURES, base.embedding_dim)
            nn.init.normal_(self.relation_projector.weight, std=scale / SCALE)
            nn.init.zeros_(self.relation_projector.bias)
            self.title_projector = nn.Linear(len(ROLES), base.embedding_dim, bias=False)
            nn.init.normal_(self.title_projector.weight, std=scale / SCALE)
        # Vectors come in any scale and shape; what evens them out is kept with the tables.
        self.item_whitening = HalfWhitening(items[1:])
        self.user_whitening = HalfWhitening(users if len(users) > 1 else items[1:])
        self.register_buffer("items", items.detach().clone(), persistent=False)
        self.register_buffer("users", users.detach().clone(), persistent=False)
        self.register_buffer("whitened_items", torch.empty(0), persistent=False)
        self.register_buffer("whitened_users", torch.empty(0), persistent=False)
        self.whiten()

    def whiten(self) -> None:
        """Recompute the lookup tables; call this after changing the whitening."""
        self.whitened_items = self.item_whitening(self.items)
        self.whitened_users = self.user_whitening(self.users)

    @property
    def weight(self) -> Tensor:
        """The ordinary table, for code that ties input and output embeddings."""
        return self.base.weight

    def forward(self, ids: Tensor, users: Tensor | None = None) -> Tensor:
        """Token ids to embeddings.

        Args:
            ids: (B, T).
            users: (B, d), the target's vectors for the user ids of each row; by default, a user id refers to a row of
                the training users.

        Returns:
            (B, T, hidden).
        """
        entity = ids >= self.vocabulary
        text = self.base(ids.masked_fill(entity, 0))
        if not entity.any():
            return text
        own = ids[entity]
        is_item, is_user = own < self.ids.first("relation"), own >= self.ids.first("user")
        if users is None and is_user.any() and not len(self.users):
            raise ValueError("The rows refer to training users, which a saved model does not contain; pass `users`.")
        if users is None:
            user_vectors = self.whitened_users[own[is_user] - self.ids.first("user")]
        else:
            user_vectors = self.user_whitening(users.to(self.items))[entity.nonzero()[is_user, 0]]
        vectors = torch.empty(len(own), text.shape[-1], dtype=text.dtype, device=text.device)
        vectors[is_item] = self.item_projector(self.whitened_items[own[is_item] - self.vocabulary]).to(text.dtype)
        vectors[is_user] = self.user_projector(user_vectors).to(text.dtype)
        is_relation = ~is_item & ~is_user
        if is_relation.any():
            features = self._relation_features(ids, users)
            vectors[is_relation] = self.relation_projector(features).to(text.dtype)
            text = text + self._title_roles(ids, features).to(text.dtype)
        return text.masked_scatter(entity[..., None], vectors)

    def only_entities(self, ids: Tensor, embeddings: Tensor) -> Tensor:
        """The embeddings (B, T, hidden) of ids (B, T), with zeros at ordinary tokens."""
        return embeddings.masked_fill((ids < self.vocabulary)[..., None], 0.0)

    def _precede_titles(self, ids: Tensor) -> Tensor:
        return (ids >= self.ids.first("relation")) & (ids < self.ids.first("user"))

    def _relation_features(self, ids: Tensor, users: Tensor | None) -> Tensor:
        """The features (M, FEATURES) of all M relation and told tokens of a batch, in its order."""
        asked = self._precede_titles(ids).any(1)
        ids = ids[asked]
        item = ids.masked_fill(ids >= self.ids.first("relation"), 0).amax(1) - self.vocabulary
        user = self.users[ids.amax(1) - self.ids.first("user")] if users is None else users.to(self.items)[asked]
        before, told = self._precede_titles(ids), ids >= self.ids.first("told")
        features = torch.zeros(*ids.shape, FEATURES, device=ids.device)
        if (before & told).any():
            row, column = (before & told).nonzero(as_tuple=True)
            roles = ids[row, column] - self.ids.first("told")
            features[row, column] = self.relations.told_features(roles, self.items, item[row], user[row])
        if (before & ~told).any():
            row, column = (before & ~told).nonzero(as_tuple=True)
            place = (before & ~told).cumsum(1)[row, column] - 1
            history = torch.zeros(len(ids), int(place.max()) + 1, dtype=torch.long, device=ids.device)
            history[row, place] = ids[row, column] - self.ids.first("relation")
            features[row, column] = self.relations.features(history, self.items, item, user)[row, place]
        return features[before]

    def _title_roles(self, ids: Tensor, features: Tensor) -> Tensor:
        """What is added to the text tokens (B, T, hidden) of titles: the roles of the relation token before them."""
        roles = self.title_projector(features[:, : len(ROLES)])
        by_place = roles.new_zeros(*ids.shape, roles.shape[-1])
        by_place = by_place.masked_scatter(self._precede_titles(ids)[..., None], roles)
        entity = ids >= self.vocabulary
        places = torch.arange(ids.shape[1], device=ids.device)
        latest = torch.where(entity, places, 0).cummax(1).values  # the place of the latest entity
        spread = by_place.gather(1, latest[..., None].expand_as(by_place))
        return spread.masked_fill(entity[..., None], 0.0)


@torch.no_grad()
def _root_mean_square(embedding: nn.Embedding, most: int = 4096) -> float:
    """Root mean square of an embedding's output for `most` evenly spaced ids; some families scale their embeddings."""
    every = -(-embedding.num_embeddings // most)
    ids = torch.arange(0, embedding.num_embeddings, every, device=embedding.weight.device)
    return embedding(ids).float().pow(2).mean().sqrt().item()
