"""Properties of sequences: time, its two directions, the batch, and padding."""

from collections.abc import Callable
from functools import partial
from operator import itemgetter
from typing import Any

import numpy as np

from compare.check.cases.choices import INITIAL_STATES
from compare.check.cases.floats import Floats
from compare.check.cases.layer_case import LayerCase
from compare.check.cases.layer_results import (
    CLASSES,
    SEQUENCES,
    STATES,
    build,
    copy_results,
    copy_state,
    forward,
    match_bits,
    match_results,
    name_gradients,
    name_outputs,
    run,
)
from compare.check.properties.property import (
    Compared,
    NotPromised,
    NotTried,
    collect_properties,
    layer_property,
)
from compare.implementations import (
    BIASES,
    INFERENCE,
    STACKED,
    Array,
    Layer,
    LayerClass,
    Results,
    UserLayer,
)

ONE_WAY = {"bidirectional": False, "lengths": False, "one_hot": False, "dropout": 0.0}

Change = Callable[[Array], Array]
same: Change = np.asarray  # the array itself


def change_floats(floats: Floats, sequence: Change, state: Change, masks: Change) -> dict[str, Any]:
    """Return the floats of a case with x and d_output, all states and the masks changed."""
    kinds = {"x": sequence, "d_output": sequence}
    kinds |= dict.fromkeys(("h0", "c0", "d_h_n", "d_c_n"), state)
    arrays = {name: getattr(floats, name) for name in kinds}
    changes: dict[str, Any] = {
        name: None if array is None else np.ascontiguousarray(kinds[name](array))
        for name, array in arrays.items()
    }
    new_masks = floats.dropout_masks and tuple(map(masks, floats.dropout_masks))
    return changes | {"dropout_masks": new_masks}


def change_results(results: Results, sequence: Change, state: Change) -> Results:
    """Return the results with sequences and states changed."""
    kinds = dict.fromkeys(SEQUENCES, sequence) | dict.fromkeys((*STATES, *INITIAL_STATES), state)
    return {name: kinds[name](a) if name in kinds else a for name, a in results.items()}


# Time -------------------------------------------------------------------------------------------


@layer_property(T=range(2, 7), bidirectional=False, lengths=False)
def cut_anywhere(layer_class: LayerClass, case: LayerCase) -> Compared:
    """One pass gives the results of two, where the second continues from the first's state.

    In the backward pass the second part's gradient of its initial state is the first part's
    upstream gradient of its final state.
    """
    if lacks := case.lacks - {BIASES}:
        raise NotPromised(f"missing: {', '.join(sorted(lacks))}")
    floats, axis = case.floats, case.time_axis
    cut = 1 + case.seed % (case.T - 1)
    layer = build(layer_class, case)

    def part(array: Array, which: slice) -> Array:
        return array[(slice(None),) * axis + (which,)].copy()

    def upstream(which: slice) -> Array | None:
        return None if floats.d_output is None else part(floats.d_output, which)

    first, second = slice(0, cut), slice(cut, None)
    state, tapes, parts = copy_state(floats.h0, floats.c0), [], []
    for which in (first, second):
        masks = floats.dropout_masks and tuple(m[which].copy() for m in floats.dropout_masks)
        optional: dict[str, Any] = {} if masks is None else {"dropout_masks": masks}
        output, state, tape = layer.forward(part(floats.x, which), state, **optional)
        tapes.append(tape)
        parts.append(np.array(output))
    later = layer.backward(tapes[1], upstream(second), copy_state(floats.d_h_n, floats.d_c_n))
    d_state = copy_state(later.h0, later.c0)
    earlier = layer.backward(tapes[0], upstream(first), d_state)
    early, late = name_gradients(earlier), name_gradients(later)
    assert state is not None
    results = name_outputs(np.concatenate(parts, axis), state)
    for name, array in early.items():
        if name == "gradient of x":
            results[name] = np.concatenate([array, late[name]], axis)
        else:
            results[name] = array if name in INITIAL_STATES else array + late[name]
    yield match_results(run(layer_class, case), results, case)


@layer_property(cells=STACKED, bidirectional=True, dropout=0.0, lengths=(False, True))
def time_reversed(layer_class: LayerClass, case: LayerCase) -> Compared:
    """Reversed sequences give reversed results, if both directions exchange their weights."""
    floats, R = case.floats, case.R
    lengths = np.full(case.B, case.T) if floats.lengths is None else floats.lengths

    def reverse_steps(array: Array) -> Array:
        """Return each sequence in reverse."""
        array = array.copy()
        for b, length in enumerate(lengths):
            one = array if case.unbatched else array.swapaxes(0, case.time_axis)[:, b]
            one[:length] = one[:length][::-1].copy()
        return array

    def swap_halves(array: Array, axis: int = -1) -> Array:
        return np.roll(array, R, axis)

    def states(array: Array) -> Array:
        return array.reshape(case.L, 2, *array.shape[1:])[:, ::-1].reshape(array.shape)

    def swap_directions(parameters: Results) -> Results:
        result = {}
        for name, array in parameters.items():
            partner = name.removesuffix("_reverse") if "_reverse" in name else f"{name}_reverse"
            is_upper = "weight_ih" in name and "_l0" not in name
            result[partner] = swap_halves(array, 1) if is_upper else array
        return {name: result[name] for name in parameters}

    changes = change_floats(floats, reverse_steps, states, same)
    if changes["d_output"] is not None:
        changes["d_output"] = swap_halves(changes["d_output"])
    back = run(
        layer_class, case.replace_arrays(**changes, parameters=swap_directions(floats.parameters))
    )
    results = change_results(back, reverse_steps, states)
    results["output"] = swap_halves(results["output"])
    gradients = {n: a for n in floats.parameters if (a := back.get(f"gradient of {n}")) is not None}
    results |= {f"gradient of {name}": array for name, array in swap_directions(gradients).items()}
    yield match_results(run(layer_class, case), results, case)


