"""Laws that a recurrent layer obeys, whatever its weights: checked against itself, not PyTorch.

Where both sides of a law are the same operations on the same numbers, they must agree to the bit.
Where the operations differ, they may part by what rounding explains.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from compare.parity.rows import compare_results
from compare.parity.tolerance import allowances
from tests.cases import LayerCase
from tests.properties import (
    CLASSES,
    INITIAL_STATES,
    STATES,
    Results,
    alike,
    as_state,
    build,
    demand,
    given,
    identical,
    initial_state,
    named,
    outputs,
    run,
    upstream,
)
from tests.strategies import property_of_layers

# Running a case on other arguments than its own -------------------------------------------------


def forward(layer: Any, case: LayerCase, **changes: Any) -> tuple[Results, Any]:
    """Call the layer on the case's arguments, some of them changed; return results and tape."""
    floats = replace(case.floats, **changes)
    output, state, tape = layer.forward(floats.x.copy(), initial_state(floats), **given(floats))
    return outputs(output, state), tape


def run_with(implementation: Any, case: LayerCase, **changes: Any) -> Results:
    """Return all results of the case, some of its arguments changed."""
    changed = replace(case)
    changed.__dict__["floats"] = replace(case.floats, **changes)
    return run(implementation, changed)


def more(case: LayerCase, shape: tuple[int, ...]) -> np.ndarray:
    """Return floats of the case's dtype that are none of its own."""
    return np.random.default_rng([case.seed, 3]).normal(size=shape).astype(case.dtype)


def batch_axis(case: LayerCase) -> int:
    """Return the batch's axis in x and output."""
    return 0 if case.batch_first else 1


def time_axis(case: LayerCase) -> int:
    """Return the steps' axis in x and output."""
    return 1 if case.batch_first and not case.unbatched else 0


def each(function: Callable[[np.ndarray], np.ndarray], *arrays: np.ndarray | None) -> list[Any]:
    """Apply to what is there."""
    return [None if array is None else np.ascontiguousarray(function(array)) for array in arrays]


# The tape ---------------------------------------------------------------------------------------


@property_of_layers()
def test_backward_twice_on_one_tape_gives_the_same_bits(
    implementation: Any, case: LayerCase
) -> None:
    layer = build(implementation, case)
    _, tape = forward(layer, case)
    back = upstream(case.floats)  # the same arrays both times
    once = {n: g.copy() for n, g in named(layer.backward(tape, *back)).items()}
    twice = named(layer.backward(tape, *back))
    demand(identical(once, twice), "backward twice on one tape gives the same", case)


@property_of_layers()
def test_tapes_live_side_by_side(implementation: Any, case: LayerCase) -> None:
    """A second forward and backward pass in between changes nothing for the first tape."""
    alone = run(implementation, case)
    layer = build(implementation, case)
    results, tape = forward(layer, case)
    x = case.floats.x
    other_x = (x + 1) % case.V if case.one_hot else more(case, x.shape)
    _, other_tape = forward(layer, case, x=other_x)
    layer.backward(other_tape, *upstream(case.floats))
    together = results | named(layer.backward(tape, *upstream(case.floats)))
    demand(identical(alone, together), "one pass leaves another's tape alone", case)


@property_of_layers()
def test_the_call_is_the_forward_pass(implementation: Any, case: LayerCase) -> None:
    """In evaluation mode, without dropout, and without a memory of earlier calls."""
    layer = build(implementation, case)
    floats = case.floats
    lengths = {} if floats.lengths is None else {"lengths": floats.lengths}
    for _ in range(2):
        output, state = layer(floats.x.copy(), initial_state(floats), **lengths)
        expected, _ = forward(layer, case, dropout_masks=None)
        report = identical(outputs(output, state), expected)
        demand(report, "layer(x, h0) is what forward computes", case)


# Arguments --------------------------------------------------------------------------------------


