"""The Triton kernels, without a GPU: in Triton's interpreter and compiled; docs/speed/kernels.md.

Both need processes of their own. Under --hypothesis-profile=deep there are 1,000 cases of each cell
and all mistakes.
"""

import importlib.util
import json
import re

import numpy as np
import pytest
import torch
from hypothesis import settings

import concise_rnn
from compare.check import CheckConfig, CheckError, check, rounding
from compare.implementations import CELLS, Source
from compare.kernels import compilation
from tests.in_process import terminal
from tests.scripts import ROOT, SCRIPTS, ended, load_script

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("triton") is None, reason="Triton is for Linux: pip install triton"
)

IN_SHORT = (
    *("tf32-by-default", "mask-missing", "waits-for-another-program"),
    *("exp-tanh", "gru-bias-outside-reset-gate", "lstm-cell-one-step-late"),
    *("chunk-state-dropped", "gate-of-the-same-step-back"),
)
IS_DEEP = settings.default.max_examples > 1000


@pytest.fixture(scope="module")
def script():
    return load_script("kernels")


@pytest.fixture(scope="module")
def proof():
    """Cases and mistakes, in the interpreter."""
    number, names = ("1000", ()) if IS_DEEP else ("1", IN_SHORT)
    command = (SCRIPTS / "kernels.py", "proof", number, *names)
    code, output, errors = ended(*command, TRITON_INTERPRET="1")
    assert code == 0, errors
    return json.loads(output)


def test_results_are_those_of_scratch_rnn_in_float64(proof):
    assert set(proof["cases"]) == {"rnn", "gru", "lstm", "mingru"}
    assert all(0 < found["share"] <= 1 for found in proof["cases"].values()), proof["cases"]


def test_shares_are_those_of_the_whole_tolerance(script):
    """Not of the smaller one that is measured first, of which a right result may have any share."""
    case = script.build_case("rnn", np.random.default_rng(1), B=2, H=3)
    comparisons = script.Interpreter.compared(None, torch.nn, case)
    allowed = rounding(case)[1]
    assert comparisons
    assert [c.tensor for c in comparisons if np.any(c.allowed != allowed[c.tensor])] == []


def test_mistakes_are_noticed(proof, script):
    found = proof["mistakes"]
    assert [name for name, how in found.items() if not how] == []
    assert found["mask-missing"].startswith("IndexError: expected entries of W_hh, got one")
    found_at = found["waits-for-another-program"]  # the load or the store, by the order of programs
    assert re.search("expected a program to (load|store) its own entries of h, got", found_at)
    assert set(found) <= {name for name, entry in script.MISTAKES.items() if "patch" in entry}


OURS = Source(module="scratch_rnn.kernels", name="RNN")
LIMIT = 600.0
"""Seconds for a call of the compiler."""
SIZES = ("T", "B", "H")


def launches(script, H, BB=1, **constants):
    """Return the launches of all kernels for H units; T and B are no multiples of 16."""
    from scratch_rnn.kernels.mingru import STEPS, UNITS
    from scratch_rnn.kernels.tiles import side_of

    found = []
    for cell, file in script.PAGES.items():
        chosen = {"BB": BB, "precision": "ieee", "BH": side_of(H, BB)} | constants
        if cell == "mingru":  # chunks of 32 steps, or of 16
            chosen = {"C": STEPS if BB == 1 else 16, "BH": UNITS}
        module = importlib.import_module(f"scratch_rnn.kernels.{file}")
        for way in ("forward", "backward"):
            kernel = getattr(module, f"{cell}_{way}")
            kinds = {name: "i32" if name in SIZES else "*fp32" for name in kernel.arg_names}
            kinds |= {name: "constexpr" for name in kernel.arg_names if name in chosen}
            aligned = [
                k
                for k, (name, kind) in enumerate(kinds.items())
                if kind == "*fp32" or (name == "H" and H % 16 == 0)
            ]
            code = kernel.fn.__code__
            launch = {"name": f"{cell}_{way}", "types": kinds, "aligned": aligned}
            launch |= {"file": code.co_filename, "line": code.co_firstlineno}
            launch |= {"values": chosen, "constants": chosen, "options": {"num_warps": 4}}
            found.append(launch)
    return found


