"""Checkpoints: one file from which a training resumes exactly.

A checkpoint is a safetensors file. Loading one runs no code. It has the parameters under the names
of a torch state_dict, so PyTorch loads it::

    tensors = safetensors.torch.load_file(path)
    model.load_state_dict(tensors, strict=False)  # without state.* and memory.*

Both models can resume from it, whichever wrote it. What else it has is described in `contents`;
`container` is the format of the file, and `store` keeps the newest two checkpoints of a run.

A SHA-256 covers tensors and metadata. A damaged file is refused with a `CheckpointError` that names
the file and the reason.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
