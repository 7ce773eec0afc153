"""Small checkpoints, and what tests need to take a checkpoint's file apart."""

import hashlib
import json
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np

from compare.runs.checkpoint import Checkpoint, Model, Optimizer, Position, Sampler, TextName

DIGEST = slice(8 + len('{"__metadata__":{"sha256":"'), 8 + len('{"__metadata__":{"sha256":"') + 64)


def checkpoint(
    update: int = 4,
    *,
    side: str = "scratch",
    carry_state: bool = True,
    dtype: str = "float32",
    seed: int = 0,
    **model: Any,
) -> Checkpoint:
    """Return a checkpoint of 3 tokens, 2 units, 3 batches of 2 rows an epoch."""
    rng = np.random.default_rng(seed)
    shape = Model(vocab_size=3, hidden_size=2, dtype=dtype, **model)
    sampler = Sampler(
        token="char", max_tokens=None, sampling="sequential",
        batch_size=2, num_steps=5, seed=7, batches=3,
    )  # fmt: skip
    has_state = carry_state and update % 3 > 0
    return Checkpoint(
        side=side,
        model=shape,
        text=TextName(name='A "Book"', sha1="ab" * 20),
        vocabulary=("<unk>", "e", "é"),
        sampler=sampler,
        optimizer=Optimizer(lr=0.1, max_norm=float("inf"), carry_state=carry_state),
        position=Position.after(update, 3),
        state=rng.normal(size=shape.state_shape(2)).astype(dtype) if has_state else None,
        weights={
            name: rng.normal(size=shape).astype(dtype) for name, shape in shape.shapes.items()
        },
    )


def same(one: Checkpoint, other: Checkpoint) -> bool:
    """Whether two checkpoints agree in every bit."""
    return everything(one) == everything(other)


def everything(checkpoint: Checkpoint) -> list[Any]:
    arrays = dict(checkpoint.weights)
    if checkpoint.state is not None:
        arrays["state"] = checkpoint.state
    return [
        checkpoint.side,
        checkpoint.setting,
        checkpoint.text,
        checkpoint.position,
        {
            name: None if a is None else (a.dtype, a.shape, a.tobytes())
            for name, a in arrays.items()
        },
    ]


def taken_apart(content: bytes) -> tuple[dict[str, Any], bytes]:
    """Return a file's header, as JSON reads it, and the bytes of its tensors."""
    size = int.from_bytes(content[:8], "little")
    header: dict[str, Any] = json.loads(content[8 : 8 + size])
    return header, content[8 + size :]


def put_together(header: dict[str, Any] | bytes, data: bytes) -> bytes:
    """Make a file of a header and tensors, with a digest that is right."""
    if not isinstance(header, bytes):
        header = json.dumps(header, separators=(",", ":")).encode()
        header += b" " * (-len(header) % 8)
    return signed(len(header).to_bytes(8, "little") + header + data)


def signed(content: bytes) -> bytes:
    """Return the file with the digest that belongs to its other bytes."""
    blank = content[: DIGEST.start] + b"0" * 64 + content[DIGEST.stop :]
    digest = hashlib.sha256(blank).hexdigest().encode()
    return content[: DIGEST.start] + digest + content[DIGEST.stop :]


def set_metadata(content: bytes, section: str, **values: Any) -> bytes:
    """Change values in one section of the metadata, and sign the file anew."""
    header, data = taken_apart(content)
    metadata = header["__metadata__"]
    metadata[section] = json.dumps({**json.loads(metadata[section]), **values})
    return put_together(header, data)


@contextmanager
def spent(*, seconds: float, num_bytes: int) -> Iterator[None]:
    """Fail if the body needs more time of the processor; give it no more memory than that."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    statistics = Path("/proc/self/statm")
    if statistics.exists():  # elsewhere the limit means something else, or nothing
        used = int(statistics.read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + num_bytes, before[1]))
    begun = process_time()
    try:
        yield
    finally:
        taken = process_time() - begun
        resource.setrlimit(resource.RLIMIT_AS, before)
        assert taken < seconds


def files_in(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())