def test_what_the_interpreter_cannot_see_is_seen_in_the_machine_code(script):
    """TF32, a spilled register, more shared memory than there is; a right kernel has none."""
    elman = launches(script, 64, BH=16)[0]  # a tile that is compiled quickly

    def with_constants(**constants):
        return elman | {name: elman[name] | constants for name in ("values", "constants")}

    tried = [elman, with_constants(precision="tf32"), with_constants(BH=256)]
    used = compilation.compile_launches(tried, "sm_90", OURS, LIMIT)
    right, tf32, large = (
        next(one for one in used if one["constants"] == launch["constants"]) for launch in tried
    )
    assert (right["tf32"], right["stack"], right["not_coherent"], right["barriers"]) == (0, 0, 0, 1)
    assert tf32["tf32"] > 0
    assert large["shared"] > 1024 * compilation.SHARED[90]
    assert large["stack"] > 0
    kinds = [verdict for _, verdict, _ in compilation.describe_kernels(used, "sm_90", tf32=False)]
    assert sorted(kinds) == ["right", "wrong", "wrong"]


@pytest.mark.skipif(not IS_DEEP, reason="compiles all kernels: make deep")
@pytest.mark.parametrize("architecture", ["sm_80", "sm_90"])
@pytest.mark.parametrize("BB", [1, 2, 4, 8, 16])
def test_no_kernel_spills_registers_whatever_its_size(script, architecture, BB):
    """The code depends on the side of a tile and on H % 16: one H stands for all with the same."""
    from scratch_rnn.kernels.tiles import side_of

    units = {(side_of(H, BB), H % 16 == 0): H for H in range(2, 1025)}
    for H in units.values():
        for one in compilation.compile_launches(launches(script, H, BB), architecture, OURS, LIMIT):
            assert one["stack"] == 0, (one["name"], H)
            assert one["shared"] <= 1024 * compilation.SHARED[int(architecture[3:])]


@pytest.mark.parametrize("name", ["barrier-missing", *(["*"] if IS_DEEP else [])])
def test_check_names_what_is_wrong_with_a_kernel(script, tmp_path, name):
    names = [n for n, entry in script.MISTAKES.items() if "notice" in entry]
    for one in names if name == "*" else [name]:
        script.write(tmp_path, [one])
        to, printed = terminal(400)
        file = tmp_path / f"{one.replace('-', '_')}.py"
        layer = CELLS[script.MISTAKES[one]["cell"]].layer
        with pytest.raises(CheckError) as caught:
            check(CheckConfig(target=f"{file}:{layer}", compile_for="sm_90"), to)
        found = printed.getvalue() + str(caught.value)
        assert script.MISTAKES[one]["notice"] in found, one
        assert one == "no-kernel" or " for sm_90 (" in found or "reference" in one


def test_the_tutorial_shows_what_is_printed(tmp_path):
    """Each block of output is printed, and each difference changes the file.

    In `make test`, the last block.
    """
    page = (ROOT / "docs" / "speed" / "kernels.md").read_text("utf-8")
    page = page.partition("### Ten minutes")[2].partition("\n### ")[0]
    outputs, changes = (
        re.findall(rf"```{kind}\n(.*?)```", page, re.S) for kind in ("text", "diff")
    )
    assert len(changes) == 3
    file = tmp_path / "mine.py"
    source = (ROOT / "docs" / "kernels" / "mine.py").read_text("utf-8")
    for k, (output, change) in enumerate(zip(outputs[1:], changes, strict=True)):  # after a command
        if k == 2 or IS_DEEP:
            file.write_text(source, encoding="utf-8")
            to, printed = terminal(400)
            with pytest.raises(CheckError):
                check(CheckConfig(target=f"{file}:RNN", interpret=True), to)
            assert [line for line in output.splitlines() if line not in printed.getvalue()] == []
        lines = change.splitlines(keepends=True)
        old, new = ("".join(x[1:] for x in lines if x[0] in kept) for kept in (" -", " +"))
        assert source.count(old) == 1
        source = source.replace(old, new)
    assert 'input_precision="ieee"' in source


