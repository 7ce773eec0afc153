"""Variants of the exercise: the same mathematics in another layout, for each student one.

A seed and the name of the student's file choose the variant. The solution that comes with this
package has PyTorch's layout, and so has what others have published: it is no solution of a variant.

    columns    W_ih is (V, H), and W x is ``x @ W``
    one bias   of the Elman network: b in the place of b_ih and b_hh
    order      of the gates in the weights of a GRU or an LSTM
"""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import permutations, product
from typing import Any, cast

import numpy as np

from compare.check.cases.results import Case
from compare.check.subjects.drawing import Kinds
from compare.check.subjects.plain import PlainFunctions
from compare.check.subjects.stages import STAGES, Stage
from compare.implementations import (
    CELLS,
    Array,
    LocalFunctions,
    Order,
    Signatures,
    equations,
    read_signatures,
    reorder_to_own,
    reorder_to_torch,
)
from compare.terminal import UsageError

SEED = re.compile(r"(\d{1,18})(?::(.+))?")


@dataclass(frozen=True, slots=True)
class Variant:
    """A layout of the weights that differs from PyTorch's."""

    cell: str
    columns: bool
    one_bias: bool
    order: Order  # of the gates; (): as in PyTorch

    def __str__(self) -> str:
        order = f"gates in the order {', '.join(self.order)}" if self.order else ""
        words = ["weights as columns" * self.columns, "one bias" * self.one_bias, order]
        return ", ".join(filter(None, words))

    def convert(self, name: str, array: Array) -> Array:
        """Return a weight, a bias or a gradient, from PyTorch's layout to this one."""
        own = reorder_to_own(array, self.cell, self.order)
        return np.array(own.T if self.columns and "W_" in name else own)

    def restore(self, array: Array) -> Array:
        """Return a weight or a bias, from this layout to PyTorch's."""
        turned = array.T if self.columns and array.ndim == 2 else array
        return reorder_to_torch(turned, self.cell, self.order)

    def read_signatures(self) -> Signatures:
        """Return the arguments, results and equations of the six functions."""
        names = read_signatures(self.cell)
        if self.one_bias:
            biases = {"weights": ("W_ih", "W_hh", "b"), "d_biases": ("d_b",)}
            names = replace(names, **biases)  # type: ignore[arg-type]
        forward, backward = map(self._rewrite, (names.forward, names.backward))
        gates = self.order or names.order
        return replace(names, forward=forward, backward=backward, columns=self.columns, order=gates)

    def _rewrite(self, text: str) -> str:
        """Return equations with one bias, and with the shapes of weights as columns."""
        lines = []
        for line in text.split("\n"):
            new = line
            if self.one_bias:
                new = new.replace("δb_ih = δb_hh", "δb").replace("b_ih and b_hh", "b")
                new = new.replace(" + b_hh", "").replace("b_ih", "b")
            if self.columns:
                new = re.sub(r"(W_[ih]h) \((\w+), (\w+)\)", r"\1 (\3, \2)", new)
            end = _find_gap(new)
            lines.append(new[:end] + " " * (_find_gap(line) - end) + new[end:])
        return "\n".join(map(str.rstrip, lines))

    def rephrase(self, words: str) -> str:
        """Return the words of a mistake, which are for PyTorch's layout, for this one."""
        if self.columns:
            words = re.sub(
                r"(?<!gradient of )(W_[ih]h) is (not )?transposed",
                lambda found: f"{found[1]} is {'' if found[2] else 'not '}transposed",
                words,
            )
        found = re.fullmatch(r"The gates are read in the order ((?:\w, )+\w)\.", words)
        if found is None or not self.order:
            return words
        read = dict(zip(CELLS[self.cell].gates, found[1].split(", "), strict=True))
        return f"The gates are read as {', '.join(read[gate] for gate in self.order)}."


def _find_gap(line: str) -> int:
    """Return where the first column of a line ends."""
    gap = re.search(r"(?<=\S)   ", line)
    return gap.start() if gap else len(line)


