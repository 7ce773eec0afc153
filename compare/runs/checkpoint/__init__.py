"""Checkpoints: one file from which a training resumes exactly.

A checkpoint is a safetensors file. Loading one runs no code. Its tensors are the parameters under
the names of a torch state_dict, and nothing else, so PyTorch loads it as it is::

    model.load_state_dict(safetensors.torch.load_file(path))

Both models can resume from it, whichever wrote it. The rest of the state of a training is JSON in
the file's metadata: see `contents`. `container` is the format of the file; `store` keeps the newest
two checkpoints of a run.

A SHA-256 covers every byte of the file. A damaged file is refused with a `CheckpointError` that
names the file and the reason, and a malicious one before anything large is allocated.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
