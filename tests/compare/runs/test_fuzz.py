"""Damaged checkpoints and arbitrary texts: refused with one line, or harmless. Nothing else."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from compare.cli import main
from compare.runs.checkpoint import CheckpointError, load, save
from scratch_rnn.text import DataError, load_text, load_time_machine
from tests.compare.runs.checkpoints import checkpoint, limited_memory, same
from tests.compare.runs.mutations import MUTATIONS
from tests.counts import Count, number

BYTES = 2**30

pytestmark = pytest.mark.usefixtures("without_checks")


def tried(examples: int) -> Any:
    """Let a test try so many examples, which share one directory."""
    return settings(
        max_examples=examples,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: str(mutation.__name__))
def test_a_damaged_checkpoint_is_refused_or_harmless(
    mutation: Any, tmp_path: Path, count: Count
) -> None:
    original = checkpoint()
    path = tmp_path / "damaged.safetensors"
    save(path, original)
    content = path.read_bytes()
    assert same(load(path), original)

    @tried(number(20, 1000))
    @given(mutation(content))
    def is_refused_or_harmless(damaged: bytes) -> None:
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
            harmless = same(loaded, original)
            count("mutated files: harmless", harmless)
            count("mutated files: wrong", not harmless)
            assert harmless, "it loads to something else"
            assert damaged == content, "not every byte counts"

    is_refused_or_harmless()


def test_every_single_bit_of_the_file_counts(tmp_path: Path, count: Count) -> None:
    path = tmp_path / "damaged.safetensors"
    save(path, checkpoint())
    content = path.read_bytes()
    step = number(41, 1)  # coprime to 8, so that each of a byte's bits has its turn
    for place in range(0, 8 * len(content), step):
        damaged = bytearray(content)
        damaged[place // 8] ^= 1 << place % 8
        path.write_bytes(damaged)
        with pytest.raises(CheckpointError):
            load(path)
        count("mutated files: tried")
        count("mutated files: refused")


# ---------------------------------------------------------------- texts

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


@tried(number(150, 10_000))
@given(content=TEXTS, token=st.sampled_from(["char", "word"]))
def test_any_bytes_are_a_text_or_refused(
    content: bytes, token: Any, tmp_path: Path, count: Count
) -> None:
    path = tmp_path / "text"
    path.write_bytes(content)
    count("texts: tried")
    try:
        batches, vocab = load_time_machine(2, 3, token=token, text=load_text(path))
    except DataError as error:
        message = str(error)
        assert message.startswith("expected ")
        assert ", got " in message
        assert message.isprintable()
        count("texts: refused")
        return
    assert batches.text is not None
    assert batches.text.describe().isprintable()
    batch = next(iter(batches))
    assert 0 <= batch.inputs.min() <= batch.inputs.max() < len(vocab)
    assert 0 <= batch.targets.min() <= batch.targets.max() < len(vocab)
    count("texts: read")


@tried(number(10, 300))
@given(content=TEXTS)
def test_the_command_takes_any_bytes_as_a_text(
    content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "text"
    path.write_bytes(content)
    capsys.readouterr()
    flags = f"--text {path} --batch-size 2 --num-steps 3 --hidden-size 2"
    code = main(["parity", *flags.split()])
    shown = capsys.readouterr()
    assert code in (0, 3)
    if code == 3:
        assert shown.err.startswith("rnn-parity: expected ")
        assert shown.err.count("\n") == 1
    else:
        assert shown.err == ""
        assert "parity: all " in shown.out
