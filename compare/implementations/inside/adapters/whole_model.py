"""Find the recurrent layer of a whole model: an embedding, a recurrent layer and a linear layer.

The model is built, with small sizes that are all different, and its parts are looked at: modules
of PyTorch, or in NumPy the objects that are its attributes. One part is named after a recurrent
layer. In another part, or in the model itself, an array has V rows: a vector for each character of
the vocabulary, or a logit.
"""

import inspect
import re
from collections.abc import Callable, Iterator

RECURRENT = re.compile("rnn|gru|lstm|recurrent|elman", re.IGNORECASE)
SIZES = (7, 11, 13, 17)  # of the vocabulary, and of what else the constructor takes

Shapes = list[tuple[int, ...]]


def find_layer(target: Callable[..., object]) -> tuple[Callable[..., object], str]:
    """Return the target to check, and in words which part of a model it is.

    For a model, this is the class of its layer. For anything else it is the target itself, without
    words. For a model that is one loop over its own weights, the words say what to do.
    """
    try:
        model = target(*SIZES[: _count_arguments(target)])
    except Exception:  # the check itself calls it again, and reports that
        return target, ""
    title, parts = target.__name__, list_parts(model)
    layers = _choose_recurrent(parts)
    own = list_own_shapes(model)
    others = [*own, *(s for n, part in parts.items() if n not in layers for s in list_shapes(part))]
    has_output_layer = SIZES[0] in {shape[0] for shape in others if shape}
    if len({*map(type, layers.values())}) == 1 and has_output_layer:
        name, layer = next(iter(layers.items()))
        words = (
            f"{title} is a model; only its layer {name} is checked, of the class {_title(layer)}"
        )
        return type(layer), words
    is_alone = not layers and any(_has_logits(shape) for shape in others)
    words = (
        f"{title} is a model without a recurrent layer: move its loop into a class, and check that"
    )
    return target, words * is_alone


def _count_arguments(target: Callable[..., object]) -> int:
    """Return how many arguments without a default a constructor has, and at least two."""
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    found = inspect.signature(target).parameters.values()
    return max(2, sum(p.kind in kinds and p.default is p.empty for p in found))


def list_parts(model: object) -> dict[str, object]:
    """Return the parts of a model that can be called, by the names of their attributes."""
    if hasattr(model, "named_children"):  # a PyTorch module
        return dict(model.named_children())
    held = getattr(model, "__dict__", {})
    return {name: value for name, value in held.items() if hasattr(value, "forward")}


def list_shapes(part: object) -> Shapes:
    """Return the shapes of all arrays in a part."""
    if hasattr(part, "parameters") and hasattr(part, "named_children"):
        return [tuple(tensor.shape) for tensor in part.parameters()]
    return list_own_shapes(part)


def list_own_shapes(model: object) -> Shapes:
    """Return the shapes of the arrays that a model has beside its parts."""
    held = dict(getattr(model, "__dict__", {}))
    dicts = [value for value in held.values() if isinstance(value, dict)]
    values = [value for each in (held, *dicts) for value in each.values()]
    return [tuple(value.shape) for value in values if isinstance(getattr(value, "shape", 0), tuple)]


def _choose_recurrent(parts: dict[str, object]) -> dict[str, object]:
    """Return the parts whose classes are named after a recurrent layer, else their attributes."""
    by_class = {n: part for n, part in parts.items() if any(map(_is_recurrent, _kinds(part)))}
    by_name = {n: part for n, part in parts.items() if _is_recurrent(n) and list_shapes(part)}
    return by_class or by_name


def _kinds(part: object) -> Iterator[str]:
    return (kind.__name__ for kind in type(part).__mro__)


def _is_recurrent(name: str) -> bool:
    return bool(RECURRENT.search(name)) and "cell" not in name.lower()


def _title(layer: object) -> str:
    kind = type(layer)
    return f"nn.{kind.__name__}" if kind.__module__.startswith("torch.nn.") else kind.__name__


def _has_logits(shape: tuple[int, ...]) -> bool:
    """Whether an array has one number for each character; no recurrent layer has one."""
    return shape in ((SIZES[0],), (SIZES[0], 1), (1, SIZES[0]))
