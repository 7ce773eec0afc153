"""Small checkpoints, and what tests need to take a checkpoint's file apart."""

import hashlib
import json
import re
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from compare.parity.weights import name_state
from compare.runs.checkpoint import Checkpoint, Model, Optimizer, Position, Sampler, TextName
from compare.runs.checkpoint.contents import OLDEST, VERSION
from scratch_rnn.layers.states import state_of

VERSIONS = " or ".join(map(str, range(OLDEST, VERSION + 1)))
"""The versions of the format that are read, as a message lists them."""

DIGITS = re.compile(rb'sha256\\": \\"([0-9a-f]*)')


def checkpoint(update=4, *, side="scratch", carry_state=True, dtype="float32", seed=0, **model):
    """Return a checkpoint of 3 tokens, 2 units, 3 batches of 2 rows an epoch."""
    rng = np.random.default_rng(seed)
    shape = Model(vocab_size=3, hidden_size=2, dtype=dtype, **model)
    sampler = Sampler(
        token="char", max_tokens=None, sampling="sequential",
        batch_size=2, num_steps=5, seed=7, batches=3,
    )  # fmt: skip
    has_state = carry_state and update % 3 > 0
    states = [rng.normal(size=size).astype(dtype) for size in shape.state_shapes(2)]
    return Checkpoint(
        side=side,
        model=shape,
        text=TextName(name='A "Book"', sha1="ab" * 20),
        vocabulary=("<unk>", "e", "é"),
        sampler=sampler,
        optimizer=Optimizer(lr=0.1, max_norm=float("inf"), carry_state=carry_state),
        position=Position.after(update, 3),
        state=state_of(states) if has_state else None,
        weights={
            name: rng.normal(size=shape).astype(dtype) for name, shape in shape.shapes.items()
        },
    )


def same(one, other):
    def everything(checkpoint):
        arrays = dict(checkpoint.weights)
        if checkpoint.state is not None:
            arrays |= name_state("state", checkpoint.state)
        bits = {name: (a.dtype, a.shape, a.tobytes()) for name, a in arrays.items()}
        return [checkpoint.side, checkpoint.setting, checkpoint.text, checkpoint.position, bits]

    return everything(one) == everything(other)


def taken_apart(content):
    """Return a file's header, its metadata read as JSON, and the bytes of its tensors."""
    size = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + size])
    header["__metadata__"] = json.loads(header["__metadata__"]["rnn-parity"])
    return header, content[8 + size :]


def put_together(header, data):
    """Make a file of a header and tensors, with a digest that is right."""
    if not isinstance(header, bytes):
        metadata = header["__metadata__"]
        text = metadata if isinstance(metadata, str) else json.dumps(metadata)
        text = text.replace("Infinity", "8e400")  # which JSON has, and Python reads as infinity
        whole = {**header, "__metadata__": {"rnn-parity": text}}
        header = json.dumps(whole, separators=(",", ":")).encode()
        header += b" " * (-len(header) % 8)
    return signed(len(header).to_bytes(8, "little") + header + data)


def signed(content):
    """Return the file with the digest that belongs to its other bytes."""
    match = DIGITS.search(content)
    if match is None:
        return content
    start, stop = match.span(1)
    digest = hashlib.sha256(content[:start] + b"0" * 64 + content[stop:]).hexdigest().encode()
    return content[:start] + digest + content[stop:]


def changed_metadata(content, place, value):
    """Change a value of the metadata, such as model.dtype, and sign the file; ... removes it."""
    header, data = taken_apart(content)
    *sections, name = f"__metadata__.{place}".split(".")
    parent = header
    for section in sections:
        parent = parent[section]
    parent[name] = value
    if value is ...:
        del parent[name]
    return put_together(header, data)


@contextmanager
def limited_memory(num_bytes):
    """Give the body no more memory than that, where /proc tells how much there is already."""
    statistics = Path("/proc/self/statm")
    if not statistics.exists():  # elsewhere the limit means something else, or nothing
        yield
        return
    import resource

    before = resource.getrlimit(resource.RLIMIT_AS)
    used = int(statistics.read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + num_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def files_in(directory):
    return sorted(path.name for path in directory.iterdir())


def header_bytes(content):
    return content[8 : 8 + int.from_bytes(content[:8], "little")]
