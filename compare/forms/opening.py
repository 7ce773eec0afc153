"""Open two targets as forms: functions, methods or classes, of PyTorch, JAX or NumPy."""

import inspect
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch

from compare.forms.array_forms import JaxForm, NumpyForm
from compare.forms.comparison import Forms
from compare.forms.form import Form, Run
from compare.forms.module_method import Method
from compare.forms.shapes import Call, Like, pair_arguments
from compare.forms.torch_form import TorchForm
from compare.forms.values import LONG, Case, Draws, Shapes, UsersCase
from compare.implementations import Results, Target, describe_error
from compare.terminal import UsageError

SLOW = 0.1  # seconds of processor time: rounding at random takes ten times as long
EXAMPLE = 3  # the smallest size of the first case; the others are 4, 5, …
NUM_TRIES = 12  # cases after the first, until a function has taken one


@dataclass
class Subject:
    """A function, or a class that is built for the sizes of a case, and its method that is called.

    `sizes` are the required arguments of the constructor. A module's parameters are arguments of
    the call.
    """

    title: str
    target: Callable[..., Any]
    method: str = ""
    sizes: tuple[str, ...] = ()
    built: dict[tuple[int, ...], Callable[..., object]] = field(
        default_factory=dict
    )  # by these sizes

    @property
    def is_class(self) -> bool:
        """Whether the target is built first."""
        return inspect.isclass(self.target)

    @property
    def call(self) -> Call:
        """What a call takes; the first argument of a class has (T, B, first size) unless stated."""
        if not self.is_class:
            return Call.of(self.target)
        call = Call.of(getattr(self.target, self.method), skipped=1)
        if self.sizes and call.names and call.names[0] not in call.axes:
            axes = {**call.axes, call.names[0]: ("T", "B", self.sizes[0])}
            return Call(call.names, call.required, axes)
        return call

    def list_libraries(self) -> list[str]:
        """Return the libraries whose arrays it may take, the likeliest first."""
        own = self.target.__module__.partition(".")[0]
        names = vars(sys.modules.get(self.target.__module__, object)).values()
        imported = {value.__name__.partition(".")[0] for value in names if inspect.ismodule(value)}
        return [name for name in ("torch", "jax") if name in imported | {own}] + ["numpy"]

    def build(self, sizes: Mapping[str, int]) -> Callable[..., object]:
        """Return the object for these sizes; UsageError if its constructor does not take them."""
        key = tuple(sizes[name] for name in self.sizes)
        if key not in self.built:
            try:
                built = self.target(**dict(zip(self.sizes, key, strict=True)))
            except Exception as error:  # of the user's code, whatever it is
                words = ", ".join(f"{n}={k}" for n, k in zip(self.sizes, key, strict=True))
                got = describe_error(error)
                raise UsageError(f"expected {self.title}({words}) to work, got {got}") from None
            is_module = isinstance(built, torch.nn.Module)
            self.built[key] = (
                Method(built.eval(), self.method) if is_module else getattr(built, self.method)
            )
        return self.built[key]

    def parameters(self, sizes: Mapping[str, int]) -> Shapes:
        """Return the shape of each parameter of a module."""
        built = self.build(sizes) if self.is_class else None
        if not isinstance(built, torch.nn.Module):
            return {}
        return {n.removeprefix("module."): tuple(p.shape) for n, p in built.named_parameters()}

    def bind(
        self, case: Case, names: Mapping[str, str], parameters: Mapping[str, str]
    ) -> Callable[..., object]:
        """Return a function of the case's arrays, which it calls `names` and `parameters`."""
        called = self.build(case.sizes) if self.is_class else self.target

        def function(**arrays: torch.Tensor) -> object:
            inputs = {names[n]: array for n, array in arrays.items() if n not in parameters}
            if not parameters:
                return called(**inputs)
            own = {parameters[n]: a for n, a in arrays.items() if n in parameters}
            assert isinstance(called, Method)
            return called.call_with(own, (), inputs)

        return function


def make_subject(target: Any, title: str, method: str = "") -> Subject:
    """Return the subject of a function or a class; UsageError if it is neither."""
    if not callable(target):
        raise UsageError(f"expected a function or a class in {title}, got {type(target).__name__}")
    if not inspect.isclass(target):
        return Subject(title, target)
    parameters = inspect.signature(target).parameters.values()
    required = tuple(p.name for p in parameters if p.default is p.empty)
    return Subject(title, target, method or find_method(target), required)


def find_method(target: type) -> str:
    """Return the name of the method that a call of the object runs."""
    return "forward" if hasattr(target, "forward") else "__call__"


def open_forms(
    subjects: tuple[Subject, Subject],
    like: Like,
    case: UsersCase | None = None,
    *,
    devices: tuple[str, str] = ("cpu", "cpu"),
    dtype: str = "float32",
) -> tuple[Forms, Draws]:
    """Return both forms, and how their cases are drawn; UsageError if they do not fit together."""
    calls = [subject.call for subject in subjects]
    arguments = [] if case else pair_arguments(calls, like)
    named = [axis for argument in arguments for axis in argument.axes if isinstance(axis, str)]
    built = [name for subject in subjects for name in subject.sizes]
    taken = [*inspect.signature(case).parameters][1:] if case else []
    draws = Draws(
        tuple(dict.fromkeys([*named, *built, *taken])),
        arguments,
        case,
        lambda sizes: {a: subjects[0].parameters(sizes)[a] for a in pair(subjects, sizes)},
        like.sizes,
        dtype,
    )
    a, b = (choose_form(subjects, k, draws, devices[k]) for k in (0, 1))
    return (a, b), replace(draws, longest=find_longest((a, b), draws))


