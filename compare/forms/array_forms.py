"""A function of arrays: of NumPy, which has no gradients, or of JAX."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from compare.forms.form import (
    EXACT,
    GRADIENT,
    Bind,
    FormError,
    Run,
    name_outputs,
    note,
    silence,
    stack,
)
from compare.forms.rounding import largest_move, start_rounding
from compare.forms.values import Case
from compare.implementations import Results

NARROW = {"float32", "float16", "bfloat16"}


@dataclass(slots=True)
class NumpyForm:
    """A function of arrays, without gradients."""

    title: str
    bind: Bind
    notes: list[str] = field(default_factory=list)
    is_wide: bool = True  # until a result is not float64

    def run(self, case: Case, how: Run = EXACT) -> Results:
        """Return the outputs of a case."""
        if how.dtype == "bfloat16":
            raise FormError("NumPy has no bfloat16")
        given = {
            name: array.astype(how.dtype if array.dtype.kind == "f" else array.dtype)
            for name, array in case.arrays.items()
        }
        if how.rounding:
            random, u = np.random.default_rng(how.seed), largest_move(how.rounding)
            given = {
                name: start_rounding(array, u, random) if array.dtype.kind == "f" else array
                for name, array in given.items()
            }
        with np.errstate(all="ignore"), silence():
            outputs = name_outputs(self.bind(case)(**given))
        for name, array in given.items():
            if not np.array_equal(
                np.asarray(array), case.arrays[name].astype(array.dtype), equal_nan=True
            ):
                note(self, f"changes its argument {name}")
        kinds = {str(np.asarray(output).dtype) for output in outputs.values()}
        self.is_wide &= how.dtype != "float64" or not kinds & NARROW
        return {name: np.asarray(output, np.float64) for name, output in outputs.items()}

    def run_rounded(self, case: Case, dtype: str, count: int) -> Results:
        """Return the outputs of `count` runs."""
        return stack([self.run(case, Run(rounding=dtype, seed=seed)) for seed in range(count)])


@dataclass(slots=True)
class JaxForm:
    """A function of JAX's arrays, whose gradients are JAX's. Its inputs alone are rounded."""

    title: str
    bind: Bind
    notes: list[str] = field(default_factory=list)
    is_wide: bool = True

    def run(self, case: Case, how: Run = EXACT) -> Results:
        """Return the results of a case."""
        import jax
        import jax.numpy as jnp

        jax.config.update("jax_enable_x64", True)
        random, arrays = np.random.default_rng(how.seed), dict(case.arrays)
        floats = [name for name, array in arrays.items() if array.dtype.kind == "f"]
        if how.rounding:
            u = largest_move(how.rounding)
            for name in floats:
                moves = u * random.uniform(-1, 1, arrays[name].shape)
                arrays[name] = arrays[name] + arrays[name] * moves
        given = {n: jnp.asarray(a, how.dtype if n in floats else None) for n, a in arrays.items()}
        others = {name: array for name, array in given.items() if name not in floats}

        def compute(values: dict[str, Any]) -> dict[str, Any]:
            return name_outputs(self.bind(case)(**values, **others))

        with silence():
            outputs, pull_back = jax.vjp(compute, {name: given[name] for name in floats})
            drawn = case.draw_upstream([output.shape for output in outputs.values()])
            pairs = zip(outputs.items(), drawn, strict=True)
            (gradients,) = pull_back({n: jnp.asarray(d, output.dtype) for (n, output), d in pairs})
        kinds = {str(output.dtype) for output in outputs.values()}
        self.is_wide &= how.dtype != "float64" or not kinds & NARROW
        results = outputs | {GRADIENT + name: array for name, array in gradients.items()}
        return {name: np.asarray(array, np.float64) for name, array in results.items()}

    def run_rounded(self, case: Case, dtype: str, count: int) -> Results:
        """Return the results of `count` runs."""
        return stack([self.run(case, Run(rounding=dtype, seed=seed)) for seed in range(count)])
