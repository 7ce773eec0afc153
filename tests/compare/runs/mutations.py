"""Damaged and malicious checkpoint files. Changed metadata: see `tests.compare.tampering`."""

import json
from typing import Any

from hypothesis import strategies as st

from tests.compare.runs.checkpoints import put_together, signed, taken_apart

# Each function draws one damaged file. If no valid file can look like that, it may be signed: its
# digest is right, as in a malicious file.


@st.composite
def flipped_bits(draw: st.DrawFn, content: bytes) -> bytes:
    damaged = bytearray(content)
    places = st.integers(0, 8 * len(content) - 1)
    for place in draw(st.lists(places, min_size=1, max_size=8, unique=True)):
        damaged[place // 8] ^= 1 << place % 8
    return bytes(damaged)


@st.composite
def cut(draw: st.DrawFn, content: bytes) -> bytes:
    return content[: draw(st.integers(0, len(content) - 1))]


@st.composite
def lengthened(draw: st.DrawFn, content: bytes) -> bytes:
    damaged = content + draw(st.binary(min_size=1, max_size=2000))
    return signed(damaged) if draw(st.booleans()) else damaged


@st.composite
def overwritten(draw: st.DrawFn, content: bytes) -> bytes:
    """Bytes exchanged for others, left out, or put in between."""
    start = draw(st.integers(0, len(content) - 1))
    stop = draw(st.integers(start, min(len(content), start + 200)))
    return content[:start] + draw(st.binary(max_size=200)) + content[stop:]


@st.composite
def repeated(draw: st.DrawFn, content: bytes) -> bytes:
    """A piece of the file, such as a page of it, in the place of another."""
    size = draw(st.integers(1, len(content) // 2))
    source = draw(st.integers(0, len(content) - size))
    target = draw(st.integers(0, len(content) - size))
    return content[:target] + content[source : source + size] + content[target + size :]


@st.composite
def edited_tensor(draw: st.DrawFn, content: bytes) -> bytes:
    """Another shape, dtype or place for a tensor, or something that is none of them."""
    header, data = taken_apart(content)
    name = draw(st.sampled_from([name for name in header if name != "__metadata__"]))
    sizes = st.integers(-1, 2**64) | st.sampled_from([0, 1, 2**31, 2**32, 2**63 - 1])
    values = {
        "dtype": st.sampled_from(["F16", "BF16", "F64", "I32", "U8", "BOOL", "C64", ""]) | anything,
        "shape": st.lists(sizes, max_size=5) | anything,
        "data_offsets": st.lists(sizes, min_size=2, max_size=2) | anything,
    }
    part = draw(st.sampled_from(list(values)))
    header[name][part] = draw(values[part])
    return put_together(header, data)


@st.composite
def other_tensors(draw: st.DrawFn, content: bytes) -> bytes:
    """A tensor less, one more, or one of another name."""
    header, data = taken_apart(content)
    name = draw(st.sampled_from([name for name in header if name != "__metadata__"]))
    tensor = header.pop(name)
    new = draw(st.text(max_size=20))
    if draw(st.booleans()):
        header[new] = tensor
    if draw(st.booleans()):
        header[f"{new}!"] = tensor
    return put_together(header, data)


@st.composite
def huge_model(draw: st.DrawFn, content: bytes) -> bytes:
    """A model of billions of parameters, and tensors that go with it; signed."""
    header, data = taken_apart(content)
    metadata = header["__metadata__"]
    model = metadata["model"]
    model[draw(st.sampled_from(["hidden_size", "vocab_size", "num_layers"]))] = draw(
        st.integers(4, 2**40) | st.sampled_from([2**31, 2**63, 10**30])
    )
    H, V = model["hidden_size"], model["vocab_size"]
    header["linear.weight"]["shape"] = [V, H]
    header["rnn.weight_hh_l0"]["shape"] = [H, H]
    return put_together(header, data)


@st.composite
def not_finite(draw: st.DrawFn, content: bytes) -> bytes:
    """NaN or infinity in a tensor; signed."""
    header, data = taken_apart(content)
    bad = draw(st.sampled_from(["0000c07f", "0000c0ff", "0000807f", "000080ff", "010080ff"]))
    start = 4 * draw(st.integers(0, len(data) // 4 - 1))
    return put_together(header, data[:start] + bytes.fromhex(bad) + data[start + 4 :])


@st.composite
def duplicate_key(draw: st.DrawFn, content: bytes) -> bytes:
    """A key twice, once with another value; signed."""
    header, data = taken_apart(content)
    text = json.dumps(header["__metadata__"])
    if draw(st.booleans()):
        header["__metadata__"] = text.replace('"format"', '"version": "1", "format"')
        return put_together(header, data)
    name = draw(st.sampled_from(list(header)))
    raw = json.dumps({**header, "__metadata__": {"rnn-parity": text}}, separators=(",", ":"))
    twice = json.dumps({name: draw(anything)}, separators=(",", ":"))
    return put_together((raw[:-1] + "," + twice[1:]).encode(), data)


@st.composite
def other_header(draw: st.DrawFn, content: bytes) -> bytes:
    """A header of anything that JSON can say, or that it can't; signed."""
    _, data = taken_apart(content)
    opening = b'{"__metadata__":{"rnn-parity":"{\\"sha256\\": \\"' + b"0" * 64 + b'\\"'
    if draw(st.booleans()):
        raw = opening + b'}"},' + json.dumps({"x": draw(anything)}).encode()[1:]
    else:
        raw = opening + draw(st.binary(max_size=300))
    return put_together(raw, data)


@st.composite
def wrong_length(draw: st.DrawFn, content: bytes) -> bytes:
    right = int.from_bytes(content[:8], "little")
    length = draw(st.integers(0, 2**64 - 1) | st.integers(0, 2 * len(content)))
    return (length + (length == right)).to_bytes(9, "little")[:8] + content[8:]


@st.composite
def anything_at_all(draw: st.DrawFn, content: bytes) -> bytes:
    return draw(st.binary(max_size=3000))


anything: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=10,
)


MUTATIONS = (
    flipped_bits,
    cut,
    lengthened,
    overwritten,
    repeated,
    edited_tensor,
    other_tensors,
    huge_model,
    not_finite,
    duplicate_key,
    other_header,
    wrong_length,
    anything_at_all,
)
