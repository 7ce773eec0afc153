"""A class that somebody else wrote, to be tried on what it has.

A student's RNN may lack a part of nn.RNN's surface. It says so with NotImplementedError, or by not
having the argument at all; both count as left out, and not as wrong.
"""

import importlib
import inspect
import os
import sys
from typing import Any


class Unsupported(NotImplementedError):
    """An argument that the class does not have."""


def load(name: str) -> Any:
    """Import MODULE:CLASS, from the current directory too.

    Raises
    ------
    ValueError
        If there is no such thing.
    """
    module, colon, attribute = name.partition(":")
    if not colon:
        raise ValueError(f"expected MODULE:CLASS, got {name!r}")
    here = os.getcwd()  # noqa: PTH109
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        implementation = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise ValueError(f"expected a class in {name!r}, got {error}") from error
    if not callable(implementation):
        raise ValueError(f"expected a class in {name!r}, got {implementation!r}")
    return implementation


class HandedIn:
    """Makes layers of the class, and says what it has not."""

    def __init__(self, implementation: Any) -> None:
        self.implementation = implementation

    def __repr__(self) -> str:
        return str(self.implementation.__name__)

    def __call__(self, *arguments: Any, **options: Any) -> "Layer":
        """Build a layer."""
        require(self.implementation, self.implementation.__name__, options)
        return Layer(self.implementation(*arguments, **options))


class Layer:
    """A layer of the class; nothing is added to it but those questions."""

    def __init__(self, layer: Any) -> None:
        self.layer = layer

    @property
    def parameters(self) -> Any:
        """The layer's own."""
        return self.layer.parameters

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        """Call the layer."""
        require(self.layer.__call__, "calling the layer", options)
        return self.layer(*arguments, **options)

    def forward(self, *arguments: Any, **options: Any) -> Any:
        """Run the layer."""
        require(self.layer.forward, "forward", options)
        return self.layer.forward(*arguments, **options)

    def backward(self, *arguments: Any, **options: Any) -> Any:
        """Run it backward."""
        return self.layer.backward(*arguments, **options)


def require(function: Any, name: str, options: dict[str, Any]) -> None:
    """Raise Unsupported for a keyword that the function does not have."""
    accepted = inspect.signature(function).parameters.values()
    if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in accepted):
        missing = options.keys() - {parameter.name for parameter in accepted}
        if missing:
            raise Unsupported(f"{name} takes no argument {sorted(missing)[0]}")


def settle_surface(implementation: Any) -> dict[str, str]:
    """Try each feature alone, draw no case any more with what isn't there, and say what that is.

    Raises
    ------
    NotImplementedError
        If not even the simplest layer is there.
    """
    from compare.check import layer_cases as cases
    from compare.check import layer_results as properties

    simplest = cases.LayerCase(T=2, B=2, V=2, H=2)
    try:
        properties.run(implementation, simplest)
    except NotImplementedError:
        raise
    except Exception:
        return {}  # broken, and the properties will say how
    left_out = {}
    for feature, value in cases.FEATURES:
        fields = vars(cases.LayerCase(T=2, B=2, V=2, H=2, L=2 if feature == "dropout" else 1))
        try:
            properties.run(implementation, cases.make_case(**(fields | {feature: value})))
        except NotImplementedError as error:
            cases.leave_out(feature, value)
            left_out[f"{feature}={value!r}"] = str(error) or type(error).__name__
        except Exception:
            continue
    return left_out
