"""Damaged checkpoints and arbitrary texts: refused with one line, or harmless. Nothing else."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from compare.cli import main
from compare.runs.checkpoint import CheckpointError, load
from tests.compare.runs.checkpoints import (
    checkpoint,
    limited_memory,
    put_together,
    same,
    signed,
    taken_apart,
)
from tests.counts import number

BYTES = 2**30

pytestmark = pytest.mark.usefixtures("without_checks")


def tried(examples):
    """Let a test try so many examples, which share one directory."""
    return settings(
        max_examples=examples,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )


# Each function draws one damaged file. If no valid file can look like that, it may be signed: its
# digest is right, as in a malicious file. Changed metadata: see `tests.compare.tampering`.

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=10,
)


def cut(draw, content):
    return content[: draw(st.integers(0, len(content) - 1))]


def lengthened(draw, content):
    damaged = content + draw(st.binary(min_size=1, max_size=2000))
    return signed(damaged) if draw(st.booleans()) else damaged


def overwritten(draw, content):
    """Bytes exchanged for others, left out, or put in between."""
    start = draw(st.integers(0, len(content) - 1))
    stop = draw(st.integers(start, min(len(content), start + 200)))
    return content[:start] + draw(st.binary(max_size=200)) + content[stop:]


def edited_tensor(draw, content):
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


def other_tensors(draw, content):
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


def other_header(draw, content):
    """A header of anything that JSON can say, or that it can't; signed."""
    _, data = taken_apart(content)
    opening = b'{"__metadata__":{"rnn-parity":"{\\"sha256\\": \\"' + b"0" * 64 + b'\\"'
    if draw(st.booleans()):
        raw = opening + b'}"},' + json.dumps({"x": draw(anything)}).encode()[1:]
    else:
        raw = opening + draw(st.binary(max_size=300))
    return put_together(raw, data)


@pytest.mark.parametrize(
    "mutation",
    [cut, lengthened, overwritten, edited_tensor, other_tensors, other_header],
    ids=lambda mutation: str(mutation.__name__),
)
def test_a_damaged_checkpoint_is_refused_or_harmless(mutation, content, tmp_path, count):
    path = tmp_path / "damaged.safetensors"

    @tried(number(20, 1000))
    @given(st.composite(mutation)(content))
    def is_refused_or_harmless(damaged):
        path.write_bytes(damaged)
        count("mutated files: tried")
        try:
            with limited_memory(BYTES):
                loaded = load(path)
        except CheckpointError as error:
            message = str(error)
            assert message.startswith("expected ")
            assert ", got" in message
            assert str(path) in message
            assert message.isprintable()
            count("mutated files: refused")
        else:
            harmless = same(loaded, checkpoint())
            count("mutated files: harmless", harmless)
            count("mutated files: wrong", not harmless)
            assert harmless, "it loads to something else"
            assert damaged == content, "not every byte counts"

    is_refused_or_harmless()


def test_every_single_bit_of_the_file_counts(content, tmp_path, count):
    path = tmp_path / "damaged.safetensors"
    step = number(41, 1)  # coprime to 8, so that each of a byte's bits has its turn
    for place in range(0, 8 * len(content), step):
        damaged = bytearray(content)
        damaged[place // 8] ^= 1 << place % 8
        path.write_bytes(damaged)
        with pytest.raises(CheckpointError):
            load(path)
        count("mutated files: tried")
        count("mutated files: refused")


PIECES = (
    st.binary(max_size=200)
    | st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass"))
    | st.text(max_size=100).map(lambda text: text.encode("utf-16"))
    | st.text("ab \r\n\t\f\v\u2028\ufeff", max_size=200).map(str.encode)
)
TEXTS = st.tuples(
    st.sampled_from(
        [b"", b"The traveller, so it will be convenient to speak of him. ", b"ab\n" * 9]
    ),
    PIECES,
    st.sampled_from([1, 2, 30]),
).map(lambda parts: (parts[0] + parts[1]) * parts[2])


@tried(number(20, 1000))
@given(content=TEXTS, token=st.sampled_from(["char", "word"]))
def test_the_command_takes_any_bytes_as_a_text(content, token, tmp_path, count, capsys):
    path = tmp_path / "text"
    path.write_bytes(content)
    count("texts: tried")
    capsys.readouterr()
    flags = f"--text {path} --token {token} --batch-size 2 --num-steps 3 --hidden-size 2"
    code = main(["parity", *flags.split()])
    shown = capsys.readouterr()
    if code == 3:
        count("texts: refused")
        assert shown.err.startswith("rnn-parity: expected ")
        assert ", got " in shown.err
        assert shown.err[:-1].isprintable()
    else:
        count("texts: read")
        assert (code, shown.err) == (0, "")
        assert "parity: all " in shown.out