@pytest.mark.parametrize("B", [1, 2, 132, 133, 265, 2113])
def test_each_sequence_is_in_one_program(B):
    tiles, started = importlib.import_module("scratch_rnn.kernels.tiles"), []

    class Kernel:
        def __class_getitem__(cls, grid):
            return lambda T, B, H, BB, *_, **options: started.append((*grid, BB))

    tiles.launch(Kernel, 5, B, 7, "ieee")
    [(programs, BB)] = started
    assert (programs - 1) * BB < B <= programs * BB


LAYERS = {"RNN": 1, "GRU": 1, "LSTM": 2, "MinGRU": 1}


def transposed(*shape):
    *first, rows, columns = shape
    return torch.zeros(*first, columns, rows).transpose(-1, -2)


@pytest.mark.parametrize(
    ("name", "module"),
    [("RNN", "elman"), ("GRU", "gru"), ("LSTM", "lstm"), ("MinGRU", "mingru")],
)
def test_a_kernel_gets_arrays_whose_rows_follow_each_other(name, module, monkeypatch):
    """Whatever the layout is of an input, of W_hh and of an upstream gradient."""
    module, passed = importlib.import_module(f"scratch_rnn.kernels.{module}"), []
    monkeypatch.setattr(module, "launch", lambda *arguments: passed.extend(arguments))
    layer, h = getattr(module, name)(3, 4), transposed(1, 5, 4)
    for weight in (layer.weight_ih_l0, getattr(layer, "weight_hh_l0", layer.weight_ih_l0)):
        weight.data = transposed(*weight.shape)
    output, last = layer(transposed(2, 5, 3), (h, h) if LAYERS[name] == 2 else h)
    results = [output, *(last if LAYERS[name] == 2 else [last])]
    torch.autograd.backward(results, [transposed(*result.shape) for result in results])
    arrays = [each for each in passed if isinstance(each, torch.Tensor)]
    assert len(arrays) > 5
    assert all(array.is_contiguous() for array in arrays)


def test_a_kernel_gets_float32_also_where_autocast_multiplies_in_bfloat16():
    from scratch_rnn.kernels import RNN

    layer, x = RNN(3, 4), torch.rand(2, 5, 3)
    with torch.autocast("cpu"):
        assert layer.multiply_input(x, layer.bias_ih_l0).dtype == torch.float32


@pytest.mark.parametrize("name", LAYERS)
def test_parameters_are_torchs_and_arguments_are_refused_with_what_was_expected(name):
    """Arguments are checked before a kernel runs, so no GPU is needed, and no interpreter."""
    layer = getattr(importlib.import_module("scratch_rnn.kernels"), name)
    library = concise_rnn if name == "MinGRU" else torch.nn
    own, twin = layer(3, 4), getattr(library, name)(3, 4)
    shapes = [{n: p.shape for n, p in each.named_parameters()} for each in (own, twin)]
    assert shapes[0] == shapes[1]
    assert all(parameter.abs().max() <= 0.5 for parameter in own.parameters())
    x, h = torch.zeros(2, 5, 3), torch.zeros(1, 5, 4)
    state, wrong = ((h, h), h) if LAYERS[name] == 2 else (h, (h, h))
    for arguments, message in (
        ((x[0],), r"expected x of shape \(T, B, 3\), got \(5, 3\)"),
        ((x[:0],), r"expected x of shape \(T, B, 3\), got \(0, 5, 3\)"),
        ((x, wrong), "expected the state to be "),
        ((x[:, :4], state), r"expected a state of shape \(1, 4, 4\), got \(1, 5, 4\)"),
        ((x.double(),), "expected dtype torch.float32, got torch.float64"),
    ):
        with pytest.raises((ValueError, TypeError), match=message):
            own(*arguments)
    if name == "MinGRU":  # it has no product with a state
        return
    with pytest.raises(ValueError, match=r"expected input_precision in .*, got 'fast'"):
        layer(3, 4, input_precision="fast")
