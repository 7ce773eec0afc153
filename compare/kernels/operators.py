"""Watch PyTorch's operators while kernels are interpreted.

- PyTorch's own recurrent operators are refused, however they are reached: by a module, a function
  of torch, `torch.ops`, TorchScript or a thread. They are replaced where PyTorch dispatches them; a
  mode sees those first that do not consist of others, whatever the device.
- Fresh memory (`torch.empty`) holds NaN, or the largest integer: on a GPU it holds anything.
"""

import re
import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

RECURRENT = re.compile(r"^aten::\w*(rnn|gru|lstm)")

FRESH = ("empty", "empty_like", "empty_strided", "empty_permuted", "new_empty", "new_empty_strided")
"""The operators whose result has not been written to."""


def refuse(name: str) -> None:
    """Refuse an operator."""
    raise RuntimeError(f"expected your own kernels, got a call of PyTorch's operator {name}")


def fill_with_nonsense(tensor: torch.Tensor) -> None:
    """Write into fresh memory what a result must not depend on."""
    if tensor.is_floating_point() or tensor.is_complex():
        tensor.fill_(float("nan"))
    elif tensor.dtype != torch.bool:
        tensor.fill_(torch.iinfo(tensor.dtype).max)


class Mode(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Sees each operator that PyTorch computes."""

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # else the first operator imports PyTorch's compiler, for seconds

    def __torch_dispatch__(
        self, func: Any, types: object, args: Any = (), kwargs: dict[str, object] | None = None
    ) -> object:
        """Compute an operator."""
        if RECURRENT.search(func.name()):
            refuse(func.name().partition(".")[0])
        result = func(*args, **(kwargs or {}))
        if func.overloadpacket.__name__ in FRESH:
            fill_with_nonsense(result)
        return result


# Its replacements last as long as it does.
LIBRARY: Any = torch.library.Library("aten", "IMPL")  # type: ignore[no-untyped-call]

OF_OTHERS = ("CPU", "CUDA", "AutogradCPU", "AutogradCUDA")
"""The modes in which an operator that consists of others is replaced: gradients and inference."""


def install() -> None:
    """See all operators from now on."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch warns that an operator is replaced
        for schema in torch._C._jit_get_all_schemas():
            name = f"{schema.name}.{schema.overload_name}".rstrip(".")
            for key in list_keys(name) if RECURRENT.search(name) else ():
                LIBRARY.impl(name.removeprefix("aten::"), refuse_call(schema.name), key)
    mode: Any = Mode()  # type: ignore[no-untyped-call]
    mode.__enter__()


def list_keys(name: str) -> tuple[str, ...]:
    """Return where a recurrent operator is replaced. The mode is in one thread, this in all."""
    has_kernel = torch._C._dispatch_has_kernel_for_dispatch_key
    if has_kernel(name, "CompositeImplicitAutograd"):
        return OF_OTHERS
    return tuple(key for key in ("CPU", "CUDA") if has_kernel(name, key))


def refuse_call(name: str) -> Callable[..., None]:
    """Return a function that takes the place of an operator."""
    return lambda *_, **__: refuse(name)