@property_of_layers()
def test_no_argument_is_changed(implementation: Any, case: LayerCase) -> None:
    layer = build(implementation, case)
    floats = case.floats
    names = ("x", "h0", "c0", "lengths", "d_output", "d_h_n", "d_c_n")
    arguments = {
        **{name: None if (a := getattr(floats, name)) is None else a.copy() for name in names},
        **{f"dropout_masks[{k}]": m.copy() for k, m in enumerate(floats.dropout_masks or ())},
    }
    before = {n: a.copy() for n, a in (arguments | layer.parameters).items() if a is not None}
    masks = tuple(array for name, array in arguments.items() if "masks" in name)
    optional = given(replace(floats, lengths=arguments["lengths"], dropout_masks=masks or None))
    state, d_state = (
        arguments[h] if arguments[c] is None else (arguments[h], arguments[c])
        for h, c in (("h0", "c0"), ("d_h_n", "d_c_n"))
    )
    _, _, tape = layer.forward(arguments["x"], state, **optional)
    layer.backward(tape, arguments["d_output"], d_state)
    after = {n: a for n, a in (arguments | layer.parameters).items() if a is not None}
    demand(identical(before, after), "forward and backward change none of their arguments", case)


@property_of_layers()
def test_arguments_may_be_read_only_and_lie_in_any_order(
    implementation: Any, case: LayerCase
) -> None:
    floats = case.floats
    expected = run(implementation, case)
    changes: dict[str, Any] = {}
    for name in ("x", "h0", "c0", "d_output", "d_h_n", "d_c_n"):
        array = getattr(floats, name)
        if array is not None:
            scattered = np.zeros((*array.shape, 2), array.dtype)[..., 0]  # every other float
            for layout in (np.asfortranarray(array), scattered):
                layout[...] = array
                layout.flags.writeable = False
                changes[name] = layout
                layer = build(implementation, case)
                changed = replace(floats, **changes)
                states = [(changed.h0, changed.c0), (changed.d_h_n, changed.d_c_n)]
                state, d_state = (pair[0] if pair[1] is None else pair for pair in states)
                output, state, tape = layer.forward(changed.x, state, **given(floats))
                results = outputs(output, state)
                results |= named(layer.backward(tape, changed.d_output, d_state))
                report = alike(results, expected, case)
                demand(report, f"{name} may be read-only, Fortran-ordered or strided", case)


@property_of_layers()
def test_results_are_arrays_of_their_own(implementation: Any, case: LayerCase) -> None:
    """Writing to h_n and to gradients changes neither parameters nor a second backward pass."""
    layer = build(implementation, case)
    floats = case.floats
    _, state, tape = layer.forward(floats.x.copy(), initial_state(floats), **given(floats))
    parameters = {name: array.copy() for name, array in layer.parameters.items()}
    first = layer.backward(tape, *upstream(case.floats))
    kept = {name: gradient.copy() for name, gradient in named(first).items()}
    for array in state if isinstance(state, tuple) else (state,):
        array[...] = 7
    for gradient in named(first).values():
        gradient[...] = 7
    second = named(layer.backward(tape, *upstream(case.floats)))
    demand(identical(kept, second), "results share no memory with the tape", case)
    demand(identical(parameters, layer.parameters), "results share none with parameters", case)


@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("shape", [(5, 2, 3), (5, 3)])
def test_the_output_is_the_tapes_own_memory_and_cannot_be_written(
    package: Any, shape: tuple[int, ...], batch_first: bool
) -> None:
    output, _, tape = package.RNN(3, 4, batch_first=batch_first).forward(np.ones(shape, "float32"))
    assert np.shares_memory(output, tape.recurrences[0].h)
    with pytest.raises(ValueError, match="read-only"):
        output[...] = 7


@property_of_layers(h0=True)
def test_no_h0_is_a_zero_h0(implementation: Any, case: LayerCase) -> None:
    assert case.floats.h0 is not None
    h0, c0 = each(np.zeros_like, case.floats.h0, case.floats.c0)
    given_zeros = run_with(implementation, case, h0=h0, c0=c0)
    not_given = run_with(implementation, case, h0=None, c0=None)
    demand(identical(given_zeros, not_given), "without h0 the states begin at zero", case)


