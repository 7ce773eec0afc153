"""Measure how well the usual ways of saying "equal" find what is wrong in a recurrent layer.

    python docs/scripts/comparisons.py right 10000    # false alarms: scratch_rnn and PyTorch
    python docs/scripts/comparisons.py bugs           # missed: the catalogue of bugs
    python docs/scripts/comparisons.py draw           # write docs/trust/comparisons.md

Results are stored in docs/measurements/comparisons.json. `right` stores them every 100 cases, and
goes on from there when it is started again.
"""

import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from pages import DOCS, add, fill, name_versions, read, table, versions
from threadpoolctl import threadpool_limits

from compare.check.cases.floats import convert_to_float64
from compare.check.cases.layer_case import LayerCase, draw_case
from compare.check.cases.layer_results import rounding, run
from compare.check.cases.reference import torch_results
from compare.implementations import CELLS, Results
from compare.mistakes.catalogue import BUGS
from compare.parity import rms

PAGE = DOCS / "trust" / "comparisons.md"
PICTURE = DOCS / "images" / "comparisons.png"

LONG = (1, 2, 3, 5, 8, 13, 21, 35, 60, 100, 200)
"""Numbers of steps of the right cases."""
SHORT = (1, 2, 3, 5, 8, 13, 21, 35)
"""Those of the wrong cases, so that the same case in float64 says what is wrong."""
WRONG_CASES = 40
"""Cases a cell on which each wrong layer is tried."""
IS_WRONG = 1e-8
"""In float64, a result is wrong if it is off by this share of its tensor's RMS."""

DTYPES = ("float32", "float64")


# The rules --------------------------------------------------------------------------------------
#
# Each takes PyTorch's array, the array that is compared, PyTorch's array in float64, and what
# rounding may do to each entry. It returns whether it says "equal".

Rule = Callable[[np.ndarray, np.ndarray, np.ndarray, np.ndarray], bool]


def assert_close(theirs: np.ndarray, ours: np.ndarray, *_: np.ndarray) -> bool:
    """Call torch.testing.assert_close with its default tolerances of the dtype."""
    try:
        torch.testing.assert_close(torch.from_numpy(ours), torch.from_numpy(theirs))
    except AssertionError:
        return False
    return True


def allclose(theirs: np.ndarray, ours: np.ndarray, *_: np.ndarray) -> bool:
    """Call np.allclose with its defaults, rtol 1e-5 and atol 1e-8."""
    return bool(np.allclose(ours, theirs))


def fixed(theirs: np.ndarray, ours: np.ndarray, *_: np.ndarray) -> bool:
    """Allow each entry to differ by 1e-3."""
    return bool(np.all(np.abs(ours - theirs) <= 1e-3))


def cosine(theirs: np.ndarray, ours: np.ndarray, *_: np.ndarray) -> bool:
    """Ask for a cosine of the angle between the arrays of at least 0.99; 0 and 0 are equal."""
    a, b = ours.astype(np.float64).ravel(), theirs.astype(np.float64).ravel()
    length = np.linalg.norm(a) * np.linalg.norm(b)
    return bool(a @ b >= 0.99 * length) if length else not (a.any() or b.any())


def dynamo(theirs: np.ndarray, ours: np.ndarray, truth: np.ndarray, _: np.ndarray) -> bool:
    """Call TorchDynamo's function: allclose to 1e-4, or an RMSE of at most a multiple of PyTorch's.

    The multiple is 3 below 1000 entries and else 2, and a tenth of the 1e-4 is added (torch 2.13).
    """
    from torch._dynamo.utils import same

    reference, result = torch.from_numpy(theirs), torch.from_numpy(ours)
    return bool(same(reference, result, torch.from_numpy(truth), log_error=lambda *_: None))


def twice_the_error(theirs: np.ndarray, ours: np.ndarray, truth: np.ndarray, _: np.ndarray) -> bool:
    """Allow at most twice PyTorch's RMSE against float64, and nothing else."""
    return bool(rms(ours - truth) <= 2 * rms(theirs - truth))


def one_tolerance(theirs: np.ndarray, ours: np.ndarray, _: np.ndarray, allowed: np.ndarray) -> bool:
    """Allow each entry what the entry with the largest tolerance of its tensor may differ."""
    return bool(np.all(np.abs(ours - theirs) <= allowed.max(initial=0)))


