"""``rnn-parity convert SOURCE DEST``: the weights of a layer in the form of another library.

The layers of SOURCE and DEST run forward and backward with their weights. Nothing is written unless
they compute the same function. The new file is read back and compared.
"""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from compare.check import LayerCase
from compare.files import Output, RecordError, check_outputs, write_file
from compare.implementations import (
    LIBRARIES,
    Array,
    CallFailed,
    Cell,
    LibraryLayout,
    Results,
    choose_layer,
    clean,
    find_class,
    find_file_adapter,
    guess_cell,
    implementation,
    list_classes,
    read_arrays,
    read_layer,
    read_layers,
    read_target,
    sort_parameters,
    write_arrays,
)
from compare.pairs.cases import list_cases
from compare.pairs.comparison import (
    ComparedSide,
    PairResult,
    choose_dtype,
    compare_pair,
    find_mistake,
)
from compare.pairs.config import ConvertConfig, PairOptions
from compare.parity import ParityError, demand_agreement
from compare.terminal import Terminal, UsageError

TORCH = "torch"

ENOUGH = 4
"""Cases that show whether weights are in their places; JAX compiles each anew."""

DTYPES = ("float32", "float64")


@dataclass(frozen=True)
class StoredWeights:
    """The weights of a layer by PyTorch's names, and the target that computes with them."""

    target: str
    parameters: Results
    form: LibraryLayout | None = None  # in which a library has them; None for PyTorch's

    @property
    def arrays(self) -> Results:
        """The parameters in their form."""
        return self.parameters if self.form is None else self.form.from_torch(self.parameters)

    @property
    def cell(self) -> Cell:
        """The cell, by the shapes."""
        return guess_cell(self.parameters)

    @property
    def dtype(self) -> str:
        """The dtype of all parameters."""
        return str(next(iter(self.parameters.values())).dtype)


def convert(config: ConvertConfig, terminal: Terminal | None = None) -> None:
    """Write the weights of a layer into a new file, in the form of PyTorch or another library.

    Parameters
    ----------
    config : ConvertConfig
        Both files and the options of ``rnn-parity convert``.
    terminal : Terminal, optional
        Where to print. Default: nothing is printed.

    Raises
    ------
    ParityError
        If the layers of both libraries do not compute the same function of these weights.
    UsageError, RecordError, OSError
        If an option is not valid, the source cannot be read, or the new file exists.
    """
    terminal = terminal or Terminal(quiet=True)
    config.check()
    source, dest = config.paths[0], Path(config.paths[1])
    _check_dest(dest, config.to)
    weights = read_weights(source, config.from_)
    end = dest.suffix.lower()
    target = config.to if end in LIBRARIES else find_class(end, weights.cell)
    if not target:
        raise UsageError(f"expected a cell that {end} files hold, got {weights.cell.title}")
    translated, share = translate(weights, target, config.nonlinearity)
    write_file(dest, [_make_content(translated, end, config.nonlinearity)], replaces=False)
    same = f"{weights.target} and {target} compute the same function with these weights"
    terminal.line(f"{same}; the largest difference is {share:.0%} of the tolerance")
    terminal.line(f"Written: {dest}")


def convert_weights(
    source: str | Path | Mapping[str, Array], to: str = TORCH, *, from_: str = TORCH
) -> Results:
    """Return the weights of a recurrent layer in the form of another library.

    Parameters
    ----------
    source : path or mapping of str to ndarray
        A file that ``rnn-parity convert`` reads, FILE:LAYER if several layers are in it; or arrays
        by name.
    to : str, default "torch"
        The form of the result: "torch", or MODULE:CLASS such as "keras.layers:LSTM".
    from_ : str, default "torch"
        The form of the source; a file ``.keras``, ``.h5`` or ``.onnx`` has its own.

    Returns
    -------
    dict of str to ndarray
        The weights by the names, and in the layout and gate order, of `to`.

    Raises
    ------
    ParityError
        If the layers of both libraries do not compute the same function of these weights.
    ValueError
        If there is no such form, or the source has no such layer.
    """
    form_names: dict[str, object] = {"from_": from_, "to": to}
    for name, form_name in form_names.items():
        if not isinstance(form_name, str) or form_name not in (TORCH, *list_classes()):
            expected = f"{name} to be one of {', '.join((TORCH, *list_classes()))}"
            raise UsageError(f"expected {expected}, got {clean(repr(form_name))}")
    translated, _ = translate(read_weights(source, from_), to)
    return {name: np.array(array) for name, array in translated.arrays.items()}


