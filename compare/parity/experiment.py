"""A text, its batches, and two models with equal weights."""

import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
import psutil
import torch
from threadpoolctl import threadpool_limits

import concise_rnn
import scratch_rnn
from compare.implementations import CELLS
from compare.parity.build import build_models
from compare.parity.config import SharedOptions
from compare.terminal import DATA, DEVICE, CommandError, Terminal, UsageError, plural
from scratch_rnn.text import Batches, DataError, Text, Vocab, load_text, load_time_machine

PREFIXES = ("time traveller", "traveller")


class DeviceError(CommandError, RuntimeError):
    """The requested device is missing; the message is one line."""

    exit_code = DEVICE


class TextError(CommandError, ValueError):
    """The text cannot be used; the message is one line."""

    exit_code = DATA


@dataclass(frozen=True, slots=True)
class Experiment:
    """A text, its batches, and both models. The models start with equal weights."""

    config: SharedOptions
    text: Text
    vocab: Vocab
    batches: Batches
    scratch: scratch_rnn.RNNModel
    concise: concise_rnn.RNNModel


@contextmanager
def prepare(config: SharedOptions, terminal: Terminal) -> Iterator[Experiment]:
    """Check the configuration, load the text, build both models, and print which text it is.

    Inside the ``with`` block, each model uses ``config.threads`` threads. A UsageError, DeviceError
    or TextError says that the configuration, the device or the text cannot be used.
    """
    config.check()
    check_device(config.device)
    try:
        text = load_text(config.text, gap=config.gap, seed=config.seed)
        terminal.line(f"Text: {replace(text, note='').describe()}")
        for line in textwrap.wrap(text.note, 80):
            terminal.line(line)
        batches, vocab = load_time_machine(
            config.batch_size,
            config.num_steps,
            sampling=config.sampling,
            max_tokens=config.max_tokens,
            seed=config.seed,
            text=text,
        )
    except DataError as error:
        raise TextError(str(error)) from None
    _check_memory(config, len(vocab))
    scratch, concise = make_models(config, len(vocab))
    read = len(batches.corpus)
    part = f"the first {read:,}" if read == config.max_tokens else f"all {read:,}"
    terminal.line(f"Lower-cased, only a to z and spaces; {part} characters (--max-tokens)")
    terminal.line(
        f"{plural(len(batches), 'batch', 'batches')} per epoch of "
        f"{config.batch_size} x {config.num_steps} characters, state {config.state}"
    )
    terminal.line(f"Vocabulary {len(vocab):,}, hidden size {config.hidden_size:,}, {config.dtype}")
    terminal.line()
    with limited_threads(config.threads):
        yield Experiment(config, text, vocab, batches, scratch, concise)


def _check_memory(config: SharedOptions, vocab_size: int) -> None:
    """Refuse a model whose weights and gradients, of both packages, do not fit in memory."""
    V, H, L = vocab_size, config.hidden_size, config.num_layers
    weights = CELLS[config.cell].num_gates * H * (V + H + (L - 1) * 2 * H) + V * H
    needed = 4 * weights * np.dtype(config.dtype).itemsize
    free = psutil.virtual_memory().available
    if needed > free:
        raise UsageError(
            f"expected sizes that fit in {free / 2**30:,.1f} GiB, the memory that is free, "
            f"got a model that takes {needed / 2**30:,.1f} GiB at least"
        )


def make_models(
    config: SharedOptions, vocab_size: int
) -> tuple[scratch_rnn.RNNModel, concise_rnn.RNNModel]:
    """Build both models from the configuration."""
    return build_models(
        vocab_size,
        config.hidden_size,
        dtype=config.dtype,
        seed=config.seed,
        device=config.device,
        num_layers=config.num_layers,
        nonlinearity=config.nonlinearity,
        cell=config.cell,
        forget_bias=config.forget_bias,
    )


def choose_prefixes(vocab: Vocab) -> tuple[str, ...]:
    """Return the lecture's prefixes if the vocabulary has their letters, or else one letter."""
    known = [p for p in PREFIXES if all(letter in vocab for letter in p)]
    return tuple(known) or (next(letter for letter in vocab.idx_to_token[1:] if letter.strip()),)


def check_device(device: str) -> None:
    """Raise `DeviceError` if a device is requested and missing, such as cuda or mps.

    UsageError if PyTorch knows no such device. On CUDA, TF32 is switched off: cuDNN's recurrent
    layers use it (10 bits of mantissa) by default.
    """
    try:
        kind = torch.device(device).type.upper()
    except RuntimeError:
        raise UsageError(f"expected a PyTorch device for --device, got {device!r}") from None
    try:
        torch.empty(0, device=device)
    except Exception:  # each backend raises another one
        raise DeviceError(
            f"expected a {kind} device for --device {device}, got none that PyTorch "
            f"{torch.__version__} can use"
        ) from None
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_tf32 = False


@contextmanager
def limited_threads(threads: int) -> Iterator[None]:
    """Limit each model to this number of threads inside the ``with`` block.

    The command's default is 1. With one thread the last bits of the results can be repeated. It is
    also faster: PyTorch's idle threads keep their cores busy for a while, and NumPy's threads need
    these cores. On two busy cores, training in lock-step was thirty times slower.
    """
    before = scratch_rnn.get_num_threads(), torch.get_num_threads()
    with threadpool_limits(limits=1, user_api="blas"):  # restores the previous limits
        scratch_rnn.set_num_threads(threads)
        torch.set_num_threads(threads)
        try:
            yield
        finally:
            scratch_rnn.set_num_threads(before[0])
            torch.set_num_threads(before[1])