def find_longest(forms: Forms, draws: Draws) -> int:
    """Return the largest number of time steps that is drawn: both forms are fast enough for it."""
    longest = LONG[0]
    for length in LONG[1:]:
        start = time.process_time()
        for form in forms:
            with suppress(Exception):  # of the user's code: it may not take this length
                case = draws.make_example(EXAMPLE)
                for name in draws.times:
                    case = draws.resize(case, name, length)
                form.run(case)
        if time.process_time() - start > SLOW:
            break
        longest = length
    return longest


def choose_form(subjects: tuple[Subject, Subject], k: int, draws: Draws, device: str) -> Form:
    """Return the form in the first library whose arrays the function takes.

    UsageError if it takes none, or if two equal calls differ.
    """
    subject = subjects[k]

    def bind(case: Case) -> Callable[..., object]:
        names = {a.name: a.names[k] for a in draws.arguments} or {n: n for n in case.arrays}
        parameters = {a: both[k] for a, both in pair(subjects, case.sizes).items()}
        return subject.bind(case, names, parameters)

    example, forms = draws.make_example(EXAMPLE), list[Form]()
    for library in subject.list_libraries():
        if library == "torch":
            forms.append(TorchForm(subject.title, bind, device))
        else:
            forms.append((JaxForm if library == "jax" else NumpyForm)(subject.title, bind))
    failures = []
    for case in (example, *draws.draw_cases(NUM_TRIES)):
        for form in forms:
            for dtype in ("float64", "float32"):
                try:
                    runs = [form.run(case, Run(dtype)) for _ in range(2)]
                except Exception as error:  # of the user's code, or because it takes other arrays
                    failures.append(error)
                    continue
                if not are_equal(*runs):
                    raise UsageError(
                        f"expected equal results of equal calls of {subject.title}: it is random"
                    )
                form.is_wide &= dtype == "float64"
                return form
    got = describe_error(failures[0])
    raise UsageError(f"expected results of {subject.title} in some case, got {got}")


def make_form(title: str, function: Callable[..., object], library: ModuleType) -> Form:
    """Return a function of a library's arrays as a form."""
    kinds = {"torch": TorchForm, "numpy": NumpyForm}
    form: Form = kinds.get(library.__name__, JaxForm)(title, lambda case: function)
    return form


def are_equal(a: Results, b: Results) -> bool:
    """Return whether two results have equal numbers."""
    return all(np.array_equal(a[name], b[name], equal_nan=True) for name in a)


def pair(subjects: tuple[Subject, Subject], sizes: Mapping[str, int]) -> dict[str, tuple[str, str]]:
    """Return the parameters of both, by name or else by position; UsageError if shapes differ."""
    a, b = (subject.parameters(sizes) for subject in subjects)
    pairs = (
        {n: (n, n) for n in a} if {*a} == {*b} else {n: (n, m) for n, m in zip(a, b, strict=False)}
    )
    if len(a) != len(b) or any(a[n] != b[m] for n, m in pairs.values()):
        raise UsageError(f"expected equal parameters of A and B, got {_list(a)} and {_list(b)}")
    return pairs


def _list(shapes: Shapes) -> str:
    return ", ".join(f"{name} {shape}" for name, shape in shapes.items()) or "none"


def load_subject(target: Target) -> tuple[Subject, ModuleType]:
    """Load the function, class or method that a target names, and its module.

    UsageError if it does not exist, or if its file cannot be run.
    """
    if not target.name:
        raise UsageError(f"expected FILE:FUNCTION or MODULE:FUNCTION, got {target.text}")
    try:
        module = _load_file(target.path) if target.kind == "file" else _load_module(target.place)
    except Exception as error:  # of the user's code, whatever it is
        got = describe_error(error)
        raise UsageError(f"expected {target.place} to run, got {got}") from None
    owner, _, method = target.name.partition(".")
    if not hasattr(module, owner) or (method and not hasattr(getattr(module, owner), method)):
        raise UsageError(f"expected a function or a class in {target.place}, got no {target.name}")
    return make_subject(getattr(module, owner), target.text, method), module


def _load_module(name: str) -> ModuleType:
    sys.path.insert(0, str(Path.cwd()))
    return import_module(name)


def _load_file(path: Path) -> ModuleType:
    """Run a file, once for both targets; what is beside it can be imported."""
    path = path.resolve()
    name = f"{__name__}.{path.stem}"
    loaded = sys.modules.get(name)
    if loaded is not None and loaded.__file__ == str(path):
        return loaded
    sys.path.insert(0, str(path.parent))
    spec = spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    sys.modules[name] = module_from_spec(spec)
    spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


def find_case(modules: tuple[ModuleType, ModuleType]) -> UsersCase | None:
    """Return the function ``case(rng, *, T, …)`` beside one of the functions."""
    return next((module.case for module in modules if hasattr(module, "case")), None)
