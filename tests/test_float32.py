import itertools

import numpy as np
import pytest
import torch

from recx.speed import float32


@pytest.fixture(autouse=True)
def judged_anew():
    float32._worthwhile.cache_clear()
    yield
    float32._worthwhile.cache_clear()


def setting():
    return torch.backends.mkldnn.matmul.fp32_precision


@pytest.mark.parametrize("amd, avx512, exact", itertools.product([True, False], repeat=3))
def test_the_switch_is_set_where_all_speaks_for_it_and_comes_back(monkeypatch, amd, avx512, exact):
    monkeypatch.setattr(float32, "_made_by_amd", lambda: amd)
    monkeypatch.setattr(float32, "_exact", lambda: exact)
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: True)
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX512" if avx512 else "AVX2")
    with pytest.raises(KeyError), float32.fast_float32():
        assert setting() == ("bf16" if amd and avx512 and exact else "none")
        raise KeyError
    assert setting() == "none"


def test_products_stay_as_exact_as_float32(rng):
    a, b = rng.normal(size=(2, 300, 300)).astype(np.float32)
    expected = a.astype(np.float64) @ b.astype(np.float64)
    with float32.fast_float32():
        product = (torch.from_numpy(a) @ torch.from_numpy(b)).numpy()
    assert np.linalg.norm(product - expected) < 1e-5 * np.linalg.norm(expected)


@pytest.mark.parametrize("rounds, accepted", [(torch.float64, True), (torch.float32, True), (torch.bfloat16, False)])
def test_a_processor_that_rounds_is_refused(monkeypatch, rounds, accepted):
    """Its products are pretended ones, of factors rounded where the setting allows it, summed in double precision."""

    def product(a, b):
        allowed = setting() == "bf16" and a.dtype == torch.float32
        kind = rounds if allowed else a.dtype
        return torch.from_numpy(a.to(kind).double().numpy() @ b.to(kind).double().numpy()).to(a.dtype)

    monkeypatch.setattr(torch.Tensor, "__matmul__", product)
    assert float32._exact() is accepted and setting() == "none"


def test_what_somebody_chose_is_left_alone():
    torch.backends.mkldnn.matmul.fp32_precision = "ieee"
    try:
        with float32.fast_float32():
            assert setting() == "ieee"
        assert setting() == "ieee"
    finally:
        torch.backends.mkldnn.matmul.fp32_precision = "none"
