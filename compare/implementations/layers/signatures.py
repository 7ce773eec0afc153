"""The names of arguments and results, and the equations, of a cell's six functions.

They are read from the plain version, so that a new cell has its stages and its template.
"""

import inspect
import re
from dataclasses import dataclass
from functools import lru_cache

from compare.implementations.core.cells import CELLS

WEIGHTS = ("W_ih", "W_hh", "b_ih", "b_hh")


@dataclass(frozen=True, slots=True)
class Signatures:
    """What the functions of a cell take and return."""

    cell: str
    states: tuple[str, ...]
    gates: tuple[str, ...]  # returned by a step beside the states, for the step back
    computed: tuple[str, ...]  # the results of a step, in the order in which they are computed
    seen: tuple[str, ...]  # arguments of a step back beside gradients and weights
    d_biases: tuple[str, ...]  # results of a step back
    forward: str  # the sections of the plain version's docstring
    backward: str
    weights: tuple[str, ...] = WEIGHTS

    def arguments(self, kind: str) -> tuple[str, ...]:
        """Return what a stage takes; one of a backward pass, also the forward pass before it."""
        sequence = ("x", *self.named("{}_0"), *self.weights)
        return {
            "step": ("x_t", *self.states, *self.weights),
            "forward": sequence,
            "step_backward": (*self.named("d_{}_next"), *self.seen, "W_ih", "W_hh"),
            "backward": (*sequence, "d_output", *self.named("d_{}_n")),
        }[kind]

    def results(self, kind: str) -> tuple[str, ...]:
        """Return what a stage gives, beside the states of a forward pass and its tape."""
        gates = ("gates",) if self.gates else ()
        return {
            "step": (*self.named("{}_next"), *gates),
            "step_backward": ("d_x_t", *self.named("d_{}"), "d_W_ih", "d_W_hh", *self.d_biases),
            "backward": ("d_x", *self.named("d_{}_0"), *(f"d_{n}" for n in self.weights)),
        }[kind]

    @property
    def tape(self) -> tuple[str, ...]:
        """The items of the tape that the template suggests."""
        return ("x", *self.states, *(("gates",) if self.gates else ()), "W_ih", "W_hh")

    def named(self, pattern: str) -> tuple[str, ...]:
        """Return a name for each state: h_0 and c_0 of the pattern ``{}_0``."""
        return tuple(pattern.format(state) for state in self.states)


@lru_cache
def read_signatures(cell: str) -> Signatures:
    """Read the signatures from a cell's plain version."""
    record, plain = CELLS[cell], CELLS[cell].plain
    states, after = record.states, {f"{name}_t": f"{name}_next" for name in record.states}
    step, step_backward = (getattr(plain, f"{cell}_{name}") for name in ("step", "step_backward"))
    variables = inspect.unwrap(step).__code__.co_varnames  # also where its types are checked
    assigned = [after.get(name, name) for name in variables]
    results = {*record.kept, *after.values()}
    computed = [name for name in assigned if name in results]
    computed += [name for name in reversed(after.values()) if name not in computed]
    parameters = inspect.signature(step_backward).parameters.values()
    arguments = [after.get(p.name, p.name) for p in parameters if p.default is p.empty]
    forward, backward = _passes(plain.__doc__ or "", record.nonlinearities[0])
    return Signatures(
        cell,
        states,
        record.kept,
        tuple(computed),
        tuple(arguments[len(states) : -2]),
        ("d_b",) if record.adds_biases else ("d_b_ih", "d_b_hh"),
        forward,
        backward,
    )


def _passes(text: str, nonlinearity: str) -> list[str]:
    """Return the sections of both passes, from the docstring of a plain version."""
    found = []
    for name, until in (
        ("Forward, for t = 1 … T", "Backward,"),
        ("Backward, for t = T … 1", "The |torch |U"),
    ):
        section = re.search(rf"^{name}[.,] (.*?)(?=^(?:{until}))", text + "\nUntil", re.M | re.S)
        if section is None:
            raise ValueError(f"expected a section {name!r} in the docstring of a plain version")
        of_one = re.sub(r"; ReLU' = .*", "", section[1])
        found.append(re.sub(r"\bf('?\(\w+\)) {3}", rf"{nonlinearity}\1", of_one).strip())
    return found


def equations(section: str) -> str:
    """Return the equations of a section: its indented lines."""
    return "\n".join(line[4:] for line in section.splitlines() if line.startswith("    "))
