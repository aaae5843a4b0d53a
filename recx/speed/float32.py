"""Which library multiplies float32 matrices on a CPU."""

import contextlib
import functools
import platform
from collections.abc import Iterator
from pathlib import Path

import torch

_SHAPES = ((64, 2048, 64), (512, 64, 2048), (2048, 512, 64), (40, 64, 64))


@contextlib.contextmanager
def fast_float32() -> Iterator[None]:
    """Within this context oneDNN multiplies float32 matrices where it is faster than MKL and as exact.

    On AMD processors MKL leaves AVX-512 unused; what that costs is measured in `benchmarks/speed.py`. PyTorch asks
    oneDNN instead only where inputs may be rounded to bfloat16. On processors with matrix units oneDNN does round them;
    AMD has none. So it is asked on AMD only, and only if products come out as exact as float32 gives them.
    """
    before = torch.backends.mkldnn.matmul.fp32_precision
    if before == "none" and _worthwhile():
        torch.backends.mkldnn.matmul.fp32_precision = "bf16"
    try:
        yield
    finally:
        torch.backends.mkldnn.matmul.fp32_precision = before


@functools.cache
def _worthwhile() -> bool:
    if not torch.backends.mkldnn.is_available() or torch.backends.cpu.get_cpu_capability() != "AVX512":
        return False
    return _made_by_amd() and _exact()


def _made_by_amd() -> bool:
    described = Path("/proc/cpuinfo")
    text = described.read_text(errors="replace") if described.exists() else platform.processor()
    return "AuthenticAMD" in text


def _exact() -> bool:
    """Whether products are exact to float32 though rounding to bfloat16 is allowed; that would be wrong by 1e-3."""
    draws = torch.Generator().manual_seed(0)
    before = torch.backends.mkldnn.matmul.fp32_precision
    torch.backends.mkldnn.matmul.fp32_precision = "bf16"
    try:
        for rows, inner, columns in _SHAPES:
            a, b = torch.randn(rows, inner, generator=draws), torch.randn(inner, columns, generator=draws)
            wanted = a.double() @ b.double()
            if ((a @ b).double() - wanted).norm() > 1e-5 * wanted.norm():
                return False
        return True
    finally:
        torch.backends.mkldnn.matmul.fp32_precision = before