@property_of_layers(upstream=("output", "h_n"))
def test_an_absent_upstream_gradient_is_a_zero_one(implementation: Any, case: LayerCase) -> None:
    results = run(implementation, case)
    names = [n for n in ("output", *STATES) if n in results]
    absent = [n for n in names if getattr(case.floats, f"d_{n}") is None]
    zeros = run_with(implementation, case, **{f"d_{n}": np.zeros_like(results[n]) for n in absent})
    demand(identical(results, zeros), f"without a gradient of {absent} it counts as zero", case)


# Backward is linear -----------------------------------------------------------------------------


@property_of_layers()
def test_backward_of_twice_the_gradient_is_twice_as_much(
    implementation: Any, case: LayerCase
) -> None:
    """A power of two changes exponents alone: to the bit, and so does a change of sign.

    But below the smallest normal float bits are lost, where gates are saturated.
    """
    smallest = float(np.finfo(case.dtype).smallest_normal)
    layer = build(implementation, case)
    _, tape = forward(layer, case)
    gradients = named(layer.backward(tape, *upstream(case.floats)))
    expected = {name: gradient.copy() for name, gradient in gradients.items()}
    for factor in (2.0, -0.5, 0.0):
        floats = case.floats
        d_output, d_h_n, d_c_n = each(
            lambda d, factor=factor: d * d.dtype.type(factor),
            floats.d_output,
            floats.d_h_n,
            floats.d_c_n,
        )
        scaled = d_output, as_state(d_h_n, d_c_n)
        report = compare_results(
            {name: gradient * gradient.dtype.type(factor) for name, gradient in expected.items()},
            named(layer.backward(tape, *scaled)),
            dict.fromkeys(expected, 0.0 if case.cell == "rnn" else smallest),
        )
        demand(report, f"{factor} times the upstream gradient gives {factor} times as much", case)


@property_of_layers()
def test_backward_of_a_sum_is_the_sum(implementation: Any, case: LayerCase) -> None:
    arrays = (case.floats.d_output, case.floats.d_h_n, case.floats.d_c_n)
    others = each(lambda d: more(case, d.shape), *arrays)

    def sum_of_two(implementation: Any, move: Any) -> Results:
        floats = case.floats
        layer = build(implementation, case, move(dict(floats.parameters)))
        state = move(initial_state(floats))
        _, _, tape = layer.forward(move(floats.x), state, **move(given(floats)))
        first = named(layer.backward(move(tape), *move(upstream(floats))))
        first = {name: gradient.copy() for name, gradient in first.items()}
        second = named(layer.backward(move(tape), move(others[0]), move(as_state(*others[1:]))))
        return {name: first[name] + second[name] for name in first}

    _, allowed = allowances(lambda move: sum_of_two(CLASSES[case.cell], move), seed=case.seed)
    layer = build(implementation, case)
    _, tape = forward(layer, case)
    d_output, d_h_n, d_c_n = (
        None if d is None else d + other for d, other in zip(arrays, others, strict=True)
    )
    together = named(layer.backward(tape, d_output, as_state(d_h_n, d_c_n)))
    summed = sum_of_two(implementation, lambda value: value)
    demand(compare_results(together, summed, allowed), "backward of a sum is the sum", case)


# Time -------------------------------------------------------------------------------------------


