"""The arguments of a constructor: those whose names say a size are passed by name.

So are the weights, where a class takes them: ``LSTM(Wx, Wh, b)``. Options of nn.RNN have its
defaults. Nothing else is guessed: where another argument has no default, no layer is built, and the
exception names the argument. The target may be an expression instead.
"""

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from types import CodeType, FunctionType, SimpleNamespace

import numpy as np

Arguments = list[tuple[str, bool]]  # the name of each, and whether it has a default

BEFORE, END = "(?:n|num|number|dim|size|d)?_?(?:of_)?", "_?(?:dim|size|sz|units|layer_size)"
SIZES = {
    "hidden_size": f"{BEFORE}(?:h|a|hid.*|units?|(?:h|state|rnn|lstm|gru){END})",
    "input_size": f"{BEFORE}(?:[xvdi]|in|inputs?|vocab|embed.*|(in_)?features?|"
    f"(?:x|in|input|vocab|word|feature){END})",
    "output_size": f"{BEFORE}(?:o|k|y|out|outputs?|class.*|(?:y|output|out){END})",
}
"""The names of a size."""

WEIGHTS = {"w_?(x|i|xh|ih)": ["input_size"], "w_?(h|hh)": ["hidden_size"], "b": []}
"""The names of weights and bias, and the rows of each: a product is ``x @ Wx``."""

DEFAULTS: dict[str, object] = {
    "(num|n)_?(rnn_?|lstm_?|gru_?)?layers?|layers": 1,
    "(p_?)?drop_?(out|p)?.*|.*_?dropout": 0.0,
    "bi|bidirectional": False,
    "(use_|with_)?bias": True,
    "batch_?first": False,
    "device|ctx": "cpu",
}
"""The names of nn.RNN's options, and its defaults."""

OPTIONAL: dict[str, object] = {
    "num_layers|n_layers": 1,
    "bias": True,
    "batch_first": False,
    "bidirectional": False,
    "dropout": 0.0,
    "nonlinearity": "tanh",
    "proj_size": 0,
}
"""Those that are also given where a class has another default: a feature tries that one."""

SIZE = re.compile(
    ".{1,2}|.*(dim|size|sz|units|width|features|channels|neurons|nodes|embd?|model|num).*|[nd]_.*|n(in|hid|out).*"
)
"""An argument of such a name may be a size, if it is not known which one."""

GATES = {"lstm": 4, "gru": 3}  # in the columns of a weight, if the class has this in its name


class CannotBeTried(Exception):
    """A layer cannot be built by what is known of it; the message says what is missing."""


def list_arguments(function: Callable[..., object]) -> Arguments:
    """Return the positional arguments of a function; none if it has no signature."""
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    parameters = _list_parameters(function)
    return [(p.name, p.default is not p.empty) for p in parameters if p.kind in kinds]


def passes_on(function: Callable[..., object]) -> bool:
    """Return whether a function takes any number of arguments, as to pass them to its base's."""
    return any(p.kind is inspect.Parameter.VAR_POSITIONAL for p in _list_parameters(function))


def _list_parameters(function: Callable[..., object]) -> list[inspect.Parameter]:
    try:
        return [*inspect.signature(function).parameters.values()]
    except (TypeError, ValueError):
        return []


def name_sizes(arguments: Arguments) -> dict[str, str]:
    """Return the size that each argument means whose name says one; an output has V entries.

    An argument with a default is one only where no other says that size, and it is no output.
    """
    sizes: dict[str, str] = {}
    for name, has_default in sorted(arguments, key=lambda argument: argument[1]):
        size = next((s for s, names in SIZES.items() if re.fullmatch(names, name.lower())), "")
        if size and not (has_default and size in ("output_size", *sizes.values())):
            sizes[name] = size
    is_layer = "hidden_size" not in sizes.values()  # of `in_size` and `out_size`
    output = {"output_size": "hidden_size" if is_layer else "input_size"}
    return {name: output.get(size, size) for name, size in sizes.items()}


def shape_weights(
    arguments: Arguments, target: Callable[..., object]
) -> dict[str, list[tuple[int, str]]]:
    """Return the shape of each argument without a default that is named as a weight or bias.

    An axis is a multiple of a size. The columns are ``gates * hidden_size``.
    """
    kind = getattr(target, "__name__", "").lower()
    gates = next((number for cell, number in GATES.items() if cell in kind), 1)
    return {
        name: [*((1, size) for size in rows), (gates, "hidden_size")]
        for name, has_default in arguments
        for names, rows in WEIGHTS.items()
        if not has_default and re.fullmatch(names, name.lower())
    }


def describe(target: Callable[..., object]) -> list[tuple[str, bool, str]]:
    """Return each argument of a constructor, whether it has a default, and its value as code."""
    arguments = list_arguments(target)
    values = name_sizes(arguments)
    for name, shape in shape_weights(arguments, target).items():
        axes = (size if times == 1 else f"{times} * {size}" for times, size in shape)
        values[name] = f'np.zeros([{", ".join(axes)}], "f")'
    return [(name, has_default, values.get(name, "")) for name, has_default in arguments]


