"""Dropout whose random bits cost a CPU little.

PyTorch draws one number an element; here one draw of 64 bits serves eight (measured in `benchmarks/speed.py`).
"""

import torch
from torch import Tensor, nn

_LEVELS = 256


class ByteDropout(nn.Module):
    """Inverted dropout (Srivastava et al., JMLR 2014), its rate rounded to a multiple of 1/256.

    Args:
        rate: chance of an element to be zeroed, below 1.
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate
        self._threshold = min(round(rate * _LEVELS), _LEVELS - 1)

    def forward(self, x: Tensor) -> Tensor:
        """Zero elements at random and scale the others up while training; returns x itself otherwise."""
        if not self.training or not self._threshold:
            return x
        if x.device.type != "cpu":
            return nn.functional.dropout(x, self.rate)
        words = torch.randint(-(2**63), 2**63 - 1, (-(-x.numel() // 8),))
        kept = words.view(torch.uint8)[: x.numel()].view(x.shape) >= self._threshold
        return x * kept.to(x.dtype).mul_(_LEVELS / (_LEVELS - self._threshold))
