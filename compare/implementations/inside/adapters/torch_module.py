"""A PyTorch module, called like nn.RNN, nn.GRU or nn.LSTM; autograd gives its gradients."""

import copy
import inspect
import pickle
import re
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

import numpy as np
import torch
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

Array = np.ndarray[tuple[int, ...], np.dtype[np.floating | np.integer]]
State = Array | tuple[Array, ...] | None
Pull = Callable[[Array | None, State], tuple[object, ...]]
T = TypeVar("T")
GRADIENTS = True

Arrays = dict[str, Array]
OF_A_LAYER = re.compile(r"(.+\.)?((weight|bias)_(ih|hh|hr)_l\d+(_reverse)?)")
OF_CELLS = re.compile(r"(.*?)(\d*)\.?((?:weight|bias)_(?:ih|hh))")
BEFORE_STATES = re.compile("len|mask")  # in the name of an argument
LENGTHS = re.compile("(.+_)?(lengths|lens)")  # one that takes the number of steps of each sequence
NORM = re.compile("(?i)norm([123]d)?$")  # in the name of a class
HOW = "autocast", "x without a gradient", "random numbers", "evaluation mode"
USE = dict.fromkeys(HOW, False)  # how modules are called


def build(
    module_class: Callable[..., torch.nn.Module],
    input_size: int,
    hidden_size: int,
    *,
    step: bool = False,
    cast: str = "",
    **options: object,
) -> torch.nn.Module:
    """Build the module, perhaps cast to a dtype; one of a single step is called once for each."""
    if "dtype" in options:
        options["dtype"] = getattr(torch, str(options["dtype"]))
    module = module_class(input_size, hidden_size, **options)
    module = module.to(getattr(torch, cast)) if cast else module
    module = Steps(module) if step else module
    if USE["evaluation mode"]:
        leave_training(module)
    return module


class Steps(torch.nn.Module):
    """A cell of one step, called once for each step: (x, states) -> (output, states)."""

    def __init__(self, cell: torch.nn.Module) -> None:
        super().__init__()
        self.cell = cell

    def forward(self, x: torch.Tensor, *states: torch.Tensor) -> tuple[torch.Tensor, object]:
        """Return the first state after each step, and the last states."""
        outputs = []
        for x_t in x:
            result = call(self.cell, x_t, states)
            items = result if isinstance(result, tuple | list) else (result,)
            states_after = items[1] if len(items) == 2 and isinstance(items[1], tuple) else items
            if [h.shape for h in states_after[: len(states)]] != [h.shape for h in states]:
                raise TypeError("expected the states of one step, got other shapes")
            states = tuple(states_after[: len(states)])
            outputs.append(states[0])
        return torch.stack(outputs), states if len(states) > 1 else states[0]


def name_parameters(module: torch.nn.Module) -> dict[str, torch.nn.Parameter]:
    """Return the parameters by name.

    In a module around one layer, parameters have the layer's names. Cells whose names differ in a
    number have the names of as many layers, in their order, and one cell the names of one.
    """
    parameters = dict(module.named_parameters())
    matches = [match for name in parameters if (match := OF_A_LAYER.fullmatch(name))]
    if len(matches) == len(parameters) and len({match[1] for match in matches}) == 1:
        return {match[2]: parameters[match[0]] for match in matches}
    cells = [match for name in parameters if (match := OF_CELLS.fullmatch(name))]
    if len(cells) == len(parameters) and len({match[1] for match in cells}) == 1:
        numbers = [*dict.fromkeys(match[2] for match in cells)]
        return {f"{m[3]}_l{numbers.index(m[2])}": parameters[m[0]] for m in cells}
    return parameters


def list_norms(module: torch.nn.Module) -> list[str]:
    """Return the parameters of the parts that normalise, such as nn.LayerNorm."""
    norms = [part for part in module.modules() if NORM.search(type(part).__name__)]
    theirs = {id(parameter) for part in norms for parameter in part.parameters()}
    return [name for name, p in name_parameters(module).items() if id(p) in theirs]


def read(module: torch.nn.Module) -> Arrays:
    """Return the parameters, which share the memory of the module's where NumPy has their dtype."""
    tensors = {name: tensor.detach().cpu() for name, tensor in name_parameters(module).items()}
    coarse = (torch.float16, torch.bfloat16)
    return {n: (t.float() if t.dtype in coarse else t).numpy() for n, t in tensors.items()}


def write(module: torch.nn.Module, arrays: Arrays, how: str = "loaded") -> None:
    """Set the parameters; a module may have buffers, too."""
    parameters = name_parameters(module)
    tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
    if how == "loaded":
        names_of_tensors = {id(tensor): name for name, tensor in module.named_parameters()}
        named = {
            names_of_tensors[id(parameters[n])]: t for n, t in tensors.items() if n in parameters
        }
        module.load_state_dict(named, strict=False)
    changed = [] if how == "loaded" else [name for name in parameters if name in tensors]
    for name in changed:
        parameter = parameters[name]
        if how == "replaced":
            parameter.data = tensors[name].to(parameter, copy=True)
        elif how == "new":
            new = torch.nn.Parameter(tensors[name].to(parameter, copy=True))
            _replace_parameter(module, parameter, new)
        elif how == "copied":
            with torch.no_grad():
                parameter.copy_(tensors[name])  # counts as a version of it, `data.copy_` does not
        else:
            parameter.data.copy_(tensors[name])