@property_of_layers(T=range(2, 7), bidirectional=False, lengths=False)
def test_two_passes_with_the_state_handed_on_are_one_pass(
    implementation: Any, case: LayerCase
) -> None:
    """Cut anywhere; backward, the second part's gradient of h0 goes to the first as that of h_n."""
    floats, axis = case.floats, time_axis(case)
    cut = 1 + case.seed % (case.T - 1)
    layer = build(implementation, case)

    def part(array: np.ndarray | None, which: slice, axis: int = axis) -> np.ndarray | None:
        return None if array is None else array[(slice(None),) * axis + (which,)].copy()

    first, second = slice(0, cut), slice(cut, None)
    state, tapes, parts = initial_state(floats), [], []
    for which in (first, second):
        masks = floats.dropout_masks and tuple(part(m, which, 0) for m in floats.dropout_masks)
        optional = given(replace(floats, dropout_masks=masks))
        output, state, tape = layer.forward(part(floats.x, which), state, **optional)
        tapes.append(tape)
        parts.append(np.array(output))
    later = layer.backward(tapes[1], part(floats.d_output, second), upstream(floats)[1])
    d_state = as_state(later.h0, getattr(later, "c0", None))
    earlier = layer.backward(tapes[0], part(floats.d_output, first), d_state)
    results = outputs(np.concatenate(parts, axis), state)
    if later.x is not None:
        results["gradient of x"] = np.concatenate([earlier.x, later.x], axis)
    results |= {name: g for name, g in named(earlier).items() if name in INITIAL_STATES}
    results |= {
        f"gradient of {name}": earlier.parameters[name] + later.parameters[name]
        for name in later.parameters
    }
    report = alike(results, run(implementation, case), case)
    demand(report, f"steps 1 … {cut} and then the rest are all steps at once", case)


@property_of_layers(bidirectional=True, dropout=0.0, lengths=(False, True))
def test_reversing_time_swaps_the_directions(implementation: Any, case: LayerCase) -> None:
    """Read from its end by a layer with both directions' weights swapped, all is mirrored."""
    floats, R, axis = case.floats, case.R, time_axis(case)
    lengths = np.full(case.B, case.T) if floats.lengths is None else floats.lengths

    def mirrored(array: np.ndarray | None, *, halves: bool) -> np.ndarray | None:
        """Each sequence from its own end; with the halves of the last axis swapped as well."""
        if array is None:
            return None
        array = array.copy()
        for b, length in enumerate(lengths):
            one = array if case.unbatched else array.swapaxes(0, axis)[:, b]
            one[:length] = one[:length][::-1].copy()
        return np.roll(array, R, axis=-1) if halves else array

    def swapped_states(array: np.ndarray | None) -> np.ndarray | None:
        if array is None:
            return None
        return array.reshape(case.L, 2, *array.shape[1:])[:, ::-1].reshape(array.shape)

    def swapped(parameters: Results) -> Results:
        result = {}
        for name, array in parameters.items():
            partner = name.removesuffix("_reverse") if "_reverse" in name else f"{name}_reverse"
            is_upper = "weight_ih" in name and "_l0" not in name
            result[partner] = np.roll(array, R, axis=1) if is_upper else array
        return {name: result[name] for name in parameters}

    there = run(implementation, case)
    back = run_with(
        implementation,
        case,
        parameters=swapped(floats.parameters),
        x=mirrored(floats.x, halves=False),
        h0=swapped_states(floats.h0),
        c0=swapped_states(floats.c0),
        d_output=mirrored(floats.d_output, halves=True),
        d_h_n=swapped_states(floats.d_h_n),
        d_c_n=swapped_states(floats.d_c_n),
    )
    gradients = {n: back[f"gradient of {n}"] for n in floats.parameters}
    results = {
        "output": mirrored(back["output"], halves=True),
        **{n: swapped_states(back[n]) for n in (*STATES, *INITIAL_STATES) if n in back},
        **{f"gradient of {name}": array for name, array in swapped(gradients).items()},
    }
    if "gradient of x" in back:
        results["gradient of x"] = mirrored(back["gradient of x"], halves=False)
    demand(alike(there, results, case), "reversed in time, the directions change places", case)


# The batch --------------------------------------------------------------------------------------


