"""A method of a PyTorch module, called with other parameters than the module's own."""

from collections.abc import Mapping, Sequence

import torch


class Method(torch.nn.Module):
    """A module whose forward pass is a method of another one."""

    def __init__(self, module: torch.nn.Module, name: str) -> None:
        super().__init__()
        self.module, self.name = module, name

    def forward(self, *args: object, **named: object) -> object:
        """Call the method; `forward` with the module's hooks, which may compute its weights."""
        called = self.module if self.name == "forward" else getattr(self.module, self.name)
        return called(*args, **named)

    def call_with(
        self,
        parameters: Mapping[str, torch.Tensor],
        args: Sequence[object],
        named: Mapping[str, object],
    ) -> object:
        """Call it with these parameters, and with the module's buffers in their dtype."""
        own = {f"module.{name}": tensor for name, tensor in parameters.items()}
        like = next(iter(own.values()), None)
        if like is not None:
            for name, buffer in self.named_buffers():
                kind = like.dtype if buffer.is_floating_point() else buffer.dtype
                own[name] = buffer.to(like.device, kind)
        return torch.func.functional_call(self, own, tuple(args), dict(named))