def construct(
    target: Callable[..., object], input_size: int, hidden_size: int, **options: object
) -> object:
    """Build a layer, with sizes by name where arguments say both, or the hidden one alone.

    An option whose default is not nn.RNN's is given nn.RNN's, unless the class refuses that.
    """
    if changed := list_changed(target, options):
        with suppress(Exception):
            return _construct(target, input_size, hidden_size, **changed, **options)
    return _construct(target, input_size, hidden_size, **options)


def _construct(
    target: Callable[..., object], input_size: int, hidden_size: int, **options: object
) -> object:
    """Build a layer; one of a class that takes its weights has zeros.

    CannotBeTried if an argument may be no size.
    """
    values = {"input_size": input_size, "hidden_size": hidden_size}
    arguments = list_arguments(target)
    weights, sizes = shape_weights(arguments, target), name_sizes(arguments)
    if {*values} <= {size for shape in weights.values() for _, size in shape}:
        shapes = {n: [times * values[s] for times, s in shape] for n, shape in weights.items()}
        return target(**{n: np.zeros(shape, "f") for n, shape in shapes.items()}, **options)
    required = [name for name, has_default in arguments if not has_default]
    options = choose_defaults(required) | options
    required = [name for name in required if name not in options]
    unknown = [n for n in required if n not in sizes and SIZE.fullmatch(n.lower())]
    if {*sizes.values()} == {"hidden_size"} and len(unknown) == 1:
        sizes[unknown[0]] = "input_size"
    is_named = {*sizes.values()} >= {*values} or {*sizes.values()} == {"hidden_size"}
    if is_named:
        others = [name for name in required if name not in sizes]
    else:
        first = [name for name, _ in arguments if name not in options][:2]
        others = [name for name in first if not SIZE.fullmatch(name.lower())]
        others += [name for name in required if name not in first]
    if others:
        letters = {name: "V" if size == "input_size" else "H" for name, size in sizes.items()}
        given = ", ".join(
            f"{name}={letters.get(name, '…')}" for name in dict.fromkeys([*required, *others])
        )
        raise CannotBeTried(
            f"its constructor needs {others[0]}, which is no size that is known; an expression in "
            f'V and H builds it: "FILE:{getattr(target, "__name__", "NAME")}({given})"'
        )
    if is_named:
        return target(**{name: values[size] for name, size in sizes.items()}, **options)
    return target(input_size, hidden_size, **options)


def list_changed(target: Callable[..., object], options: Mapping[str, object]) -> dict[str, object]:
    """Return nn.RNN's defaults of those options for which a constructor has others."""
    try:
        parameters = inspect.signature(target).parameters
    except (TypeError, ValueError):
        return {}
    return {
        name: default
        for name, p in parameters.items()
        for names, default in OPTIONAL.items()
        if re.fullmatch(names, name) and name not in options
        if type(p.default) is type(default) and p.default != default
    }


def choose_defaults(names: Sequence[str]) -> dict[str, object]:
    """Return nn.RNN's defaults for those of these arguments that are options of it."""
    return {
        name: default
        for name in names
        for names_of_option, default in DEFAULTS.items()
        if re.fullmatch(names_of_option, name.lower())
    }


def evaluate(
    expression: str, names: Mapping[str, object], input_size: int, hidden_size: int
) -> object:
    """Build the layer of an expression in V and H, such as ``RNN(Config(n_in=V, n_out=H))``.

    `names` are those of its file. Where the file has no `Config`, it is an object with attributes.
    """
    known = {"Config": SimpleNamespace, **names, "V": input_size, "H": hidden_size}
    try:
        built: object = eval(expression, known)
    except Exception as error:
        raise CannotBeTried(f"{type(error).__name__}: {error}") from None
    return built


def set_sizes(target: Callable[..., object], input_size: int, hidden_size: int) -> None:
    """Give the variables of a file that a function or a class reads as sizes these values.

    So weights can be made that a script makes in the size of its data.
    """
    functions = [*vars(target).values()] if isinstance(target, type) else [target]
    for function in functions:
        if not isinstance(function, FunctionType):
            continue
        names, known = list_names(function.__code__), function.__globals__
        free = [name for name in names if type(known.get(name, 0)) is int]
        sizes = {"input_size": input_size, "hidden_size": hidden_size}
        named = name_sizes([(name, False) for name in free])
        known.update({name: sizes[size] for name, size in named.items()})
        known.update(choose_defaults([name for name in names if name not in known]))


def list_names(code: CodeType) -> list[str]:
    """Return the names that a code and the functions in it read."""
    inner = [each for each in code.co_consts if isinstance(each, CodeType)]
    return [*code.co_names, *(name for each in inner for name in list_names(each))]


def build_as_author(
    name: str, names: Mapping[str, object], input_size: int, hidden_size: int
) -> object:
    """Build what a name or an expression in V and H means among the names of a file.

    A class that needs one size alone has it for x and the state. CannotBeTried if an argument of a
    class is no size that is known.
    """
    if name.endswith(")"):
        return evaluate(name, names, input_size, hidden_size)
    first, *parts = name.split(".")
    target = names[first]
    for part in parts:
        target = getattr(target, part)
    assert callable(target)
    arguments = list_arguments(target)
    if not arguments and not passes_on(target):  # its sizes are its own
        return target()
    required = [name for name, has_default in arguments if not has_default]
    if len(required) == 1 and SIZE.fullmatch(required[0].lower()):  # of x and of the state
        return target(hidden_size)
    return _construct(target, input_size, hidden_size)
