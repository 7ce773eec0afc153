"""Where output and states are in the result of a call: their shapes tell."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from compare.recurrences.axes import (
    JOINED,
    Array,
    Path,
    Sizes,
    list_features,
    list_steps,
    measure,
    take,
    walk,
)
from compare.recurrences.recurrence import CallForm

MOST_OUTPUTS = 4  # of one result that are tried


def find_results(
    form: CallForm, result: Any, sizes: Sizes, shapes: Sequence[tuple[int, ...]]
) -> Iterator[CallForm]:
    """Yield a form with the places of output and states in a result; none without an output.

    An output has an axis for the steps, or is a list of these, or has them and the batch in one
    axis, or is that of the last step alone.
    """
    leaves = [*walk(result)]
    last = () if form.attributes else find_states(leaves, shapes)
    found = replace(form, last=last, last_axes=form.states if last else ())
    if form.is_step:
        free = [path for path, _ in leaves if path not in last]
        if leaves and (last or form.attributes):
            path = free[0] if free and (not last or free[0] < last[0]) else (last or free)[0]
            axes = measure(take(result, path), sizes, form.leading)
            if ("B" in axes) == form.has_batch:
                yield replace(found, output=path, output_axes=axes)
        return
    measured = [(path, measure(a, sizes, f"T{form.leading}")) for path, a in leaves]
    own = [(path, axes) for path, axes in measured if ("B" in axes) == form.has_batch]
    if not form.states:  # so that of two outputs the one of the units comes first
        own.sort(key=lambda leaf: sizes.H not in leaf[1])
    outputs = []
    for path, axes in own:
        if "T" in axes:
            outputs.append(replace(found, output=path, output_axes=axes))
        elif path and path[-1] == 0 and list_steps(take(result, path[:-1]), sizes.T):
            steps = replace(found, output=path[:-1], output_axes=("T", *axes), is_list=True)
            outputs.append(steps)
    for each in outputs[:MOST_OUTPUTS]:
        yield from _list_states(each, leaves, sizes)
    if outputs:
        return
    for path, array in leaves:
        if form.has_batch and array.shape[:1] == (sizes.T * sizes.B,):
            for joined in JOINED:
                yield replace(found, output=path, output_axes=(joined, *array.shape[1:]))
            return
    for path, axes in sorted(own, key=lambda leaf: leaf[0] in last)[:1]:
        yield replace(found, output=path, output_axes=axes, is_final=True)


def _list_states(
    form: CallForm, leaves: Sequence[tuple[Path, Array]], sizes: Sizes
) -> Iterator[CallForm]:
    """Yield a form with its last states if they stand by themselves in a result.

    If they do not, it comes without states first: it has the states of all steps, or those that lie
    among other arrays, only if a later call continues from them.
    """
    if form.attributes or not form.states or (form.last and not is_among_others(form.last, leaves)):
        yield form
        return
    yield replace(form, last=(), last_axes=())
    measured = [(path, measure(a, sizes, f"T{form.leading}")) for path, a in leaves]
    every = [
        (path, axes)
        for path, axes in measured
        if "T" in axes and list_features(axes) == list_features(form.states[0])
    ][: len(form.states)]
    if len(every) == len(form.states):
        yield replace(form, last=tuple(p for p, _ in every), last_axes=tuple(a for _, a in every))
    if form.last:
        yield form


def find_states(
    leaves: Sequence[tuple[Path, Array]], shapes: Sequence[tuple[int, ...]]
) -> tuple[Path, ...]:
    """Return the places of the states in a result: arrays of their shapes, side by side.

    Those in one container of their own come before others, and those that lie deep, as in a cache
    for the backward pass, after others.
    """
    runs = []
    for start in range(len(leaves) - len(shapes) + 1 if shapes else 0):
        run = leaves[start : start + len(shapes)]
        if [tuple(array.shape) for _, array in run] == [*shapes]:
            containers = len({path[:-1] for path, _ in run})
            depth = max(len(path) for path, _ in run)
            runs.append((containers, depth, -start, tuple(path for path, _ in run)))
    return min(runs)[-1] if runs else ()


def is_among_others(states: Sequence[Path], leaves: Sequence[tuple[Path, Array]]) -> bool:
    """Return whether states lie with other arrays in a part of a result, as in a tape."""
    parts = {path[:-1] for path in states if len(path) > 1}
    others = [path for path, _ in leaves if path not in states]
    return any(path[: len(part)] == part for path in others for part in parts)
