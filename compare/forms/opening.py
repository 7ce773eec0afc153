"""Open two targets as forms: functions, or classes, of PyTorch, NumPy or JAX."""

import inspect
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

from compare.forms.form import Form, NumpyForm, TorchForm
from compare.forms.shapes import Call, pair_arguments
from compare.forms.values import Case, Draws
from compare.implementations import read_target
from compare.terminal import UsageError

Shapes = dict[str, tuple[int, ...]]


@dataclass
class Subject:
    """A function, or a class that is built for the sizes of a case and then called.

    `sizes` are the arguments of its constructor. A module's parameters are arguments of the call.
    """

    title: str
    target: Callable[..., Any]
    sizes: tuple[str, ...] = ()
    built: dict[tuple[int, ...], Any] = field(default_factory=dict)  # by these sizes

    @property
    def is_class(self) -> bool:
        """Whether the target is built first."""
        return inspect.isclass(self.target)

    @property
    def call(self) -> Call:
        """What a call takes. The first argument of a class has (T, B, first size) unless stated."""
        if not self.is_class:
            return Call.of(self.target)
        method = getattr(self.target, "forward", None) or self.target.__call__
        call = Call.of(method, skipped=1)
        if self.sizes and call.names and call.names[0] not in call.axes:
            axes = {**call.axes, call.names[0]: ("T", "B", self.sizes[0])}
            return Call(call.names, call.required, axes)
        return call

    @property
    def library(self) -> str:
        """The library whose arrays it takes: of the two, PyTorch if its file has imported it."""
        module = sys.modules.get(self.target.__module__)
        return "torch" if self._is_torch(module) else "numpy"

    def _is_torch(self, module: ModuleType | None) -> bool:
        if self.target.__module__.partition(".")[0] == "torch":
            return True
        return any(
            inspect.ismodule(value) and value.__name__.partition(".")[0] == "torch"
            for value in vars(module or object).values()
        )

    def build(self, sizes: Mapping[str, int]) -> Any:
        """Return the object for these sizes; UsageError if its constructor does not take them."""
        key = tuple(sizes[name] for name in self.sizes)
        if key not in self.built:
            given = dict(zip(self.sizes, key, strict=True))
            try:
                self.built[key] = self.target(**given)
            except Exception as error:
                words = ", ".join(f"{name}={size}" for name, size in given.items())
                raise UsageError(f"expected {self.title}({words}) to work, got {error}") from None
        return self.built[key]

    def parameters(self, sizes: Mapping[str, int]) -> Shapes:
        """Return the shape of each parameter of a module."""
        built = self.build(sizes) if self.is_class else None
        if not isinstance(built, torch.nn.Module):
            return {}
        return {name: tuple(value.shape) for name, value in built.named_parameters()}

    def bind(self, names: Mapping[str, str], case: Case, own: Mapping[str, str]) -> Callable[..., Any]:
        """Return a function of the case's arrays, which are called `names` here.

        `own` are this module's names of the parameters.
        """
        called = self.build(case.sizes) if self.is_class else self.target

        def function(**arrays: Any) -> object:
            inputs = {names[n]: array for n, array in arrays.items() if n not in own}
            if not own:
                return called(**inputs)
            parameters = {own[n]: array for n, array in arrays.items() if n in own}
            called.to(next(iter(parameters.values())).dtype)
            return torch.func.functional_call(called, parameters, (), inputs)

        return function


def read_subject(target: object, title: str) -> Subject:
    """Return the subject of a function or a class; UsageError if it is neither."""
    if not callable(target):
        raise UsageError(f"expected a function or a class in {title}, got {type(target).__name__}")
    if not inspect.isclass(target):
        return Subject(title, target)
    parameters = inspect.signature(target).parameters.values()
    return Subject(title, target, tuple(p.name for p in parameters if p.default is p.empty))


def open_forms(
    subjects: tuple[Subject, Subject],
    like: str | None = None,
    case: Callable[..., Any] | None = None,
    *,
    devices: tuple[str, str] = ("cpu", "cpu"),
    coarse: str = "float32",
) -> tuple[tuple[Form, Form], Draws]:
    """Return both forms, and how their cases are drawn; UsageError if they do not fit together."""
    calls = [subject.call for subject in subjects]
    arguments = [] if case else pair_arguments(calls, like)
    stated = {axis: None for argument in arguments for axis in argument.axes if isinstance(axis, str)}
    built = [name for subject in subjects for name in subject.sizes]
    taken = [*inspect.signature(case).parameters][1:] if case else []
    sizes = tuple(dict.fromkeys([*sorted(stated), *built, *taken]))

    def pair_parameters(sizes: Mapping[str, int]) -> dict[str, tuple[str, str]]:
        a, b = (subject.parameters(sizes) for subject in subjects)
        pairs = [(n, n) for n in a] if {*a} == {*b} else [*zip(a, b, strict=False)]
        if len(a) != len(b) or any(a[n] != b[m] for n, m in pairs):
            raise UsageError(
                f"expected equal parameters of A and B, got {describe(a)} and {describe(b)}"
            )
        return {n: (n, m) for n, m in pairs}

    def make_form(k: int) -> Form:
        subject = subjects[k]

        def bind(current: Case) -> Callable[..., Any]:
            own = {n: pair[k] for n, pair in pair_parameters(current.sizes).items()}
            names = {a.name: a.names[k] for a in arguments} or dict.fromkeys(current.arrays)
            named = {n: names[n] or n for n in names}
            return subject.bind(named, current, own)

        if subject.library == "torch":
            return TorchForm(subject.title, bind, devices[k])
        return NumpyForm(subject.title, bind)

    def parameters(sizes: Mapping[str, int]) -> Shapes:
        pair_parameters(sizes)
        return subjects[0].parameters(sizes)

    draws = Draws(sizes, arguments, case=case, parameters=parameters, coarse=coarse)
    return (make_form(0), make_form(1)), draws


def describe(shapes: Shapes) -> str:
    """Return names and shapes in words."""
    return ", ".join(f"{name} {shape}" for name, shape in shapes.items()) or "none"


def load_object(text: str) -> tuple[Any, ModuleType]:
    """Load what a target names, and its module; UsageError if there is no such thing."""
    target = read_target(text)
    if not target.name:
        raise UsageError(f"expected FILE:FUNCTION or MODULE:FUNCTION, got {text}")
    sys.path.insert(0, str(Path.cwd()))
    if target.kind == "file":
        path = target.path.resolve()
        sys.path.insert(0, str(path.parent))
        if path.stem in sys.modules and getattr(sys.modules[path.stem], "__file__", "") == str(path):
            module = sys.modules[path.stem]
        else:
            spec = spec_from_file_location(path.stem, path)
            assert spec is not None and spec.loader is not None
            module = module_from_spec(spec)
            sys.modules[path.stem] = module
            spec.loader.exec_module(module)
    else:
        module = import_module(target.place)
    if not hasattr(module, target.name):
        raise UsageError(f"expected a function {target.name} in {target.place}, got none")
    return getattr(module, target.name), module
