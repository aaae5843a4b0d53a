"""Projectors: from the target's vectors to the input vectors of the language model."""

import torch
from torch import Tensor, nn
from torch.nn import functional

EXPERTS = 8
DROPOUT = 0.2
LEAST_NOISE = 0.01


class TwoLayerProjector(nn.Module):
    """Two-layer GELU MLP, as in RecExplainer (section 2.3, equation 1), with a second bias.

    Args:
        width: d of the target's vectors.
        hidden: width of the language model.
        scale: initial root mean square of the projected vectors.
    """

    def __init__(self, width: int, hidden: int, scale: float) -> None:
        super().__init__()
        self.inner = nn.Linear(width, hidden)
        self.outer = nn.Linear(hidden, hidden)
        nn.init.normal_(self.inner.weight, std=width**-0.5)
        nn.init.zeros_(self.inner.bias)
        # After the GELU, a unit normal keeps about 0.65 of its root mean square.
        nn.init.normal_(self.outer.weight, std=scale / (0.65 * hidden**0.5))
        nn.init.zeros_(self.outer.bias)

    def forward(self, vectors: Tensor) -> Tensor:
        """(M, width) -> (M, hidden)."""
        return self.outer(functional.gelu(self.inner(vectors)))


class LinearProjector(nn.Linear):
    """One linear layer; its arguments are those of `TwoLayerProjector`."""

    def __init__(self, width: int, hidden: int, scale: float) -> None:
        super().__init__(width, hidden)
        nn.init.normal_(self.weight, std=scale / width**0.5)
        nn.init.zeros_(self.bias)


class MixtureProjector(nn.Module):
    """Mixture of linear experts, the adapter of XRec (Ma et al. 2024, arXiv 2406.02377; code: `MoEAdaptorLayer`).

    Every expert takes part in every vector, with the weight that a gate gives it. In training, each expert drops a
    fifth of the vector's components, and normal noise of a learnt size is added to the gate, so that no expert is left
    out. The gate starts from zeros: all experts count the same. Arguments are those of `TwoLayerProjector`.
    """

    def __init__(self, width: int, hidden: int, scale: float) -> None:
        super().__init__()
        self.experts = nn.ModuleList(LinearProjector(width, hidden, scale * EXPERTS**0.5) for _ in range(EXPERTS))
        self.gate = nn.Parameter(torch.zeros(width, EXPERTS))
        self.noise = nn.Parameter(torch.zeros(width, EXPERTS))

    def weights(self, vectors: Tensor) -> Tensor:
        """Weight of each expert (M, EXPERTS) for vectors (M, width), noisy in training; each row adds up to one."""
        logits = vectors @ self.gate
        if self.training:
            spread = functional.softplus(vectors @ self.noise) + LEAST_NOISE
            logits = logits + torch.randn_like(logits) * spread
        return logits.softmax(-1)

    def forward(self, vectors: Tensor) -> Tensor:
        """(M, width) -> (M, hidden)."""
        projected = [expert(functional.dropout(vectors, DROPOUT, self.training)) for expert in self.experts]
        return torch.einsum("me,emh->mh", self.weights(vectors), torch.stack(projected))


_KINDS = {"mlp": TwoLayerProjector, "linear": LinearProjector, "moe": MixtureProjector}


def build_projector(kind: str, width: int, hidden: int, scale: float) -> nn.Module:
    """A projector of a kind in `recx.settings.PROJECTORS`; the other arguments are those of `TwoLayerProjector`."""
    return _KINDS[kind](width, hidden, scale)


def count_parameters(kind: str, width: int, hidden: int) -> int:
    """Number of weights of one projector."""
    with torch.device("meta"):
        return sum(p.numel() for p in build_projector(kind, width, hidden, 1.0).parameters())
