"""The tolerance: the difference that two correct implementations may have, from each case.

Rounding moves every intermediate result to a neighbouring float. The effect on the final results
depends on the computation: a saturated unit removes the change, an exploding recurrence multiplies
it. So we measure the effect. We run the same computation several times. In each run, every float
value is perturbed: moved at random to one of its two neighbours. These are the inputs, the
parameters, the tape and the upstream gradients. Sums of rows are added one term after the other,
which loses most, and long products lose as much as such a sum. This is Monte Carlo arithmetic
(Parker 1997) in its simplest form. The change of an entry of a result shows the effect of rounding
on this entry. So each entry has its own tolerance:

    move      = max over perturbations |perturbed - baseline|              of this entry
    tolerance = SAFETY · ( max(move, RMS of the tensor's moves) + 2 ulps of the entry )

The RMS (root mean square) is for an entry that moved little in all runs by chance. The factor
SAFETY covers the roundings that a random sample misses. It and LONG, the length of a long
product, are the project's only constants of tolerance; docs/trust/tolerance-details.md explains
both.
"""

import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from functools import partial
from typing import Any, Protocol, TypeVar
from weakref import WeakKeyDictionary

import numpy as np
from numpy.linalg import norm

from compare.implementations import Array
from scratch_rnn import threads
from scratch_rnn.cells import gated
from scratch_rnn.checks import check_function, check_integer
from scratch_rnn.fast import product, sums

SAFETY = 8.0
"""A difference may be this many times the measured effect of rounding."""

PERTURBATIONS = 16
"""Number of runs with moved floats. Two equal terms move in opposite directions in all of these
runs with a probability of 2^-16."""

FEW = 1
"""Number of runs for a first tolerance. All runs give a larger one: they begin with these.

Nearly every right result is within the tolerance of a single run (of 1,500 results of five right
layers all but one); more runs would only take longer.
"""

LONG = 512
"""Number of terms from which one chain of additions can lose more than moves of the terms show."""

EXACTLY, IN_ONE_CHAIN = partial(np.sum, axis=-2, dtype=np.longdouble), partial(np.sum, axis=-2)
"""The two extreme ways to add up rows."""

Value = TypeVar("Value")


class Move(Protocol):
    """A function that is applied to every float value of a computation."""

    def __call__(self, value: Value, /) -> Value:
        """Return a copy with moved floats."""


Computation = Callable[[Move], Mapping[str, Array]]


class Unmoved(Enum):
    """The two moves that leave every value as it is."""

    RESULTS = "the results, as the package's own functions compute them"
    BASELINE = "the values from which moves are measured: computed as moved ones are, but exactly"

    def __call__(self, value: Value) -> Value:
        """Return the value."""
        return value


_one_at_a_time = threading.RLock()  # its holder may replace functions of `scratch_rnn`


def tolerances(
    compute: Computation, *, perturbations: int = PERTURBATIONS, seed: int = 0, gaps: int = 1
) -> tuple[dict[str, Array], dict[str, Array]]:
    """Run a computation with and without perturbations; return its results and their tolerances.

    Parameters
    ----------
    compute : function of `move`
        It applies ``move(value)`` to every float value: inputs, parameters, the tape, upstream
        gradients. It returns its results by name. ``compute(Unmoved.RESULTS)`` gives the results.
        ``compute(Unmoved.BASELINE)`` gives the baseline from which moves are measured. If
        `compute` runs other code when its floats are moved, it must run this code for the baseline
        too. Then an error in the results cannot increase its own tolerance.
    perturbations : int
        Number of runs with moved floats.
    seed : int
        Seed of the random directions.
    gaps : int
        Size of a move in ulps. A power of two above 1 is for an arithmetic that is less precise
        than the dtype by this factor.

    Returns
    -------
    results : dict of str to ndarray
        The results of the unmoved computation.
    allowed : dict of str to ndarray
        The tolerance of each entry of each result.
    """
    check_function("compute", compute)
    perturbations = check_integer("perturbations", perturbations, least=1)
    seed = check_integer("seed", seed, least=0)
    gaps = check_integer("gaps", gaps, least=1)
    results = {name: np.asarray(array) for name, array in compute(Unmoved.RESULTS).items()}
    return results, measure_tolerances(compute, perturbations, seed, gaps)