def _check_dest(dest: Path, to: str) -> None:
    """Raise UsageError unless a new file can have this name, and weights in this form."""
    end = dest.suffix.lower()
    is_layer = find_file_adapter(dest.name) is not None
    if end not in LIBRARIES and not is_layer:
        ends = ", ".join([*LIBRARIES, ".keras", ".h5", ".onnx"])
        raise UsageError(f"expected DEST to end in one of {ends}, got {dest}")
    if to != TORCH and (is_layer or end in (".pt", ".pth")):
        raise UsageError(f"expected DEST to end in .npz or .safetensors with --to, got {dest}")
    check_outputs([Output("DEST", dest)])


# From SOURCE to what DEST holds ------------------------------------------------------------------


def read_weights(source: str | Path | Mapping[str, Array], from_: str = TORCH) -> StoredWeights:
    """Read the weights of a layer from a file or a mapping, in PyTorch's form or another one."""
    if isinstance(source, Mapping):
        arrays, where, name = dict(source), "these arrays", ""
    else:
        file = read_target(str(source))
        where, name = file.text, file.name
        if from_ == TORCH:
            target = where if file.adapter else TORCH
            if not (file.adapter or read_layers(file.path)):
                got = f"expected one recurrent layer with PyTorch's names in {where}, got none"
                raise UsageError(f"{got}; --from FILE:CLASS reads the names of your own class")
            return _check_dtype(StoredWeights(target, read_layer(file.path, name)), where)
        is_class = read_target(from_).kind == "file"
        if file.path.suffix not in (".npz", ".safetensors") and not is_class:
            raise UsageError(f"expected --from with .npz or .safetensors, got {source}")
        arrays = read_arrays(file.path)
        if is_class:
            with implementation(from_) as user_class:
                layer = choose_layer(user_class.read_own(arrays), where, name)
            return _check_dtype(StoredWeights(from_, layer), where)
    if from_ == TORCH:
        return _check_dtype(StoredWeights(TORCH, sort_parameters(arrays, where)), where)
    dtype = next((str(a.dtype) for a in arrays.values() if str(a.dtype) in DTYPES), DTYPES[0])
    layer = choose_layer(LibraryLayout(from_, dtype).find_layers(arrays), where, name)
    return _check_dtype(StoredWeights(from_, layer), where)


def _check_dtype(weights: StoredWeights, where: str) -> StoredWeights:
    """Return weights of one dtype that layers compute in; UsageError if they are of another."""
    dtypes = {str(array.dtype) for array in weights.parameters.values()}
    if len(dtypes) > 1 or weights.dtype not in DTYPES:
        got = ", ".join(sorted(dtypes))
        raise UsageError(f"expected weights of float32 or float64 in {where}, got {got}")
    return weights


def translate(
    weights: StoredWeights, target: str, nonlinearity: str = "tanh"
) -> tuple[StoredWeights, float]:
    """Return weights for another target, and the largest share of the tolerance.

    ParityError unless both targets compute the same function of them.
    """
    form = None if target == TORCH else LibraryLayout(target, weights.dtype)
    translated = StoredWeights(target, fit_biases(weights, form), form)
    return translated, demand_same_function(weights, translated, nonlinearity)


