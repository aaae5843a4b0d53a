"""A simulated GPU: tensors stay in main memory but count as being on the CPU or on `cuda:0`, and must not be mixed."""

import torch
from torch._C import DisableTorchFunction
from torch.overrides import TorchFunctionMode, resolve_name
from torch.utils._pytree import tree_leaves

# What may hold tensors of both: an index of a tensor on the GPU, a copy, and a module's move.
ALLOWED = ("__getitem__", "__setitem__", ".copy_", ".data.__set__", "_has_compatible_shallow_copy_type")
CPU, GPU = torch.device("cpu"), torch.device("cuda", 0)


class FakeGpu(TorchFunctionMode):
    """Within this context, `.to("cuda:0")`, `.cpu()` and `device="cuda:0"` work as on a machine with a GPU."""

    def __init__(self):
        super().__init__()
        self.held = {}  # what lies on the GPU, kept alive so that no address is used twice

    def holds(self, tensor):
        return self._key(tensor) in self.held

    def _key(self, tensor):
        with DisableTorchFunction():
            return id(tensor) if tensor.is_sparse else tensor.untyped_storage().data_ptr()

    def _put(self, result):
        for tensor in tree_leaves(result):
            if isinstance(tensor, torch.Tensor):
                self.held[self._key(tensor)] = tensor
        return result

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = dict(kwargs or {})
        tensors = [t for t in tree_leaves((args, kwargs)) if isinstance(t, torch.Tensor)]
        places = {GPU if self.holds(t) else CPU for t in tensors if t.dim()}
        name = resolve_name(func) or func.__name__
        if name.endswith(".device.__get__"):
            return GPU if self.holds(args[0]) else CPU
        if name.endswith((".numpy", ".__array__")) and GPU in places:
            raise TypeError("can't convert a cuda:0 tensor to numpy")
        wanted = next((d for d in tree_leaves((args, kwargs)) if isinstance(d, torch.device)), None)
        wanted = CPU if name.endswith(".cpu") else wanted
        if name.endswith(".to") and len(args) > 1 and isinstance(args[1], torch.Tensor):
            wanted, tensors = GPU if self.holds(args[1]) else CPU, tensors[:1]
            places = {GPU if self.holds(args[0]) else CPU}
        with DisableTorchFunction():
            if wanted and tensors:  # a move
                moved = args[0] if places <= {wanted} else args[0].clone()
                dtype = next((d for d in tree_leaves((args, kwargs)) if isinstance(d, torch.dtype)), None)
                moved = moved.to(dtype) if dtype else moved
                return self._put(moved) if wanted == GPU else moved
            if "device" in kwargs:  # a new tensor
                made = func(*args, **kwargs | {"device": CPU})
                return self._put(made) if wanted == GPU else made
        if len(places) > 1 and not name.endswith(ALLOWED):
            raise RuntimeError(f"Expected all tensors to be on the same device ({name})")
        result = func(*args, **kwargs)
        return self._put(result) if GPU in places else result