def measure_tolerances(
    compute: Computation,
    perturbations: int = PERTURBATIONS,
    seed: int = 0,
    gaps: int = 1,
    sums: Collection[str] = (),
) -> dict[str, Array]:
    """Return the tolerances alone, as `tolerances` does: without a run for the results.

    Every second run computes the activations in `sums` as sums.
    """
    rng = np.random.default_rng(seed)
    # Several threads would take the random moves in any order.
    with _one_at_a_time, threads.keep_batch_whole():
        with replace_sums(EXACTLY):
            exact = compute(Unmoved.BASELINE)
        baseline = {name: np.asarray(array) for name, array in exact.items()}
        moves = {name: np.zeros(array.shape) for name, array in baseline.items()}
        move: Move = lambda value: neighbour(value, rng, gaps)  # noqa: E731
        for k in range(perturbations):
            activations = move_activations(move, sums if k % 2 else ())
            with activations, replace_sums(IN_ONE_CHAIN), lose_in_long_products(rng, gaps):
                moved = compute(move)
            for name, array in moved.items():
                distance = absolute_difference(array, baseline[name])
                distance[np.isnan(distance) & ~np.isnan(baseline[name])] = np.inf
                np.maximum(moves[name], distance, out=moves[name])
    return {
        name: np.asarray(
            SAFETY * (np.maximum(moves[name], rms(moves[name])) + 2 * gaps * ulps(array))
        )
        for name, array in baseline.items()
    }


@contextmanager
def substitute(owner: object, name: str, function: Callable[..., object]) -> Iterator[None]:
    """Inside the ``with`` block, let this thread call `function` where it calls ``owner.name``.

    Other threads call the original function, and must not replace it meanwhile.
    """
    before, here = getattr(owner, name), threading.get_ident()

    def either(*arguments: object, **options: object) -> object:
        return (function if threading.get_ident() == here else before)(*arguments, **options)

    setattr(owner, name, either)
    try:
        yield
    finally:
        setattr(owner, name, before)


@contextmanager
def move_activations(move: Move, sums: Collection[str] = ()) -> Iterator[None]:
    """Inside the ``with`` block, move each σ that `scratch_rnn` computes.

    A gate is used before it is on the tape, so moving the tape is too late. If z of a GRU is nearly
    1, then 1 - z consists of the rounding of z, and so does (1 - z) n.

    "sigmoid" and "tanh" in `sums` are computed as 1/2 + s and as t - 1. That is as right, but a
    result near 0 then has the error of s ≈ -1/2 or of t ≈ 1.
    """
    sigmoid, tanh = gated.sigmoid, np.tanh

    def move_sigmoid(a: Array) -> None:
        if "sigmoid" in sums:
            a[...] = move(tanh(a / 2) / 2) + 0.5
        else:
            sigmoid(a)
        a[...] = move(a)

    def difference(a: Array, out: Array | None = None) -> Array:
        return np.asarray(np.subtract(move(tanh(a) + 1), 1, out=out))

    replaced = substitute(np, "tanh", difference) if "tanh" in sums else nullcontext()
    with substitute(gated, "sigmoid", move_sigmoid), replaced:
        yield


def replace_sums(how: Callable[[Array], Array]) -> AbstractContextManager[None]:
    """Inside the ``with`` block, let `scratch_rnn` add up rows in this way.

    The two extremes show how much the order of the additions can change the gradient of a bias. In
    the widest floats of NumPy (`EXACTLY`) nearly nothing is lost. One after the other
    (`IN_ONE_CHAIN`, in pieces if H is 1) the most is lost, and moves of the terms do not show this.
    """
    return substitute(sums, "sum_in_pieces", how)


@contextmanager
def lose_in_long_products(rng: np.random.Generator, gaps: int = 1) -> Iterator[None]:
    """Inside the ``with`` block, add to long recurrent products what one chain of additions loses.

    The chain itself would take too long, but its loss is known (Higham 2002, section 4.5). If the
    signs of K terms are random, the sum of the first k is √k times as large as a term. It is
    rounded by u/√3 of itself. Over all k this is u K / √6 of a term. The terms of an entry of h M
    have the RMS |h| |M| / K, with the norms of its row of h and of its column of M.

    A chain may also begin with a gate's input product a, to which the K recurrent terms are added.
    Then each of K sums is rounded by u/√3 of a. Over all k this is u √(K/3) of a.
    """
    multiply, input_products = product.Times.__call__, gated.input_products
    norms_of_M: WeakKeyDictionary[product.Times, Array] = WeakKeyDictionary()

    def lose(sums: Array, lost: Array) -> None:
        u = np.finfo(sums.dtype).eps / 2  # the loss comes in units of u
        sums += gaps * u * lost * rng.standard_normal(sums.shape)

    def multiply_and_lose(times: product.Times, h: Array) -> Array:
        result = multiply(times, h)
        if h.shape[-1] >= LONG:
            if times not in norms_of_M:
                norms_of_M[times] = norm(np.float64(times.M), axis=-2, keepdims=True)
            norms_of_h = norm(np.float64(h), axis=-1, keepdims=True)
            lose(result, norms_of_h * norms_of_M[times] / np.sqrt(6))
        return result

    def begin_and_lose(x: Array, W_ih: Array, b: Array | None) -> Array:
        a = input_products(x, W_ih, b)  # (G, T, B, H)
        K = a.shape[-1]  # with a projection there are fewer recurrent terms
        if K >= LONG:
            lose(a, a * np.sqrt(K / 3))
        return a

    with (
        substitute(product.Times, "__call__", multiply_and_lose),
        substitute(gated, "input_products", begin_and_lose),
    ):
        yield