# The batch --------------------------------------------------------------------------------------


@layer_property(B=(2, 3), unbatched=False)
def order_of_the_batch(layer_class: LayerClass, case: LayerCase) -> Compared:
    """The order of the sequences in a batch does not matter."""
    axis, order = case.batch_axis, np.random.default_rng(case.seed).permutation(case.B)
    back, lengths = np.argsort(order), case.floats.lengths

    def take_rows(order: Array) -> tuple[Change, Change]:
        return lambda a: a.take(order, axis), lambda a: a.take(order, 1)

    changes = change_floats(case.floats, *take_rows(order), lambda mask: mask[:, order])
    changes["lengths"] = None if lengths is None else lengths[order]
    results = change_results(run(layer_class, case.replace_arrays(**changes)), *take_rows(back))
    yield match_results(run(layer_class, case), results, case)


@layer_property(B=(2, 3), unbatched=False)
def sequence_alone(layer_class: LayerClass, case: LayerCase) -> Compared:
    """A sequence gives the same results alone, without padding, as in a batch."""
    together = run(layer_class, case)
    lengths = np.full(case.B, case.T) if case.floats.lengths is None else case.floats.lengths
    results = {name: np.zeros_like(array) for name, array in together.items()}
    for b in range(case.B):
        T, rows = lengths[b], slice(b, b + 1)
        steps = (slice(None, T), rows)
        sequence = itemgetter(steps[::-1] if case.batch_first else steps)
        state = itemgetter((slice(None), rows))
        changes = change_floats(case.floats, sequence, state, itemgetter(steps))
        alone = run(layer_class, case.replace_arrays(**changes, lengths=None))
        places = change_results(results, sequence, state)  # views of this sequence's own
        for name, array in alone.items():
            places[name][...] += array
    yield match_results(together, results, case)


@layer_property(long=True, T=range(2, 7), **ONE_WAY, B=(2, 3), unbatched=False)
def nan_visible(layer_class: LayerClass, case: LayerCase) -> Compared:
    """A NaN in x reaches every later output of its sequence, and no other sequence."""
    if INFERENCE in case.lacks:
        raise NotPromised("its activations limit their arguments")
    t, b, v = (case.seed % size for size in (case.T, case.B, case.V))
    x = case.floats.x.copy()
    x.swapaxes(0, case.time_axis)[t, b, v] = np.nan
    with np.errstate(all="ignore"):
        results, expected = run(layer_class, case.replace_arrays(x=x)), run(layer_class, case)
    others = np.delete(np.arange(case.B), b)
    for name in ("output", "gradient of x", *STATES, *INITIAL_STATES):
        if name in expected:
            axis = case.batch_axis if name in SEQUENCES else 1
            clean, got = (r[name].take(others, axis) for r in (expected, results))
            yield match_bits({name: clean}, {name: got}, case)
    reached = {"output": results["output"].swapaxes(0, case.time_axis)[t:, b]}
    reached["h_n"] = results["h_n"][:, b]
    if (W := results.get("gradient of weight_ih_l0")) is not None:
        reached["gradient of weight_ih_l0"] = W[:, v]
    is_nan = {f"NaN in {n}": np.isnan(array).astype(case.dtype) for n, array in reached.items()}
    yield match_bits({name: np.ones_like(a) for name, a in is_nan.items()}, is_nan, case)


@layer_property(long=True, cells=STACKED, nonlinearity="tanh", **ONE_WAY, rounded=False)
def infinite_input(layer_class: LayerClass, case: LayerCase) -> Compared:
    """An infinite input gives the output of a huge one."""
    huge: Results = {}
    infinite: Results = {}
    for value, results in ((1e30, huge), (np.inf, infinite)):
        x = case.floats.x.copy()
        x.reshape(-1)[case.seed % x.size] = value
        other = case.replace_arrays(x=x)
        with np.errstate(all="ignore"):
            results |= forward(build(layer_class, other), other)[0]
            ours = forward(build(CLASSES[case.cell], other), other)[0]
    if not all(np.isfinite(array).all() for array in ours.values()):
        raise NotTried("a state of this cell has no bound")
    yield match_bits(huge, infinite, case)


# Padding ----------------------------------------------------------------------------------------


def _takes_lengths(layer: Layer) -> bool:
    """Return whether a layer is a PyTorch module that has an argument for lengths."""
    if not isinstance(layer, UserLayer) or layer.submission.adapter != "torch_module":
        return False
    return bool(layer.ask("takes_lengths"))


@layer_property(long=True, cells=STACKED, lengths=True, unbatched=False)
def padding_ignored(layer_class: LayerClass, case: LayerCase) -> Compared:
    """The values in the padding do not matter, not even NaN; the output there is zero.

    A module that takes lengths may multiply by a mask, and 0 times NaN is NaN.
    """
    results, lengths = run(layer_class, case), case.floats.lengths
    assert lengths is not None

    def fill_padding(array: Array, value: float) -> Array:
        array = array.copy()
        steps = array.swapaxes(0, case.time_axis)
        for b, length in enumerate(lengths):
            steps[length:, b] = case.V - 1 if array.dtype.kind == "i" else value
        return array

    for value in (-1e3,) if _takes_lengths(build(layer_class, case)) else (np.nan, np.inf, -1e30):
        changes = change_floats(case.floats, partial(fill_padding, value=value), same, same)
        yield match_bits(results, run(layer_class, case.replace_arrays(**changes)), case)
    output = {"output": results["output"]}
    yield match_bits(copy_results({"output": fill_padding(output["output"], 0)}), output, case)


PROPERTIES = collect_properties(vars())
