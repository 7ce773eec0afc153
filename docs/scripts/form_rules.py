"""How other projects compare recurrent results in float32: each with its numbers and its file.

A rule takes the name of a tensor ("y0" is an output, "a" the gradient of a), the tensor of the form
that is trusted, that of the other form, and the trusted one in float64. It returns whether it says
"equal". What a project does not compare is equal.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch

GATES = {"a", "b", "g", "z", "r", "i", "f", "o", "dt"}
STATES = {"h0", "c0", "S0", "window"}
"""Arguments that have a rule of their own in some projects."""


def compare_ratio(name: str, theirs: torch.Tensor, ours: torch.Tensor, in_ci: bool = False) -> bool:
    """Return whether the RMS of the error is below a share of the RMS of the trusted tensor."""
    largest = (theirs - ours).abs().max().item()
    ratio = (rms(theirs - ours) / (rms(theirs) + 1e-8)).item()
    allowed = 0.01 if name in GATES else 0.005
    soft = in_ci and (ratio < 0.01 or largest <= 0.3)
    return largest <= 1e-6 or (not ours.isnan().any().item() and (soft or ratio < allowed))


def compare_mamba(name: str, theirs: torch.Tensor, ours: torch.Tensor) -> bool:
    """Use the tolerances of the outputs, of gradients and of the time step's gradient."""
    factors = (1, 1) if is_output(name) else (5, 10) if name in GATES else (2, 2)
    return torch.allclose(ours, theirs, rtol=6e-4 * factors[0], atol=2e-3 * factors[1])


def compare_mlstm(name: str, theirs: torch.Tensor, ours: torch.Tensor) -> bool:
    """Use the tolerances of the forward pass, and of both passes."""
    rtol, atol = (5e-2, 2e-2) if is_output(name) else (0.5, 4.2)
    return torch.allclose(ours, theirs, rtol=rtol, atol=atol)


def compare_either(theirs: torch.Tensor, ours: torch.Tensor) -> bool:
    """Ask for an absolute or a relative error of at most 1e-2, and for finite results."""
    error = (ours - theirs).abs()
    large = (error > 1e-2) & (error / (theirs.abs() + 1e-8) > 1e-2)
    return not (large | ~ours.isfinite()).any().item()


def compare_errors(theirs: torch.Tensor, ours: torch.Tensor, truth: torch.Tensor) -> bool:
    """Allow twice the trusted form's largest error, and the rounding of the truth to float32."""
    floor = (truth.float().double() - truth).abs().max()
    allowed = 2 * (theirs.double() - truth).abs().max() + floor
    return ((ours.double() - truth).abs().max() <= allowed).item()


def compare_default(theirs: torch.Tensor, ours: torch.Tensor) -> bool:
    """Call torch.testing.assert_close."""
    try:
        torch.testing.assert_close(ours, theirs)
    except AssertionError:
        return False
    return True


class Rule(NamedTuple):
    """How a project compares float32 results."""

    name: str
    says: str
    address: str
    holds: Callable[[str, torch.Tensor, torch.Tensor, torch.Tensor], bool]


GITHUB = "https://github.com/"
RULES = (
    Rule(
        "fla",
        "RMS of the error below 0.5 % of the RMS; 1 % of that of the gradients of gates",
        GITHUB + "fla-org/flash-linear-attention/blob/0080966f94e98296476b53d381d9144350ec7691/"
        "tests/ops/test_gdn.py",
        lambda name, x, y, _: compare_ratio(name, x, y),
    ),
    Rule(
        "fla CI",
        "the same, but a warning if the ratio is below 1 % or the largest error at most 0.3",
        GITHUB + "fla-org/flash-linear-attention/blob/e683ef802ad4d1f4d069e955c4bf519350ea7a44/"
        "fla/utils/testing.py",
        lambda name, x, y, _: compare_ratio(name, x, y, in_ci=True),
    ),
    Rule(
        "Mamba",
        "rtol 6e-4, atol 2e-3; gradients 2 times, that of the time step 5 and 10 times as much",
        GITHUB + "state-spaces/mamba/blob/014340f47e47d91d7b850aba3ef8705f422b311f/"
        "tests/ops/test_selective_scan.py",
        lambda name, x, y, _: compare_mamba(name, x, y),
    ),
    Rule(
        "FlashRNN",
        "rtol 0.2, atol 0.1; not the gradient of the initial state",
        GITHUB + "NX-AI/flashrnn/blob/4dda86ec69f4bd4060415fb7106dad11c70c01ad/"
        "flashrnn/tests/test_lstm.py",
        lambda name, x, y, _: name in STATES or torch.allclose(y, x, rtol=0.2, atol=0.1),
    ),
    Rule(
        "mLSTM",
        "rtol 0.05, atol 0.02; gradients 0.5 and 4.2",
        GITHUB + "NX-AI/mlstm_kernels/blob/b90ca870be63b2b275bc8c8b0385ddbfc17f3c1e/"
        "tests/torch/chunkwise/test_chunkwise_triton_xl_chunk.py",
        lambda name, x, y, _: compare_mlstm(name, x, y),
    ),
    Rule(
        "HF",
        "rtol 1e-3, atol 1e-3; outputs alone",
        GITHUB + "huggingface/transformers/blob/01080c629600d4ff3121446bb4f4a2e240c2cf41/"
        "tests/models/mamba2/test_modeling_mamba2.py",
        lambda name, x, y, _: not is_output(name) or torch.allclose(y, x, rtol=1e-3, atol=1e-3),
    ),
    Rule(
        "KernelBench",
        "rtol 1e-4, atol 1e-4; outputs alone",
        GITHUB + "ScalingIntelligence/KernelBench/blob/0d1222636478e6c238dc9886b6ba4be975b22efe/"
        "src/kernelbench/eval.py",
        lambda name, x, y, _: not is_output(name) or torch.allclose(y, x, rtol=1e-4, atol=1e-4),
    ),
    Rule(
        "FlashInfer",
        "an absolute or a relative error of at most 1e-2; outputs alone",
        GITHUB + "flashinfer-ai/flashinfer-bench/blob/1039e39db83d070d0e4117a6f25043bd4fc2ffc4/"
        "flashinfer_bench/bench/config.py",
        lambda name, x, y, _: not is_output(name) or compare_either(x, y),
    ),
    Rule(
        "torchtitan",
        "at most twice the trusted form's largest error against float64, and its rounding",
        GITHUB + "pytorch/torchtitan/blob/c988cc9a892bbdc17701589a6c0c4fc2f2fcb880/"
        ".claude/skills/kernel-numerics-verifier/SKILL.md",
        lambda _, x, y, truth: compare_errors(x, y, truth),
    ),
    Rule(
        "NumPy",
        "`np.allclose`: rtol 1e-5, atol 1e-8",
        "https://numpy.org/doc/stable/reference/generated/numpy.allclose.html",
        lambda _, x, y, __: torch.allclose(y, x),
    ),
    Rule(
        "PyTorch",
        "`torch.testing.assert_close`: rtol 1.3e-6, atol 1e-5",
        "https://docs.pytorch.org/docs/stable/testing.html",
        lambda _, x, y, __: compare_default(x, y),
    ),
)


def is_output(name: str) -> bool:
    """Return whether a tensor is an output, and no gradient."""
    return name[0] == "y"


def rms(x: torch.Tensor) -> torch.Tensor:
    """Return the root of the mean square."""
    return x.square().mean().sqrt()
