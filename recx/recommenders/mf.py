"""Matrix factorisation trained with BPR (Rendle et al., UAI 2009), with fold-in of unseen histories."""

import torch
from torch import Tensor, nn

# Weights of unchosen items and of the ridge, relative to the mean squared item vector; tuned on validation
# (docs/decisions/009).
UNCHOSEN, RIDGE = 0.02, 0.3


class MF(nn.Module):
    """A TwoTower whose user vector is computed from item vectors, so that unseen histories have one too.

    Training learns one vector per user; inference discards it and folds the history in: it solves for the vector whose
    scores are closest to 1 for chosen items and to 0, with a small weight, for all others (Hu, Koren & Volinsky, ICDM
    2008).

    Args:
        items: N.
        width: d.
        length: number of most recent items that are read.
    """

    def __init__(self, items: int, width: int, length: int) -> None:
        super().__init__()
        self.length = length
        self.item_embedding = nn.Embedding(items + 1, width, padding_idx=0)
        nn.init.normal_(self.item_embedding.weight, std=0.1)
        with torch.no_grad():
            self.item_embedding.weight[0].zero_()

    def item_vectors(self) -> Tensor:
        """(N + 1, d); row 0 is zero."""
        return self.item_embedding.weight

    def encode_users(self, histories: Tensor) -> Tensor:
        """(B, L) left-padded with 0 -> user vectors (B, d), regardless of the order of the history."""
        return fold_in(self.item_vectors(), histories)

    def score(self, histories: Tensor) -> Tensor:
        """(B, L) -> (B, N + 1)."""
        return self.encode_users(histories) @ self.item_vectors().T


def fold_in(vectors: Tensor, histories: Tensor) -> Tensor:
    """Ridge solution for each history: item vectors (N + 1, d), histories (B, L) -> (B, d).

    With chosen items C and weight w for the others, u = (w V'V + (1 - w) C'C + r I)^-1 C'1.
    """
    chosen = vectors[histories] * (histories > 0)[..., None]
    size = vectors[1:].square().sum(1).mean()
    eye = torch.eye(vectors.shape[1], device=vectors.device)
    shared = UNCHOSEN * vectors.T @ vectors + RIDGE * size * eye
    normal = shared + (1 - UNCHOSEN) * chosen.transpose(1, 2) @ chosen
    return torch.linalg.solve(normal, chosen.sum(1))
