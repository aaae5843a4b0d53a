import pytest
import torch

from recx.speed import float32 as products


@pytest.fixture(autouse=True)
def judged_anew():
    products._worthwhile.cache_clear()
    yield
    products._worthwhile.cache_clear()


def setting():
    return torch.backends.mkldnn.matmul.fp32_precision


def test_products_stay_exact_and_the_setting_comes_back(monkeypatch):
    a, b = torch.randn(2, 300, 300)
    wanted = a.double() @ b.double()
    for amd in (True, False):
        products._worthwhile.cache_clear()
        monkeypatch.setattr(products, "_made_by_amd", lambda amd=amd: amd)
        with pytest.raises(KeyError), products.fast_float32():
            assert setting() == ("bf16" if products._worthwhile() else "none")
            assert ((a @ b).double() - wanted).norm() < 1e-5 * wanted.norm()
            raise KeyError
        assert setting() == "none"
    assert not products._worthwhile()


def test_a_processor_that_rounds_is_found_out(monkeypatch):
    exact = torch.Tensor.__matmul__

    def rounded(a, b):
        allowed = setting() == "bf16" and a.dtype == torch.float32
        return exact(a.bfloat16().float(), b.bfloat16().float()) if allowed else exact(a, b)

    assert products._exact() or setting() == "none"
    monkeypatch.setattr(torch.Tensor, "__matmul__", rounded)
    assert not products._exact() and setting() == "none"
    monkeypatch.setattr(products, "_made_by_amd", lambda: True)
    with products.fast_float32():
        assert setting() == "none"


def test_what_somebody_chose_is_left_alone():
    torch.backends.mkldnn.matmul.fp32_precision = "ieee"
    try:
        with products.fast_float32():
            assert setting() == "ieee"
        assert setting() == "ieee"
    finally:
        torch.backends.mkldnn.matmul.fp32_precision = "none"