def fit_biases(weights: StoredWeights, form: LibraryLayout | None) -> Results:
    """Return parameters whose second bias is zero where a form has one bias.

    ParityError if it cannot be: the first bias takes the sum, but b_hn of a GRU, which is inside of
    the reset gate's product, has no other place.
    """
    cell, parameters = weights.cell, dict(weights.parameters)
    if form is not None and form.cell != cell:
        expected = f"expected weights of {form.cell.title} for {form.name}"
        raise UsageError(f"{expected}, got weights of {cell.title}")
    if form is None or "bias_hh_l0" in form.has:
        return parameters
    inside = [gate == "n" and not cell.adds_biases for gate in cell.gates or ("",)]
    for first in [name for name in parameters if name.startswith("bias_ih")]:
        second = first.replace("ih", "hh")
        stays = np.repeat(inside, len(parameters[first]) // cell.num_gates)
        moved = np.where(stays, 0, parameters[second]).astype(weights.dtype)
        if rest := float(np.abs(parameters[second] - moved).max(initial=0)):
            raise ParityError(
                f"expected b_hn of zero in {second} for {form.name}, which has no bias inside "
                f"the reset gate's product, got entries up to {rest:.3g}"
            )
        parameters[first] = parameters[first] + moved
        parameters[second] = np.zeros_like(moved)
    return parameters


def demand_same_function(a: StoredWeights, b: StoredWeights, nonlinearity: str = "tanh") -> float:
    """Return the largest share of the tolerance; ParityError if two layers differ."""
    if nonlinearity not in a.cell.nonlinearities:
        raise UsageError(f"expected no --nonlinearity for {a.cell.title}, got {nonlinearity}")
    fields: dict[str, Any] = {"dtype": a.dtype, "nonlinearity": nonlinearity}
    cases = list_cases(PairOptions(), a.cell, a.parameters, **fields)[:ENOUGH]
    with ExitStack() as stack:
        try:
            sides = (_open(stack, "A", a), _open(stack, "B", b))
            results = list(compare_pair(sides, cases))
            report = results[-1].report
            why = _explain(results[-1], cases) if results[-1].differs else ""
        except CallFailed as failure:
            raise UsageError(f"expected results of {a.target} and {b.target}: {failure}") from None
    demand_agreement(report, f"{a.target} and {b.target}", why)
    return max(row.share for result in results for row in result.report.rows)


def _open(stack: ExitStack, name: str, weights: StoredWeights) -> ComparedSide:
    """Return a layer with its own weights."""
    layer = stack.enter_context(implementation(weights.target, weights.cell.name))
    layer.weights = weights.parameters
    return ComparedSide(name, layer, choose_dtype(layer, weights.dtype))


def _explain(result: PairResult, cases: Sequence[LayerCase]) -> str:
    """Explain the side that computes another function than PyTorch's layer."""
    for side in result.sides:
        if not result.is_right(side):
            mistake = find_mistake(result, side, cases)
            return f"; {side.implementation.title} is another function. {mistake}".rstrip()
    return ""


# Files --------------------------------------------------------------------------------------------


def _make_content(weights: StoredWeights, end: str, nonlinearity: str) -> bytes:
    """Return the content of a file with this end, which has been read back."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / f"weights{end}"
        if end in LIBRARIES:
            write_arrays(file, weights.arrays)
            demand_same_bits(read_arrays(file), weights.arrays)
        else:
            assert weights.form is not None
            stated = "" if nonlinearity == "tanh" else nonlinearity  # the default of each library
            weights.form.write_file(file, weights.parameters, stated)
            demand_same_bits(read_layer(file), weights.parameters)
        return file.read_bytes()


def demand_same_bits(got: Results, expected: Results) -> None:
    """Raise RecordError unless all arrays have the same names, shapes, dtypes and bits."""
    if {*got} != {*expected}:
        raise RecordError(f"expected to read {', '.join(expected)}, got {', '.join(got)}")
    for name, array in expected.items():
        written = got[name]
        same = (written.dtype, written.shape) == (array.dtype, array.shape)
        if not same or written.tobytes() != array.tobytes():
            raise RecordError(f"expected to read the bits of {name} that were written, got others")
