"""``rnn-parity parity A B`` and ``bisect A B``: any two implementations of a layer, compared."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from compare import parity as models
from compare.check import GAPS, LayerCase
from compare.forms import are_classes, are_forms, compare_targets
from compare.implementations import (
    CELLS,
    INFERENCE,
    INITIAL,
    LAST,
    CallFailed,
    Implementation,
    Target,
    choose_layer,
    guess_cell,
    implementation,
    read_arrays,
    read_layers,
    read_target,
)
from compare.mistakes import describe_gates
from compare.pairs.arrays import compare_arrays
from compare.pairs.cases import list_cases, shrink
from compare.pairs.comparison import (
    ComparedSide,
    PairResult,
    choose_dtype,
    compare_pair,
    find_mistake,
)
from compare.pairs.config import OF_FUNCTIONS, PairConfig, PairOptions
from compare.parity import Agreement, ParityReport, SharedOptions, demand_agreement, show_parity
from compare.terminal import (
    Terminal,
    UsageError,
    all_but,
    describe_range,
    plural,
    refuse_options,
)

OURS = ("scratch", "torch")
"""The targets that have every cell."""


@dataclass(frozen=True)
class Pair:
    """Two implementations of a cell, and the cases on which they are compared."""

    sides: tuple[ComparedSide, ComparedSide]
    cases: Sequence[LayerCase]


def parity(config: PairConfig, terminal: Terminal | None = None) -> ParityReport:
    """Compare both models, or two targets, and print the table.

    Parameters
    ----------
    config : PairConfig
        The targets, or none for both models, and the options of ``rnn-parity parity``.
    terminal : Terminal, optional
        Where to print. Default: nothing is printed.

    Returns
    -------
    ParityReport
        A row for each tensor; both sides agree in all of them.

    Raises
    ------
    ParityError
        If they differ; UndecidableError if rounding alone could change a result by 100 %.
    UsageError, RecordError, DeviceError, OSError
        If an option, a target, a file or the device is not valid.
    """
    terminal = terminal or Terminal(quiet=True)
    config.check()
    if not config.targets:
        with models.prepare(config, terminal) as experiment:
            return models.compare_untrained(experiment, terminal)
    a, b = (read_target(text) for text in config.targets)
    if are_forms((a, b), config.like):
        return _compare_functions(config, (a, b), terminal)
    if config.dtype not in ("float32", "float64"):
        raise UsageError(f"expected --dtype-b {config.dtype}, of a PyTorch module, got --dtype")
    if config.like is not None:
        report = compare_arrays(config, terminal)
    else:
        try:
            report = _compare_layers(config, terminal)
        except UsageError:
            if not are_classes((a, b)) or any(map(_is_layer, config.targets)):
                raise
            return _compare_functions(config, (a, b), terminal)
    demand_agreement(report, "A and B")
    return report


def _compare_layers(config: PairConfig, terminal: Terminal) -> ParityReport:
    """Compare two layers on one case after the other; print and return the worst one's rows.

    Whether a case differs is known before the share of its tolerance, and is said first.
    """
    with open_pair(config, config, terminal) as pair:
        results = list(_show_progress(pair, terminal))
        if len(results) > 1 and not results[-1].differs:
            terminal.line(f"None of {len(results)} cases differs by more than rounding.", "green")
        show(pair, results, terminal)
        return choose(results).report


def _is_layer(target: str) -> bool:
    """Return whether a target is a layer of a cell that is known."""
    try:
        with implementation(target):
            return True
    except UsageError:
        return False


def _compare_functions(
    config: PairConfig, targets: tuple[Target, Target], terminal: Terminal
) -> ParityReport:
    """Compare two functions of arrays, or two classes that are not layers of one cell."""
    refuse_options(config, all_but(config, *OF_FUNCTIONS), "two layers with these options")
    devices = config.device, config.device_b or config.device
    for device in devices:
        models.check_device(device)
    return compare_targets(
        targets,
        terminal,
        like=config.like,
        dtype=config.dtype,
        seed=config.seed,
        devices=devices,
    )


def bisect_pair(
    options: PairOptions, config: SharedOptions, terminal: Terminal
) -> PairResult | None:
    """Find the smallest case on which two targets differ, and print their first difference.

    Parameters
    ----------
    options : PairOptions
        The targets, and the options of two targets.
    config : SharedOptions
        The seed, the cell, the dtype and the device.
    terminal : Terminal
        Where to print.

    Returns
    -------
    PairResult or None
        The results on the smallest case; None if the targets differ on no case.

    Raises
    ------
    UsageError, RecordError, OSError
        If an option, a target or a file is not valid.
    """
    with open_pair(options, config, terminal) as pair:
        *_, last = _show_progress(pair, terminal)
        if not last.differs:
            show(pair, [last], terminal)
            return None
        smallest = _find_smallest(pair.sides, last)
        show(pair, [smallest], terminal)
        return smallest


def _show_progress(pair: Pair, terminal: Terminal) -> Iterator[PairResult]:
    """Yield the result of each case; from time to time, print how many there are."""
    for k, result in enumerate(compare_pair(pair.sides, pair.cases), start=1):
        yield result
        terminal.line_at_times(f"{k} of {len(pair.cases)} cases are compared")


def _find_smallest(sides: tuple[ComparedSide, ComparedSide], result: PairResult) -> PairResult:
    """Return the result of a smaller case that differs too, as long as there is one."""
    for smaller in compare_pair(sides, shrink(result.case)):
        if smaller.differs:
            return _find_smallest(sides, smaller)
    return result


@contextmanager
def open_pair(options: PairOptions, config: SharedOptions, terminal: Terminal) -> Iterator[Pair]:
    """Load both targets and the user's weights, and print the subject of the comparison.

    UsageError if one of them cannot be used, or gives no results.
    """
    weights_file = None if options.weights is None else read_target(str(options.weights))
    layers = {} if weights_file is None else read_layers(weights_file.path)
    weights = (
        choose_layer(layers, weights_file.place, weights_file.name)
        if weights_file and layers
        else None
    )
    stated = None if config.cell == next(iter(CELLS)) else config.cell  # the first is the default
    cell = stated if weights is None else guess_cell(weights, config.cell).name
    devices = (config.device, options.device_b or config.device)
    for device in devices:
        models.check_device(device)
    with ExitStack() as stack:
        try:
            a, b = _load_both(stack, options, cell, devices)
            if weights_file and weights is None:
                arrays = read_arrays(weights_file.path)
                layers = a.read_own(arrays) or b.read_own(arrays)
                weights = choose_layer(layers, weights_file.place, weights_file.name)
            weights = next((w for w in (weights, a.weights, b.weights) if w is not None), None)
            if weights is not None:
                a.check_weights(weights)
                b.check_weights(weights)
            sides = (
                ComparedSide("A", a, choose_dtype(a, config.dtype)),
                ComparedSide("B", b, choose_dtype(b, options.dtype_b or config.dtype)),
            )
            dtypes = {side.dtype for side in sides}
            fields: dict[str, Any] = {
                "dtype": "float64" if dtypes == {"float64"} else "float32",
                "precision": next(iter(dtypes & GAPS.keys()), ""),
                "seed": config.seed,
                "nonlinearity": config.nonlinearity,
                "lacks": (a.lacks | b.lacks) & {INFERENCE},
                "h0": INITIAL not in a.lacks | b.lacks,
                "upstream": "output" if LAST in a.lacks | b.lacks else "both",
            }
            if not a.cell.adds_biases:
                fields["one_bias"] = weights is None and any(map(has_one_bias, (a, b)))
            pair = Pair(sides, list_cases(options, a.cell, weights, **fields))
            _describe(pair, devices, terminal, options.weights is not None)
            yield pair
        except CallFailed as failure:
            raise UsageError(f"expected results of both targets, got: {failure}") from None


def _load_both(
    stack: ExitStack, options: PairOptions, cell: str | None, devices: Sequence[str]
) -> tuple[Implementation, Implementation]:
    """Return both implementations; one that has every cell gets the cell of the other."""
    targets, orders = options.targets, (options.gates, options.gates_b)
    loaded: dict[int, Implementation] = {}
    for k in sorted((0, 1), key=lambda k: targets[k] in OURS):
        first = next(iter(loaded.values()), None)
        cell_of_target = cell or (
            first.cell.name if first is not None and targets[k] in OURS else None
        )
        device = None if devices[k] == "cpu" else devices[k]
        layer = implementation(targets[k], cell_of_target, device=device, gates=orders[k])
        loaded[k] = stack.enter_context(layer)
    a, b = loaded[0], loaded[1]
    if a.cell != b.cell:
        got = f"{a.title} ({a.cell.name}) and {b.title} ({b.cell.name})"
        raise UsageError(f"expected two layers of one cell, or --cell, got {got}")
    return a, b


def has_one_bias(layer: Implementation) -> bool:
    """Return whether a layer has one bias where PyTorch has two."""
    dtype = choose_dtype(layer, "float32")
    case = LayerCase(layer.cell.name, V=2, H=3, dtype=dtype, one_bias=True)
    layer.load(case.floats.parameters)
    return "bias_hh_l0" not in layer.parameters


# Output -----------------------------------------------------------------------------------------


def _describe(
    pair: Pair, devices: Sequence[str], terminal: Terminal, has_weights: bool = False
) -> None:
    """Print both sides and the cases, and each weight of a side that differs from the cases'."""
    for side, device in zip(pair.sides, devices, strict=True):
        where = "" if device == "cpu" else f" on {device}"
        terminal.line(f"{side.name}  {side.implementation.title}, {side.dtype}{where}")
        if side.implementation.layout:
            terminal.line(f"   Detected: {side.implementation.layout}", "dim")
    first, *more = pair.cases
    described = first.describe() if not more else _describe_sizes(pair.cases)
    others = [(side, weight) for side in pair.sides for weight in side.compare_weights(first)]
    equal = "inputs" if others else "weights and inputs"
    terminal.line(f"{plural(len(pair.cases), 'case')} with equal {equal}: {described}", "dim")
    for side, weight in others:
        whose = "--weights" if has_weights else "A"
        how = describe_gates(first.cell, weight) or f"Up to {weight.difference:.1e} apart."
        both = (("It", weight.got, weight.expected), (whose, weight.expected, weight.got))
        for one, rounded, array in both:
            if (rounded == array.astype("float16")).all():
                how = f"{one} is rounded to float16."
        terminal.line(f"{side.name} has another {weight.tensor} than {whose}. {how}")
    terminal.line()