def own_tolerance(theirs: np.ndarray, ours: np.ndarray, _: np.ndarray, allowed: np.ndarray) -> bool:
    """Allow each entry its own tolerance, as this project does."""
    return bool(np.all(np.abs(ours - theirs) <= allowed))


RULES: dict[str, Rule] = {
    "torch.testing.assert_close": assert_close,
    "np.allclose": allclose,
    "at most 1e-3": fixed,
    "cosine of 0.99": cosine,
    "TorchDynamo's same": dynamo,
    "twice PyTorch's error": twice_the_error,
    "one tolerance a tensor": one_tolerance,
    "one tolerance an entry": own_tolerance,
}


def equal_to(
    theirs: Results, truth: Results, allowed: Mapping[str, np.ndarray], ours: Results
) -> set[str]:
    """Return the rules that say "equal" of all tensors of a case."""
    if any(n not in ours or ours[n].shape != array.shape for n, array in theirs.items()):
        return set()  # every rule refuses another shape
    return {
        name
        for name, rule in RULES.items()
        if all(rule(array, ours[n], truth[n], allowed[n]) for n, array in theirs.items())
    }


# Cases ------------------------------------------------------------------------------------------


def with_float64(case: LayerCase) -> LayerCase:
    """Return the case with the same numbers in float64."""
    floats = replace(case.floats, **convert_to_float64(vars(case.floats)))
    return replace(case, dtype="float64").attach_floats(floats)


def answers(case: LayerCase) -> tuple[Results, Results, dict[str, np.ndarray]]:
    """Return PyTorch's results, those in float64, and what rounding may do."""
    return torch_results(case), torch_results(with_float64(case)), rounding(case)[1]


def wrong_cases(cells: tuple[str, ...], dtype: str) -> Iterator[LayerCase]:
    """Yield the cases on which each wrong layer of these cells is tried."""
    for cell in cells:
        for i in range(WRONG_CASES):
            rng = np.random.default_rng([i, tuple(CELLS).index(cell)])
            yield draw_case(rng, cell=cell, T=SHORT, gain=(0.5, 1.0, 1.5), dtype=dtype)


# Measuring --------------------------------------------------------------------------------------