@property_of_layers(B=(2, 3), unbatched=False)
def test_the_order_of_sequences_does_not_matter(implementation: Any, case: LayerCase) -> None:
    floats, axis = case.floats, batch_axis(case)
    order = np.random.default_rng(case.seed).permutation(case.B)
    back = np.argsort(order)
    x, d_output = each(lambda array: array.take(order, axis), floats.x, floats.d_output)
    states = (floats.h0, floats.c0, floats.d_h_n, floats.d_c_n)
    h0, c0, d_h_n, d_c_n = each(lambda array: array.take(order, 1), *states)
    masks = floats.dropout_masks and tuple(m[:, order] for m in floats.dropout_masks)
    lengths = None if floats.lengths is None else floats.lengths[order]
    changes = {"x": x, "h0": h0, "c0": c0, "d_output": d_output, "d_h_n": d_h_n, "d_c_n": d_c_n}
    results = run_with(implementation, case, **changes, dropout_masks=masks, lengths=lengths)
    for name in ("output", "gradient of x"):
        if name in results:
            results[name] = results[name].take(back, axis)
    for name in (*STATES, *INITIAL_STATES):
        if name in results:
            results[name] = results[name].take(back, 1)
    report = alike(results, run(implementation, case), case)
    demand(report, "the order of the sequences in a batch does not matter", case)


@property_of_layers(B=(2, 3), unbatched=False)
def test_sequences_of_a_batch_do_not_meet(implementation: Any, case: LayerCase) -> None:
    """Each alone, unpadded, gives its own results; gradients of the parameters add up."""
    floats, axis = case.floats, batch_axis(case)
    together = run(implementation, case)
    lengths = np.full(case.B, case.T) if floats.lengths is None else floats.lengths
    results = {name: np.zeros_like(array) for name, array in together.items()}
    for b in range(case.B):
        T = lengths[b]
        one = [slice(None, T)] * 2
        one[axis] = slice(b, b + 1)
        x, d_output = each(lambda array, one=one: array[tuple(one)], floats.x, floats.d_output)
        states = (floats.h0, floats.c0, floats.d_h_n, floats.d_c_n)
        h0, c0, d_h_n, d_c_n = each(lambda array, b=b: array[:, b : b + 1], *states)
        masks = floats.dropout_masks and tuple(m[:T, b : b + 1] for m in floats.dropout_masks)
        changes = {"x": x, "h0": h0, "c0": c0, "d_output": d_output, "d_h_n": d_h_n}
        changes |= {"d_c_n": d_c_n, "dropout_masks": masks, "lengths": None}
        alone = run_with(implementation, case, **changes)
        for name, array in alone.items():
            if name in ("output", "gradient of x"):
                results[name][tuple(one)] = array
            elif name in (*STATES, *INITIAL_STATES):
                results[name][:, b : b + 1] = array
            else:
                results[name] += array
    demand(alike(results, together, case), "each sequence alone gives what it gives here", case)


@property_of_layers(unbatched=True)
def test_without_a_batch_is_a_batch_of_one(implementation: Any, case: LayerCase) -> None:
    floats = case.floats
    axis = 0 if case.batch_first else 1
    x, d_output = each(lambda array: np.expand_dims(array, axis), floats.x, floats.d_output)
    states = (floats.h0, floats.c0, floats.d_h_n, floats.d_c_n)
    h0, c0, d_h_n, d_c_n = each(lambda array: array[:, None], *states)
    changes = {"x": x, "h0": h0, "c0": c0, "d_output": d_output, "d_h_n": d_h_n, "d_c_n": d_c_n}
    results = run_with(implementation, case, **changes)
    for name, squeezed in [("output", axis), ("gradient of x", axis)]:
        if name in results:
            results[name] = results[name].squeeze(squeezed)
    for name in (*STATES, *INITIAL_STATES):
        if name in results:
            results[name] = results[name].squeeze(1)
    report = alike(results, run(implementation, case), case)
    demand(report, "a sequence without a batch is a batch of one", case)


@property_of_layers(batch_first=True, unbatched=False)
def test_batch_first_is_a_matter_of_layout(implementation: Any, case: LayerCase) -> None:
    floats = case.floats
    time_first = replace(case, batch_first=False)
    assert np.array_equal(time_first.floats.x, floats.x.swapaxes(0, 1))
    results = run(implementation, time_first)
    for name in ("output", "gradient of x"):
        if name in results:
            results[name] = results[name].swapaxes(0, 1)
    report = alike(results, run(implementation, case), case)
    demand(report, "batch_first swaps the first two axes of x and output, and no others", case)