def list_variants(cell: str) -> list[Variant]:
    """Return all variants of a cell; PyTorch's layout is none."""
    gates = CELLS[cell].gates
    orders = [() if order == gates else order for order in permutations(gates)]
    choices = product((False, True), (False, True) if not gates else (False,), orders)
    return [Variant(cell, *choice) for choice in choices if any(choice)]


def choose_variant(cell: str, seed: str, file: str) -> Variant:
    """Return the variant of a student; UsageError if the seed is not N or N:NAME.

    Without a name it is that of the file, without its ending.
    """
    found = SEED.fullmatch(seed)
    if found is None:
        raise UsageError(f"expected --variant to be a number N or N:NAME, got {seed!r}")
    variants = list_variants(cell)
    digest = hashlib.sha256(f"{int(found[1])}:{found[2] or file}".encode()).digest()
    return variants[int.from_bytes(digest[:8]) % len(variants)]


class VariantFunctions(LocalFunctions):
    """The six functions of a cell, right or wrong, in the layout of a variant."""

    def __init__(self, variant: Variant, plain: PlainFunctions) -> None:
        super().__init__(plain.cell)
        self.variant, self.own = variant, plain
        self.names = variant.read_signatures()
        self.cross_entropy, self.clip_grad_norm = plain.cross_entropy, plain.clip_grad_norm

    def step(self, *given: Array) -> Any:
        """Return the states after a step, and its gates."""
        return self.own.step(*self._restore_weights(given))

    def forward(self, *given: Array) -> tuple[Any, Any, Any]:
        """Return output, the last states and the tape."""
        output, last, tape = self.own.forward(*self._restore_weights(given))
        weights = (self.variant.convert("W_", weight) for weight in tape[-2:])
        return output, last, (*tape[:-2], *weights)

    def step_backward(self, *given: Any) -> tuple[Array, ...]:
        """Return the gradients of one step."""
        weights = map(self.variant.restore, given[-2:])
        found = self.own.step_backward(*given[:-2], *weights)
        return self._convert("step_backward", found)

    def backward(self, tape: Any, *given: Array) -> tuple[Array, ...]:
        """Return all gradients."""
        weights = map(self.variant.restore, tape[-2:])
        found = self.own.backward((*tape[:-2], *weights), *given)
        return self._convert("backward", found)

    def _restore_weights(self, given: tuple[Array, ...]) -> tuple[Array, ...]:
        count = len(self.names.weights)
        weights = [self.variant.restore(weight) for weight in given[-count:]]
        if self.variant.one_bias:
            weights.append(np.zeros_like(weights[-1]))
        return *given[:-count], *weights

    def _convert(self, kind: str, found: tuple[Array, ...]) -> tuple[Array, ...]:
        names = self.names.results(kind)  # with one bias, the second gradient is left out
        return tuple(
            self.variant.convert(name, value) if name.startswith(("d_W", "d_b")) else value
            for name, value in zip(names, found, strict=False)
        )


def make_stages(variant: Variant) -> tuple[Stage, ...]:
    """Return the six stages of a variant."""
    names = variant.read_signatures()
    return tuple(
        replace(
            stage,
            equation=equations(names.backward if "back" in stage.kind else names.forward),
            run=partial(cast("partial[Any]", stage.run).func, names),
            draw=partial(_draw, variant, stage),
            wrap=partial(VariantFunctions, variant),
        )
        if stage.name.startswith(f"{variant.cell}_")
        else stage
        for stage in STAGES[variant.cell]
    )


def _draw(variant: Variant, stage: Stage, seed: int, kinds: Kinds = ()) -> Iterator[Case]:
    """Draw the cases of a stage, in the layout of a variant."""
    for case in stage.draw(seed, kinds):
        inputs = dict(case.inputs)
        for name in [name for name in inputs if name.startswith(("W_", "b_"))]:
            inputs[name] = variant.convert(name, inputs[name])
        if variant.one_bias and "b_ih" in inputs:
            inputs["b"] = inputs.pop("b_ih") + inputs.pop("b_hh")
        yield replace(case, inputs=inputs)