def _replace_parameter(
    module: torch.nn.Module, old: torch.nn.Parameter, new: torch.nn.Parameter
) -> None:
    """Set another parameter wherever a module has this one; ValueError if it has it nowhere."""
    places = [
        (part, name)
        for part in module.modules()
        for name, candidate in part._parameters.items()
        if candidate is old
    ]
    if not places:
        raise ValueError("expected a parameter of a submodule, got one of another object")
    for part, name in places:
        setattr(part, name, new)


def to_torch(module_class: object, arrays: Arrays) -> Arrays:
    """Return the parameters as they are."""
    return arrays


def from_torch(module_class: object, parameters: Arrays) -> Arrays:
    """Return the parameters as they are."""
    return parameters


def run(
    module: torch.nn.Module,
    x: Array,
    state: State = None,
    lengths: Array | None = None,
    batch_first: bool = False,
) -> tuple[object, Pull | None]:
    """Return what the module returns, and the function that computes the gradients.

    Sequences with `lengths` are packed, unless the module takes lengths: then its output beyond
    them is ignored. `batch_first` says which axis of x is the batch's.
    """
    inputs, initial = to_tensor(module, x), tuple(to_tensor(module, s) for s in _make_tuple(state))
    if USE["x without a gradient"]:
        inputs.requires_grad_(False)
    sequences: torch.Tensor | PackedSequence = inputs
    name, is_needed = find_lengths(module)
    more, time = {}, int(batch_first)
    if lengths is not None and not name:
        ends = torch.from_numpy(lengths)
        sequences = pack_padded_sequence(inputs, ends, batch_first, enforce_sorted=False)
    elif name and (is_needed or lengths is not None):
        whole = torch.full(x.shape[1 - time : 2 - time], x.shape[time])
        more[name] = whole if lengths is None else torch.from_numpy(lengths)
    casts = torch.autocast(inputs.device.type, torch.bfloat16, USE["autocast"])
    with torch.backends.cudnn.flags(enabled=True), casts:
        result = call_without_dropout(module, sequences, initial, more)
    if isinstance(result, torch.Tensor):
        result = result, None
    if not isinstance(result, tuple | list) or len(result) not in (2, 3):
        return result, None
    output, last = result[0], result[1] if len(result) == 2 else tuple(result[1:])
    if isinstance(output, list):
        output = torch.stack(output)  # one for each step
    if lengths is not None and name:
        is_valid = torch.arange(output.shape[time]) < more[name][:, None]  # (B, T)
        is_valid = (is_valid if batch_first else is_valid.T)[..., None].to(output.device)
        output = torch.where(is_valid, output, torch.zeros_like(output))
    elif lengths is not None:
        output, _ = pad_packed_sequence(output, batch_first)

    def pull(d_output: Array | None, d_state: State) -> tuple[object, ...]:
        results = (output, *_make_tuple(last))
        upstream = (d_output, *_make_tuple(d_state))
        results_and_upstream = [
            (result, d) for result, d in zip(results, upstream, strict=False) if d is not None
        ]
        pairs = [(result, d) for result, d in results_and_upstream if result.requires_grad]
        if not pairs:
            raise ValueError("expected output with a gradient, got it detached")
        every = name_parameters(module)
        parameters = {n: p for n, p in every.items() if p.requires_grad}
        sources = [inputs.requires_grad_(), *initial, *parameters.values()]
        ends = [result.view_as(result) for result, _ in pairs]
        for end, (_, d) in zip(ends, pairs, strict=True):
            d_end = to_tensor(module, d).detach().to(end.dtype)
            end.register_hook(lambda _, d_end=d_end: d_end)
        options = dict.fromkeys(("retain_graph", "allow_unused", "materialize_grads"), True)
        # With d_end as arguments PyTorch would import sympy, which takes a second.
        d_x, *gradients = torch.autograd.grad([end.sum() for end in ends], sources, None, **options)
        d_states, d_parameters = tuple(gradients[: len(initial)]), gradients[len(initial) :]
        d_initial = d_states if len(d_states) > 1 else next(iter(d_states), None)
        return d_x, d_initial, dict(zip(parameters, d_parameters, strict=True))

    return (output, last), pull


def find_lengths(module: torch.nn.Module) -> tuple[str, bool]:
    """Return the name of a module's argument for lengths, or none, and whether it is needed."""
    for name, parameter in list_parameters(module).items():
        if LENGTHS.fullmatch(name):
            return name, parameter.default is parameter.empty
    return "", False


def takes_lengths(module: torch.nn.Module) -> bool:
    """Return whether a module has an argument for lengths."""
    return bool(find_lengths(module)[0])