# Padding ----------------------------------------------------------------------------------------


@property_of_layers(lengths=True, unbatched=False)
def test_what_stands_in_the_padding_does_not_matter(implementation: Any, case: LayerCase) -> None:
    """Be it NaN, infinity, another token; nor does the gradient of the output there."""
    floats, axis = case.floats, time_axis(case)
    assert floats.lengths is not None
    results = run(implementation, case)
    for value in (np.nan, np.inf, -1e30):
        x = floats.x.copy()
        d_output = None if floats.d_output is None else floats.d_output.copy()
        for array in (x, d_output):
            if array is not None:
                steps = array.swapaxes(0, axis)
                for b, length in enumerate(floats.lengths):
                    steps[length:, b] = case.V - 1 if array.dtype.kind == "i" else value
        others = run_with(implementation, case, x=x, d_output=d_output)
        demand(identical(results, others), f"{value} in the padding changes nothing", case)
    outside = results["output"].swapaxes(0, axis)
    for b, length in enumerate(floats.lengths):
        assert not outside[length:, b].any(), f"broken: the output is zero in the padding, {case}"


@property_of_layers(lengths=True, unbatched=False)
def test_more_padding_changes_nothing(implementation: Any, case: LayerCase) -> None:
    floats, axis = case.floats, time_axis(case)
    longer = replace(case, T=case.T + 2)
    widths = [(0, 0)] * floats.x.ndim
    widths[axis] = (0, 2)
    x = np.pad(floats.x, widths)
    masks = floats.dropout_masks and tuple(
        np.pad(mask, ((0, 2), (0, 0), (0, 0)), constant_values=3) for mask in floats.dropout_masks
    )
    longer.__dict__["floats"] = replace(floats, x=x, dropout_masks=masks)
    results = run(implementation, longer)
    if "gradient of x" in results:
        gradient = results["gradient of x"].swapaxes(0, axis)
        assert not gradient[case.T :].any(), "broken: no gradient reaches the padding"
        results["gradient of x"] = gradient[: case.T].swapaxes(0, axis)
    demand(identical(run(implementation, case), results), "more padding changes nothing", case)


@property_of_layers(lengths=False, unbatched=False)
def test_full_lengths_are_no_lengths(implementation: Any, case: LayerCase) -> None:
    lengths = np.full(case.B, case.T)
    report = alike(run_with(implementation, case, lengths=lengths), run(implementation, case), case)
    demand(report, "lengths of T are the same as none", case)


# Weights and inputs -----------------------------------------------------------------------------


@property_of_layers(one_hot=True)
def test_integers_stand_for_one_hot_rows(implementation: Any, case: LayerCase) -> None:
    dense = np.eye(case.V, dtype=case.dtype)[case.floats.x]
    results = run_with(implementation, case, x=dense)
    del results["gradient of x"]  # integers have none
    report = alike(results, run(implementation, case), case)
    demand(report, "integers give what their one-hot rows give", case)
    for dtype in (np.int32, np.uint8):
        report = identical(
            run(implementation, case), run_with(implementation, case, x=case.floats.x.astype(dtype))
        )
        demand(report, f"integers may be {np.dtype(dtype)}", case)


