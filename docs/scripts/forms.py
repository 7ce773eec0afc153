"""Measure which wrong forms of a recurrence other projects' tolerances accept, and `parity`.

    python docs/scripts/forms.py measure   # half an hour; what was measured before stays
    python docs/scripts/forms.py draw      # write docs/trust/forms.md

The forms are those of tests/compare/forms/corpus; docs/measurements/forms.json keeps the counts.
"""

import inspect
import sys
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
from form_parity import ADDRESS, NAME, RUNS, SAYS, Parity
from form_rules import GATES, RULES, Rule
from matplotlib.figure import Figure
from pages import (
    BLUE,
    DOCS,
    RED,
    add,
    command,
    dress,
    fill,
    name_versions,
    read,
    table,
    versions,
)

from tests.compare.forms.corpus import RIGHT, WRONG, Pair

PAGE = DOCS / "trust" / "forms.md"
PICTURE = DOCS / "images" / "forms.png"

CASES = 300
"""Cases that are counted of each pair; of a wrong form, those in which its bug shows."""
DRAWN = 4000
"""The most cases that are drawn for that."""
LENGTHS = (1, 2, 3, 4, 5, 7, 8, 9, 13, 16, 17, 33, 64, 70)
WIDTHS = (1, 2, 3, 4, 6)
"""Numbers of steps, and all other sizes."""
SCALES, SHIFTS = (0.1, 1.0, 4.0), (0.0, -3.0, 3.0)
"""Magnitudes of all arrays; what is added to gates, so that they are about 0.5, 0.05 and 0.95."""
PLACES = {"fla CI": (30, 4), "KernelBench": (56, 4), "NumPy": (6, -11)}
"""Where the names of some rules are in the picture: another point is close."""
OFTEN = 0.1
"""The share of a bug's cases from which on the page names a rule that accepts them."""
SHOWS = 1e-4
"""A bug shows if a tensor is off by this share of its largest entry: 1,000 roundings of float32."""
SMALL = 0.01
"""The share of the largest entry of all tensors that counts as a tensor's largest, at least: else
the rounding of a gradient whose terms cancel would be a bug."""

Tensors = dict[str, torch.Tensor]


# Cases ------------------------------------------------------------------------------------------