def list_parameters(module: torch.nn.Module) -> dict[str, inspect.Parameter]:
    """Return the arguments of a module's forward pass."""
    with suppress(ValueError):  # a copy of a ScriptModule has no signature
        return dict(inspect.signature(module.forward).parameters)
    return {}


def call_without_dropout(
    module: torch.nn.Module,
    sequences: torch.Tensor | PackedSequence,
    initial: tuple[torch.Tensor, ...],
    more: dict[str, torch.Tensor],
) -> object:
    """Call a module; in evaluation mode, from now on, if it draws random numbers in training mode.

    Dropout draws them, and any other noise: the results are then not a function of the arguments.
    """
    before = read_generators() if module.training and not USE["random numbers"] else None
    result = call(module, sequences, initial, more)
    if before is None or before == read_generators():
        return result
    USE["evaluation mode"] = True
    leave_training(module)
    return call(module, sequences, initial, more)


def read_generators() -> list[bytes]:
    """Return the states of PyTorch's generators of random numbers, which change with each draw."""
    generators = torch.default_generator, *torch.cuda.default_generators  # of GPUs in use
    return [generator.get_state().numpy().tobytes() for generator in generators]


def leave_training(module: torch.nn.Module) -> None:
    """Set evaluation mode; cuDNN has gradients in training mode alone, which its layers keep."""
    for part in module.modules():
        part.training = isinstance(part, torch.nn.RNNBase) and not part.dropout


def call(
    module: torch.nn.Module,
    sequences: torch.Tensor | PackedSequence,
    initial: tuple[torch.Tensor, ...],
    more: dict[str, torch.Tensor] | None = None,
) -> object:
    """Call a module with its states: one by one where the second of them begins with c.

    Where lengths or a mask stand before them, they are passed by name, as `more` is.
    """
    parameters = list_parameters(module)
    names = [name for name in parameters if not BEFORE_STATES.search(name)]
    if not initial and more:
        return module(sequences, **dict.fromkeys(names[1:2]), **more)
    if not initial:
        return module(sequences, None) if len(parameters) > 1 else module(sequences)
    is_open = any(p.kind is p.VAR_POSITIONAL for p in parameters.values())
    one_by_one = is_open or len(initial) < 2 or (len(names) > 2 and names[2].startswith("c"))
    states = initial if one_by_one else (initial,)
    if len(names) == len(parameters):
        return module(sequences, *states)
    if len(names) == 1:
        raise TypeError("forward() has no argument for a state")
    return module(sequences, **dict(zip(names[1:], states, strict=False)), **(more or {}))


def evaluate(
    module: torch.nn.Module,
    x: Array,
    state: State = None,
    lengths: Array | None = None,
    batch_first: bool = False,
) -> object:
    """Return output and last state in evaluation mode, without gradients; the mode stays."""
    trains = module.training
    if trains:  # a module that evaluates already stays as it is: its code may run in both methods
        module.eval()
    with torch.no_grad():
        result, _ = run(module, x, state, lengths, batch_first)
    if trains:
        module.train()
    return result


def use(module: torch.nn.Module, how: str, is_used: bool) -> None:
    """Let all calls use the module so, from now on."""
    USE[how] = is_used


def is_used(module: torch.nn.Module, how: str) -> bool:
    """Return whether calls use the module so."""
    return USE[how]


def set_mode(module: torch.nn.Module, evaluates: bool) -> None:
    """Set the mode of evaluation or of training."""
    module.train(not evaluates)


def freeze(module: torch.nn.Module, has_gradients: bool) -> None:
    """Let the parameters have gradients, or none."""
    module.requires_grad_(has_gradients)


def duplicate(module: torch.nn.Module, how: str, fresh: torch.nn.Module) -> torch.nn.Module | None:
    """Return a module with the same values: a deep copy, from a pickle, or a `fresh` one.

    The fresh one loads a state_dict. None where the module has a way of its own to do that.
    """
    if how == "deepcopy":
        return copy.deepcopy(module)
    if how == "pickle":
        copied: torch.nn.Module = pickle.loads(pickle.dumps(module))
        return copied
    module_class = type(module)
    for name in ("state_dict", "load_state_dict"):
        if getattr(module_class, name) is not getattr(torch.nn.Module, name):
            return None
    fresh.load_state_dict(module.state_dict(), strict=False)
    return fresh


def to_tensor(module: torch.nn.Module, value: Array) -> torch.Tensor:
    """Return an array as a leaf tensor of the module's dtype and device."""
    parameter = next(module.parameters())
    kind = parameter.dtype if value.dtype.kind == "f" else torch.int64
    if any(step < 0 for step in value.strides):  # tensors have no such strides
        value = np.ascontiguousarray(value)
    if not value.flags.writeable:  # nor this flag
        value = value.view()
        value.flags.writeable = True
    tensor = torch.from_numpy(value).to(parameter.device, kind)
    return tensor.requires_grad_() if kind != torch.int64 else tensor


def _make_tuple(value: T | tuple[T, ...] | None) -> tuple[T, ...]:
    if value is None:
        return ()
    return value if isinstance(value, tuple) else (value,)