@property_of_layers(cells=["rnn"], nonlinearity="relu")
def test_relu_layers_scale_with_their_inputs(implementation: Any, case: LayerCase) -> None:
    """relu(c z) = c relu(z) for c > 0, so x, h0 and all biases times c give c times the output.

    Gradients of the weights, being products with inputs, grow by c too; those of the rest stay.
    With c a power of two, to the bit. One-hot input can't be scaled: its W_ih is, in its place.
    """
    floats, c = case.floats, np.dtype(case.dtype).type(4)
    parameters = {
        name: array * c
        if name.startswith("bias") or (case.one_hot and name.startswith("weight_ih_l0"))
        else array
        for name, array in floats.parameters.items()
    }
    x = floats.x if case.one_hot else floats.x * c
    h0 = None if floats.h0 is None else floats.h0 * c
    results = run(implementation, case)
    for name in results:
        is_first = case.one_hot and name.startswith("gradient of weight_ih_l0")
        if name in ("output", "h_n") or (name.startswith("gradient of weight") and not is_first):
            results[name] = results[name] * c
    scaled = run_with(implementation, case, parameters=parameters, x=x, h0=h0)
    demand(identical(results, scaled), "a ReLU layer scales with its inputs and biases", case)


@property_of_layers(cells=["rnn", "lstm"], bias=True)
def test_the_two_biases_act_as_their_sum(implementation: Any, case: LayerCase) -> None:
    """Both get the same gradient, and what one gains the other may lose; not so b_hn of a GRU."""
    floats = case.floats
    results = run(implementation, case)
    for name in floats.parameters:
        if name.startswith("bias_ih"):
            partner = name.replace("bias_ih", "bias_hh")
            report = identical(
                {f"gradient of {name}": results[f"gradient of {name}"]},
                {f"gradient of {name}": results[f"gradient of {partner}"]},
            )
            demand(report, "both biases have the same gradient", case)
    exchanged = {
        name: floats.parameters[
            name.replace("bias_ih", "bias_xx").replace("bias_hh", "bias_ih").replace("_xx", "_hh")
        ]
        for name in floats.parameters
    }
    others = run_with(implementation, case, parameters=exchanged)
    demand(alike(results, others, case), "the two biases may change places", case)


@property_of_layers(T=range(2, 7), bidirectional=False, lengths=False, one_hot=False)
def test_the_past_does_not_depend_on_the_future(implementation: Any, case: LayerCase) -> None:
    floats, axis = case.floats, time_axis(case)
    cut = 1 + case.seed % (case.T - 1)
    x = floats.x.copy()
    x.swapaxes(0, axis)[cut:] = more(case, x.swapaxes(0, axis)[cut:].shape)
    before, after = (
        forward(build(implementation, case), case, x=value)[0]["output"].swapaxes(0, axis)[:cut]
        for value in (floats.x, x)
    )
    report = identical({"output": before}, {"output": after})
    demand(report, f"steps 1 … {cut} don't depend on later x", case)


def test_an_empty_batch_has_empty_results(implementation: Any) -> None:
    for options in ({}, {"num_layers": 2, "bidirectional": True}, {"batch_first": True}):
        layer = implementation(3, 4, **options)
        LD = options.get("num_layers", 1) * (2 if "bidirectional" in options else 1)
        DH = 8 if "bidirectional" in options else 4
        shape = (0, 5) if "batch_first" in options else (5, 0)
        for x in (np.zeros((*shape, 3), np.float32), np.zeros(shape, np.int64)):
            output, h_n, tape = layer.forward(x)
            assert output.shape == (*shape, DH)
            assert h_n.shape == (LD, 0, 4)
            gradients = layer.backward(tape, np.array(output), np.array(h_n))
            assert gradients.h0.shape == h_n.shape
            assert (gradients.x is None) if x.ndim == 2 else (gradients.x.shape == x.shape)
            assert all(not g.any() for g in gradients.parameters.values())
            assert {n: g.shape for n, g in gradients.parameters.items()} == {
                n: p.shape for n, p in layer.parameters.items()
            }


def test_h_n_is_the_last_output(implementation: Any) -> None:
    """Of the last layer: forward at the last step, reverse at the first."""
    case = LayerCase(T=4, B=2, V=3, H=2, L=2, bidirectional=True)
    results = run(implementation, case)
    output, h_n = results["output"], results["h_n"]
    np.testing.assert_array_equal(output[-1, :, :2], h_n[2])
    np.testing.assert_array_equal(output[0, :, 2:], h_n[3])