def draw_case(pair: Pair, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Return arguments of both forms, whose numbers are those of float32."""
    annotations = inspect.get_annotations(pair.form)
    dims = {name: a.dim_str.split() for name, a in annotations.items() if hasattr(a, "dim_str")}
    sizes = {size: int(rng.choice(WIDTHS)) for names in dims.values() for size in names}
    sizes["T"] = int(rng.choice(LENGTHS))
    dims.pop("return", None)
    if case := getattr(inspect.getmodule(pair.form), "case", None):
        arrays = case(rng, **sizes)
    else:
        arrays = {n: rng.standard_normal([sizes[d] for d in names]) for n, names in dims.items()}
    scale, shift = rng.choice(SCALES), rng.choice(SHIFTS)
    for name in arrays:
        if arrays[name].dtype.kind == "f":
            arrays[name] = np.float32(arrays[name] * scale + shift * (name in GATES))
    return arrays


def run(form: Callable, arrays: dict[str, np.ndarray], dtype: torch.dtype) -> Tensors:
    """Return a form's outputs, and the gradients of its arguments for upstream ones."""
    given = {name: torch.tensor(array) for name, array in arrays.items()}
    leaves = {n: x.to(dtype).requires_grad_() for n, x in given.items() if x.is_floating_point()}
    outputs = form(**given | leaves)
    outputs = outputs if isinstance(outputs, tuple) else (outputs,)
    generator = torch.Generator().manual_seed(0)
    upstream = [torch.randn(y.shape, generator=generator).to(dtype) for y in outputs]
    loss = sum((y * d).sum() for y, d in zip(outputs, upstream, strict=True) if y.requires_grad)
    found = torch.autograd.grad(loss, [*leaves.values()], materialize_grads=True)
    results = {f"y{n}": y.detach() for n, y in enumerate(outputs)}
    return results | dict(zip(leaves, found, strict=True))


def is_off(truth: Tensors, got: Tensors) -> bool:
    """Return whether a tensor is wrong by more than float32 explains, or not finite."""
    smallest = SMALL * max(x.abs().max().item() for x in truth.values())
    return not all(
        ((truth[n] - got[n]).abs().max() <= SHOWS * max(x.abs().max().item(), smallest)).item()
        for n, x in truth.items()
    )


class Case(NamedTuple):
    """The arguments, and what both forms computed: the trusted one in float64 too."""

    arrays: dict[str, np.ndarray]
    truth: Tensors
    theirs: Tensors
    ours: Tensors

    @property
    def shows_the_bug(self) -> bool:
        """Return whether the other form is off in float32, and the trusted one is not."""
        return is_off(self.truth, self.ours) and not is_off(self.truth, self.theirs)

    def accepted(self, rule: Rule) -> bool:
        """Return whether a rule calls all tensors equal."""
        return all(
            rule.holds(name, self.theirs[name], self.ours[name], truth)
            for name, truth in self.truth.items()
        )


def cases(pair: Pair, number: int) -> Iterator[Case]:
    """Yield cases of a pair."""
    for i in range(DRAWN):
        arrays = draw_case(pair, np.random.default_rng([i, number]))
        truth = run(pair.form, arrays, torch.float64)
        theirs, ours = (run(form, arrays, torch.float32) for form in pair[:2])
        yield Case(arrays, truth, theirs, ours)


# Measuring --------------------------------------------------------------------------------------


def measure() -> None:
    """Count what each rule says of right forms and of wrong ones, pair by pair."""
    about = {"command": "python docs/scripts/forms.py measure"} | versions()
    kinds = {"right": (RIGHT, lambda case: True), "wrong": (WRONG, lambda case: case.shows_the_bug)}
    for kind, (pairs, is_counted) in kinds.items():
        for number, pair in enumerate(pairs):
            stored = read("forms").get(kind, {})
            if pair.name not in stored:
                counts = count(pair, number, is_counted)
                add("forms", {"about": about, kind: stored | {pair.name: counts}})


def count(pair: Pair, number: int, is_counted: Callable[[Case], bool]) -> dict[str, Any]:
    """Count the cases of a pair in which each rule calls its forms equal, and what runs say."""
    parity = Parity(pair)
    drawn, counted, accepted = 0, 0, dict.fromkeys((*(rule.name for rule in RULES), NAME), 0)
    for case in cases(pair, number):
        drawn += 1
        if is_counted(case):
            counted += 1
            for rule in RULES:
                accepted[rule.name] += case.accepted(rule)
            accepted[NAME] += parity.accepts(case.arrays)
        if counted == CASES:
            break
    runs = parity.run()
    say(f"{pair.name}: {counted} of {drawn} cases, accepted {accepted}, runs {runs}")
    return {"drawn": drawn, "cases": counted, "accepted": accepted, "runs": runs}


def say(line: str) -> None:
    """Show how far the measurement is."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


# Showing ----------------------------------------------------------------------------------------


def shares(kind: str) -> dict[str, list[float]]:
    """Return, for each rule and for parity, the share of cases that it accepts of each pair."""
    pairs = read("forms")[kind].values()
    return {
        name: [each["accepted"][name] / each["cases"] for each in pairs]
        for name in (*(rule.name for rule in RULES), NAME)
    }


def tables() -> dict[str, str]:
    """Return the tables of the page."""
    data = read("forms")
    about, right, wrong = data["about"], shares("right"), shares("wrong")
    projects = [(rule.name, rule.address, rule.says) for rule in RULES]
    rules = [
        [
            f"[{name}]({address})",
            says,
            percent(1 - np.mean(right[name])),
            percent(np.mean(wrong[name])),
        ]
        for name, address, says in (*projects, (NAME, ADDRESS, SAYS))
    ]
    accepting = [[name for name in wrong if wrong[name][i] >= OFTEN] for i in range(len(WRONG))]
    bugs = [
        [f"[{pair.name}]({pair.address}): {pair.wrong}", ", ".join(names) or "none"]
        for pair, names in zip(WRONG, accepting, strict=True)
    ]
    found = [data["wrong"][pair.name]["runs"].get("differs", 0) for pair in WRONG]
    runs = f"`parity` found a bug in {sum(found)} of {RUNS * len(found)} runs, {RUNS} of each form."
    source = f"`{about['command']}`: {about['date']}, {name_versions(about)}"
    head = ["project", "its rule for float32", "right refused, %", "wrong accepted, %"]
    columns = ["wrong form", f"accepted in {100 * OFTEN:.0f} % of its cases or more by"]
    return {
        "rules": f"{table(head, rules, 2)}\n\n{source}",
        "bugs": f"{table(columns, bugs, 0)}\n\n{runs}",
    }


def percent(share: float) -> str:
    """Return a share in per cent; it is 0 or 100 only if it is none or all."""
    whole = f"{100 * share:.0f}"
    if share in (0, 1) or whole not in ("0", "100"):
        return whole
    return f"{100 * share:.1f}" if 5e-4 <= share <= 1 - 5e-4 else "<0.1" if share < 0.5 else ">99.9"


def draw() -> None:
    """Draw the picture, and write the tables into the page."""
    fill(PAGE, tables())
    figure = Figure(figsize=(7, 4.2), layout="constrained")
    axes = figure.subplots()
    right, wrong = shares("right"), shares("wrong")
    for name in right:
        x, y = 100 - 100 * np.mean(right[name]), 100 * np.mean(wrong[name])
        axes.plot(x, y, "o", color=RED if name == NAME else BLUE)
        place = PLACES.get(name, (6, 4))
        axes.annotate(name, (x, y), xytext=place, textcoords="offset points", fontsize=8)
    axes.set_xscale("symlog", linthresh=0.1)
    axes.set_xlim(-0.02, 100)
    axes.set_ylim(-4, 45)
    axes.set_xticks([0, 0.1, 1, 10, 100], labels=["0", "0.1", "1", "10", "100"])
    axes.minorticks_off()
    dress(
        axes, "right forms that are refused (per cent)", "wrong forms that are accepted (per cent)"
    )
    figure.savefig(PICTURE, dpi=150)


if __name__ == "__main__":
    torch.set_num_threads(1)
    sys.exit(command(sys.argv[1:], measure, draw))
