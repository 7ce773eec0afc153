"""The template of `new`: six functions to write; their docstrings are the exercise."""

from collections.abc import Sequence
from itertools import groupby
from string import Template
from textwrap import fill, indent

from compare.files import resource, table
from compare.implementations import CELLS, Cell, list_equations
from compare.terminal import flag_of

TEXTS = table(f"{__package__}.templates", "exercise.toml")
NUMBERS = {2: "two", 3: "three", 4: "four"}
DEFINITION = "\n\nwith σ(a) = 1 / (1 + e^-a)"
NO_EQUATIONS = flag_of("no_equations")
DERIVE = "    Derive the equations from those of the step above: each gradient by the chain rule."


def write_template(name: str, file: str, *, has_backward: bool = True) -> str:
    """Return the template of a cell, to be written into a file of this name.

    Without the equations of the backward pass, the exercise is to derive them.
    """
    cell = CELLS[name]
    states, others, gates = cell.states, cell.states[1:], cell.gates
    uses = f"by {cell.output}" if cell.output else "as output"
    step, sequence = cell.list_arguments("step"), cell.list_arguments("forward")
    step_backward = cell.list_arguments("step_backward")
    last, last_gradients = cell.name_states("{}_n"), ("d_output", *cell.name_states("d_{}_n"))
    has_sigma = "σ(" in cell.forward
    values: dict[str, object] = {
        "title": cell.title[0].upper() + cell.title[1:],
        "cell": name,
        "file": file,
        "forward": indent(list_equations(cell.forward) + DEFINITION * has_sigma, " " * 8),
        "flag": "" if has_backward else f" {NO_EQUATIONS}",
        "delta": ", δy in the equations" if has_backward else "",
        "backward": indent(cell.backward.strip(), "    ") if has_backward else DERIVE,
        "symbols": ", ".join(f"{s} is {s}_{{t-1}} and {s}_next is {s}_t" for s in states),
        "gates": ", ".join(gates),
        "number": len(gates),
        "blocked": "W_ih" if cell.single else "A weight",
        "two_rows": " W_ig has a row for alpha, and one for beta." * ("W_ig" in cell.weights),
        "many": NUMBERS.get(len(gates), len(gates)),
        "last": last[0] if len(last) == 1 else f"the pair ({', '.join(last)})",
        "each": " each" if others else "",
        "states": " and ".join(states),
        "sizes": cell.show_sizes("B"),
        "all_sizes": cell.show_sizes("T+1, B"),
        "output": "the o of each step" if cell.output else "the h after each step, h_1 … h_T",
        "two_uses": f"{states[0]}_t is used twice, {uses} and by step t+1",
        "handed_on": "d_S_next is what step t+1 gives δS_t" if cell.output else "d_h_next is δh_t",
        "derived": "d_S_next is what step t+1 gives dL/dS_t" if cell.output else "d_h is dL/dh_t",
        "kept": ", ".join(cell.tape),
        "of_gates": f", and gates a list: the tuple ({', '.join(cell.kept)}) of each step"
        * bool(cell.kept),
        "handed_back": "".join(f", and d_{s}_next comes to {s}_t from step t+1" for s in others),
        "alone": "".join(f" {s}_t is used by step t+1 alone." for s in others),
        "step": ", ".join(step),
        "sequence": ", ".join(sequence),
        "step_backward": ", ".join(step_backward),
        "last_gradients": ", ".join(last_gradients),
    }
    texts = {
        name: indent(fill(Template(text).substitute(values), 96), " " * 4)
        for name, text in TEXTS["paragraphs"].items()
    }
    texts["terms"] = texts["terms" if has_backward else "derived_terms"]
    texts["blocks"] = f"\n\n{texts['blocks']}" if gates else ""
    texts["hint"] = f"\n\n{texts['hint']}" if has_sigma else ""
    lists = {
        "step_parameters": step,
        "step_results": cell.list_results("step"),
        "sequence_parameters": sequence,
        "step_backward_parameters": step_backward,
        "step_gradients": cell.list_results("step_backward"),
        "backward_parameters": last_gradients,
        "gradients": cell.list_results("backward"),
    }
    texts |= {name: _write_lines(cell, of) for name, of in lists.items()}
    frame = resource("compare.check.exercise.templates", "exercise.txt")
    return Template(frame).substitute(values | texts)


def _write_lines(cell: Cell, of: Sequence[str]) -> str:
    """Return a line for each argument or result; names that differ in nothing else share one."""
    groups = groupby(of, lambda name: _describe(cell, name))
    rows = [(f"{', '.join(group)} : {shape}", what) for (shape, what), group in groups]
    width = max((len(head) for head, what in rows if what), default=0) + 5
    return "\n".join(f"    {head.ljust(width)}{what}".rstrip() for head, what in rows)


def _describe(cell: Cell, name: str) -> tuple[str, str]:
    """Return the shape of an argument or a result, and what it is."""
    if name == "gates":
        single = f"; {', '.join(cell.single)} (B, 1)" if cell.single else ""
        return f"the tuple ({', '.join(cell.kept)}), each (B, H){single}", ""
    is_gradient, name = name.startswith("d_"), name.removeprefix("d_")
    rows = f"{cell.num_gates}H".removeprefix("1")
    shapes = {"x": "(T, B, V)", "x_t": "(B, V)", "output": "(T, B, H)", "b": f"({rows},)"}
    for parameter in cell.parameters:
        own = str(parameter.rows or rows)
        shapes[parameter.letter] = (
            f"({own}, {parameter.columns})" if parameter.columns else f"({own},)"
        )
    shapes |= {cell.output: "(B, H)"}
    shape = shapes.get(name, cell.show_sizes("B"))
    state, _, when = name.partition("_")
    what = TEXTS["described"].get((when or "state") if state in cell.states else name, "")
    what = "the o of each step" if name == "output" and cell.output else what
    what = "" if name in cell.weights else what
    if is_gradient and what and name != "b":
        what = f"the gradient of {what}"
    return shape, what