def _describe_sizes(cases: Sequence[LayerCase]) -> str:
    """Return the smallest and the largest of each size in words."""
    ranges = [
        describe_range(letter, [getattr(case, letter) for case in cases]) for letter in "TBVH"
    ]
    return ", ".join([*ranges, cases[0].cell, cases[0].dtype])


def choose(results: Sequence[PairResult]) -> PairResult:
    """Return the result to show: the one with the worst verdict, and of these the largest share.

    Special values whose results rounding alone decides count only if there is nothing else. The
    last one is the worst if it differs: no case was compared after it.
    """
    if results[-1].differs:
        return results[-1]
    order = list(Agreement)

    def rank_result(result: PairResult) -> tuple[bool, int, float]:
        verdict, rows = result.report.verdict, result.report.rows
        tells = not result.case.levels or verdict is not Agreement.UNDECIDABLE
        return tells, order.index(verdict), max((row.share for row in rows), default=0.0)

    return max(results, key=rank_result)


def show(pair: Pair, results: Sequence[PairResult], terminal: Terminal) -> None:
    """Print the table of one case, and explain a difference."""
    result = choose(results)
    if any(case is not result.case for case in pair.cases):  # one of several, or a smaller one
        what = "A and B differ" if result.differs else "The largest difference is"
        without = "" if result.case.h0 else ", no initial state"
        terminal.line(f"{what} in this case: {result.case.describe()}{without}")
    for side in pair.sides:
        if lacking := result.list_lacking(side):
            has_none = "gradient of weight_ih_l0" in lacking
            what = " gradients" if has_none else f": {', '.join(lacking)}"
            terminal.line(f"{side.name} does not compute{what}", "dim")
    show_parity(result.report, terminal, ("A", "B"))
    if result.differs:
        _show_difference(pair, result, terminal)


def _show_difference(pair: Pair, result: PairResult, terminal: Terminal) -> None:
    """Print the first difference, which side is wrong, and the likely mistake."""
    first = result.first
    assert first is not None
    step = f" at step {first.step} of {result.case.T}" if first.step is not None else ""
    step += " of the reverse direction" * (first.backward and first.tensor == "output")
    described = first.describe().replace("expected", "A has").replace("got", "B has")
    terminal.line(f"First difference: {first.tensor}{step}, {described}")
    if where := result.find_layer():
        terminal.line(f"h_n differs first in {where}.")
    right = [side for side in pair.sides if result.is_right(side)]
    wrong = [side for side in pair.sides if side not in right]
    if len(wrong) == 1:
        terminal.line(
            f"{right[0].name} agrees with the computation in float64; {wrong[0].name} does not."
        )
    else:
        which = "Both agree" if right else "Neither agrees"
        terminal.line(f"{which} with the computation in float64.")
    for side in wrong:
        if mistake := find_mistake(result, side, pair.cases):
            terminal.line(f"Likely mistake of {side.name}: {mistake}", "bold")
