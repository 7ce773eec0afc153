"""The template of `check --new`: six functions to write; their docstrings are the exercise."""

from collections.abc import Sequence
from itertools import groupby
from string import Template
from textwrap import fill, indent

from compare.check.functions.signatures import Signatures, equations, signatures_of
from compare.files import resource
from compare.parity import CELLS

NUMBERS = {2: "two", 3: "three", 4: "four"}


def template_of(cell: str, file: str) -> str:
    """Return the template of a cell, to be written into a file of this name."""
    names, record = signatures_of(cell), CELLS[cell]
    states, others = names.states, names.states[1:]
    step, sequence = names.arguments("step"), names.arguments("forward")
    step_backward = (*names.named("d_{}"), *names.seen, "W_ih", "W_hh")
    last, last_gradients = names.named("{}_n"), ("d_output", *names.named("d_{}_n"))
    texts = {
        "title": record.title[0].upper() + record.title[1:],
        "cell": cell,
        "file": file,
        "forward": _indented(equations(names.forward)),
        "backward": indent(names.backward, "    "),
        "blocks": _blocks(record.gates),
        "hint": _hint(names),
        "symbols": _symbols(names),
        "last": last[0] if len(last) == 1 else f"the pair ({', '.join(last)})",
        "each": " each" if others else "",
        "tape": _tape(names),
        "terms": _terms(names),
        "alone": "".join(f" {s}_t is used by step t+1 alone." for s in others),
        "step": ", ".join(step),
        "sequence": ", ".join(sequence),
        "step_backward": ", ".join(step_backward),
        "last_gradients": ", ".join(last_gradients),
    }
    lists = {
        "step_parameters": step,
        "step_results": names.step_results,
        "sequence_parameters": sequence,
        "step_backward_parameters": step_backward[len(states) :],
        "step_gradients": names.step_gradients,
        "backward_parameters": last_gradients,
        "gradients": names.gradients,
    }
    texts |= {name: _lines(names, of) for name, of in lists.items()}
    after = _lines(names, names.named("d_{}_next")).replace("_next", "")
    texts["step_backward_parameters"] = after + "\n" + texts["step_backward_parameters"]
    frame = resource("compare.check.functions.templates", "exercise.txt")
    return Template(frame).substitute(texts)


def _indented(equations: str) -> str:
    definition = "\n\nwith σ(a) = 1 / (1 + e^-a)" if "σ(" in equations else ""
    return indent(equations + definition, " " * 8)


def _blocks(gates: Sequence[str]) -> str:
    """Return how the gates lie in a weight."""
    if not gates:
        return ""
    many = NUMBERS.get(len(gates), str(len(gates)))
    return "\n\n" + _filled(
        f"A weight has {many} blocks of H rows, in the order {', '.join(gates)}. So x_t @ W_ih.T "
        f"computes the products of all gates, side by side: (B, {len(gates)}H)."
    )


def _tape(names: Signatures) -> str:
    """Return what the tape of the plain version is."""
    states = " and ".join(names.states)
    gates = f", and gates a list: the tuple ({', '.join(names.gates)}) of each step"
    return _filled(
        f"One possible tape is ({', '.join(names.tape)}), with {states} of shape (T+1, B, H), from "
        f"step 0 to step T{gates if names.gates else ''}. With this tape, {names.cell}_backward "
        f"can be checked before this function is right."
    )


def _terms(names: Signatures) -> str:
    """Return how the arguments and results of a step back differ from those of all steps."""
    others = "".join(f", and d_{s} is what step t+1 hands back to {s}_t" for s in names.states[1:])
    return _filled(
        f"Here {_symbols(names)}. The argument d_h is δh_t{others}. Return the terms of this step "
        "alone: summed over the batch, not over the steps, and without δoutput_{t-1}."
    )


def _symbols(names: Signatures) -> str:
    return ", ".join(f"{s} is {s}_{{t-1}} and {s}_next is {s}_t" for s in names.states)


def _filled(text: str) -> str:
    return fill(text, 100, initial_indent="    ", subsequent_indent="    ")


def _hint(names: Signatures) -> str:
    return "\n\n    Hint: e^1000 is infinite. A state must be right for large inputs, too." * (
        "σ(" in names.forward
    )


def _lines(names: Signatures, of: Sequence[str]) -> str:
    """Return a line for each argument or result; names that differ in nothing else share one."""
    groups = groupby(of, lambda name: _described(names, name))
    rows = [(f"{', '.join(group)} : {shape}", what) for (shape, what), group in groups]
    width = max((len(head) for head, what in rows if what), default=0) + 5
    return "\n".join(f"    {head.ljust(width)}{what}".rstrip() for head, what in rows)


def _described(names: Signatures, name: str) -> tuple[str, str]:
    """Return the shape of an argument or a result, and what it is."""
    if name == "gates":
        return f"the tuple ({', '.join(names.gates)}), each (B, H)", ""
    is_gradient, name = name.startswith("d_"), name.removeprefix("d_")
    rows = f"{CELLS[names.cell].num_gates}H".removeprefix("1")
    shapes = {"x": "(T, B, V)", "x_t": "(B, V)", "output": "(T, B, H)"}
    shapes |= {"W_ih": f"({rows}, V)", "W_hh": f"({rows}, H)"}
    shape = f"({rows},)" if name.startswith("b") else shapes.get(name, "(B, H)")
    what = {
        "x_t": "the input of the step",
        "output": "the h after each step",
        "b": "the same for b_ih and b_hh",
        **dict.fromkeys(names.states, "the state before the step"),
        **dict.fromkeys(names.named("{}_next"), "the state after the step"),
        **dict.fromkeys(names.named("{}_0"), "the state before the first step"),
        **dict.fromkeys(names.named("{}_n"), "the state after the last step"),
    }.get(name, "")
    if is_gradient and what and name != "b":
        what = f"the gradient of {what}"
    return shape, what