def measure_right(count: int) -> None:
    """Count the false alarms: scratch_rnn's results are right, and PyTorch's are."""
    data = read("comparisons")
    refused = {dtype: dict.fromkeys(RULES, 0) for dtype in DTYPES}
    begun = {"cases": 0, "overflowed": dict.fromkeys(DTYPES, 0), "refused": refused}
    right = data.setdefault("right", begun)
    right |= {"command": f"python docs/scripts/comparisons.py right {count}"} | versions()
    for i in range(right["cases"], count):
        rng = np.random.default_rng([i, 99])
        cell, dtype = tuple(CELLS)[i // 2 % 3], DTYPES[i % 2]
        case = draw_case(rng, cell=cell, T=LONG, dtype=dtype)
        if all(np.isfinite(array).all() for array in torch_results(case).values()):
            equal = equal_to(*answers(case), rounding(case)[0])
            for name in RULES:
                right["refused"][dtype][name] += name not in equal
        else:  # a ReLU network has exploded, and there is nothing to compare
            right["overflowed"][dtype] += 1
        right["cases"] = i + 1
        if right["cases"] % 100 == 0 or right["cases"] == count:
            add("comparisons", data)
            say(f"{right['cases']:,} of {count:,} cases: refused {right['refused']}")


def measure_bugs() -> None:
    """Count the bugs that a rule misses. Only those that change a layer's numbers are tried."""
    known = {
        (dtype, cell): [(case, answers(case)) for case in wrong_cases((cell,), dtype)]
        for dtype in DTYPES
        for cell in CELLS
    }
    found: dict[str, Any] = {}
    for bug in (bug for bug in BUGS if bug.package == "scratch_rnn"):
        package = bug.load()
        wrong, missed = 0, dict.fromkeys(RULES, 0)
        for cell in CELLS:
            layer = getattr(package, CELLS[cell].layer)
            pairs = zip(known["float32", cell], known["float64", cell], strict=True)
            for (single, single_answers), (double, double_answers) in pairs:
                in_double = results_of(layer, double)
                if not is_wrong(in_double, rounding(double)[0]):
                    continue
                in_single = results_of(layer, single)
                tried = [(double_answers, in_double)]
                if not are_identical(in_single, rounding(single)[0]):  # wrong in float64 alone
                    tried.append((single_answers, in_single))
                for case_answers, results in tried:
                    equal = set() if results is None else equal_to(*case_answers, results)
                    wrong += 1
                    for name in equal:
                        missed[name] += 1
        if wrong:
            found[bug.name] = {"wrong": wrong, "missed": {n: k for n, k in missed.items() if k}}
            say(f"{bug.name}: {wrong} wrong results, missed {missed}")
    command = "python docs/scripts/comparisons.py bugs"
    add("comparisons", {"bugs": {"command": command, "found": found} | versions()})


def results_of(layer: Any, case: LayerCase) -> Results | None:
    """Return what a wrong layer computes; None if it raises."""
    try:
        with np.errstate(all="ignore"):
            return {n: array.copy() for n, array in run(layer, case).items()}
    except Exception:
        return None


def are_identical(results: Results | None, others: Results) -> bool:
    """Return whether a layer that does not raise gives the same bits."""
    return results is not None and all(
        name in results and np.array_equal(results[name], array) for name, array in others.items()
    )


def is_wrong(results: Results | None, right: Results) -> bool:
    """Return whether results in float64 differ by more than any order of sums explains."""
    return results is None or not all(
        name in results
        and results[name].shape == array.shape
        and np.all(np.abs(results[name] - array) <= IS_WRONG * rms(array))
        for name, array in right.items()
    )


def say(line: str) -> None:
    """Show how far the measurement is."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


# Showing ----------------------------------------------------------------------------------------


def shares() -> dict[str, tuple[float, ...]]:
    """Return shares for each rule: false alarms of each dtype; wrong results missed; bugs missed.

    Each bug counts the same. It is missed if the rule calls all of its results equal.
    """
    data = read("comparisons")
    right = data["right"]
    compared = {dtype: right["cases"] / 2 - right["overflowed"][dtype] for dtype in DTYPES}
    columns = {
        name: [right["refused"][dtype][name] / compared[dtype] for dtype in DTYPES]
        for name in RULES
    }
    for name in RULES:
        bugs = data["bugs"]["found"].values()
        share = [bug["missed"].get(name, 0) / bug["wrong"] for bug in bugs]
        columns[name] += [float(np.mean(share)), float(np.mean(np.equal(share, 1)))]
    return {name: tuple(values) for name, values in columns.items()}


def tables() -> dict[str, str]:
    """Return the table of the page, with its sources."""
    data = read("comparisons")
    head = [
        "rule",
        "false alarms in float32",
        "in float64",
        f"{len(data['bugs']['found'])} bugs: wrong results missed",
        "bugs never noticed",
    ]
    rows = [[name, *(f"{100 * v:.2f} %" for v in values)] for name, values in shares().items()]
    sources = "\n".join(
        f"- `{data[kind]['command']}`: {data[kind]['date']}, {name_versions(data[kind])}"
        for kind in ("right", "bugs")
    )
    return {"comparisons": f"{table(head, rows, len(head) - 1)}\n\n{sources}"}


def draw() -> None:
    """Draw the picture, and write the table into the page."""
    fill(PAGE, tables())
    figure = Figure(figsize=(7, 4.2), layout="constrained")
    axes = figure.subplots()
    for name, values in shares().items():
        ours = name.startswith("one tolerance")
        x, y = 100 * values[0], 100 * values[2]
        axes.plot(x, y, "o", color="#2a8f6f" if ours else "#1f3f77")
        above = -10 if name == "one tolerance an entry" else 4  # nearly in the same place
        axes.annotate(name, (x, y), xytext=(6, above), textcoords="offset points", fontsize=8)
    axes.set_xlabel("right cases in float32 that are refused (per cent)")
    axes.set_ylabel("wrong results of bugs that are accepted (per cent)")
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_xscale("symlog", linthresh=0.1)
    axes.set_xlim(-0.02, 1000)  # space for the names; no share is above 100 per cent
    axes.set_xticks([0, 0.1, 1, 10, 100], labels=["0", "0.1", "1", "10", "100"])
    axes.minorticks_off()
    figure.savefig(PICTURE, dpi=150)


def main(arguments: list[str]) -> int:
    """Run the command in the arguments."""
    match arguments:
        case ["right", count] if count.isdecimal():
            measure_right(int(count))
        case ["bugs"]:
            measure_bugs()
        case ["draw"]:
            draw()
        case _:
            sys.stderr.write("expected right COUNT, bugs or draw\n")
            return 2
    return 0


if __name__ == "__main__":
    torch.set_num_threads(1)
    with threadpool_limits(1):
        sys.exit(main(sys.argv[1:]))