def neighbour(value: Value, rng: np.random.Generator, gaps: int = 1) -> Value:
    """Return a copy of `value` in which each float is moved to one of its two neighbours at random.

    With `gaps` each move is `gaps` times as large.

    Zero stays zero, because these zeros are exact: the output of a ReLU that is off, the padding
    after the end of a sequence, an entry dropped by a mask. Floats are found in arrays, dicts,
    tuples, lists and dataclasses. Everything else, such as integers, is returned unchanged.
    `value` itself does not change.
    """

    def move(value: object) -> Any:
        if isinstance(value, np.ndarray | np.floating) and value.dtype.kind == "f":
            array = np.asarray(value)
            far = np.copysign(np.inf, 0.5 - rng.random(array.shape), dtype=array.dtype)
            moved = np.nextafter(array, far)
            if gaps > 1:
                moved = array + gaps * (moved - array)
            return np.where(array == 0, array, moved)[()]  # [()]: a scalar stays one
        if isinstance(value, dict):
            return {key: move(item) for key, item in value.items()}
        if isinstance(value, tuple) and hasattr(value, "_fields"):
            return type(value)(*map(move, value))
        if isinstance(value, tuple | list):
            return type(value)(map(move, value))
        if is_dataclass(value) and not isinstance(value, type):
            return replace(value, **{f.name: move(getattr(value, f.name)) for f in fields(value)})
        return value

    moved: Value = move(value)
    return moved


def largest_difference(a: Array, b: Array) -> float:
    """Return max |a - b|; 0 for empty arrays, NaN if any entry is NaN."""
    return float(absolute_difference(a, b).max()) if a.size else 0.0


def round_to(array: Array, dtype: str) -> Array:
    """Return an array whose floats are numbers of a coarser dtype; its own dtype stays."""
    if array.dtype.kind != "f":
        return array
    coarse: Array
    if dtype == "bfloat16":  # the upper half of a float32
        bits = array.astype(np.float32).view(np.uint32) & np.uint32(0xFFFF0000)
        coarse = bits.view(np.float32)
    else:
        coarse = array.astype(dtype)
    return coarse.astype(array.dtype)


def absolute_difference(a: Array, b: Array) -> Array:
    """Return |a - b| for each entry, in float64; two infinities of the same sign are equal."""
    with np.errstate(invalid="ignore", over="ignore"):
        return np.where(a == b, 0.0, np.abs(np.subtract(a, b, dtype=np.float64)))


def rms(array: Array) -> float:
    """Return the root mean square of the entries; 0 for an empty array."""
    largest = float(np.abs(array).max()) if array.size else 0.0
    if largest == 0 or not np.isfinite(largest):
        return largest
    return largest * float(np.sqrt(np.mean(np.square(np.asarray(array, np.float64) / largest))))


def largest_difference_in_ulps(a: Array, b: Array) -> float:
    """Return max |a - b| in ulps: each entry is divided by its own `np.spacing`."""
    if a.size == 0:
        return 0.0
    with np.errstate(invalid="ignore", over="ignore"):
        gaps = np.spacing(np.maximum(np.abs(a), np.abs(b)))
        return float(np.where(a == b, 0, np.abs(a - b) / gaps).max())


def ulps(array: Array) -> Array:
    """Return `np.spacing` of each entry's magnitude, in float64.

    It is at least the smallest normal number, because some processors and libraries make 0 of what
    is smaller.
    """
    least = np.finfo(array.dtype).smallest_normal
    with np.errstate(invalid="ignore"):
        gaps = np.fmax(np.spacing(np.abs(array)), least)  # fmax: the spacing of infinity is NaN
    return np.asarray(gaps, np.float64)
